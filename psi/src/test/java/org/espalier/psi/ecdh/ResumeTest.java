package org.espalier.psi.ecdh;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.stream.IntStream;
import org.espalier.psi.Cuts;
import org.espalier.psi.Table;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An alignment that is cut after any message, and that nobody kept, ends with the same people. */
class ResumeTest {
  @TempDir Path folder;

  private static Table ids(int from, int to) {
    return Table.of(IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new));
  }

  @Test
  void twoParties() throws Exception {
    // Hello, count, both lists, verdict, places, cohort and confirmation, one way or the other.
    assertThat(Cuts.everywhere(() -> new Run(ids(0, 40), ids(25, 90)), folder)).isBetween(14, 30);
  }

  /** A list that takes two messages, masked by its owner and then by the other. */
  @Test
  void everyChunkOfALongerList() throws Exception {
    Table a = ids(0, Messages.CHUNK + 10);
    Table b = ids(Messages.CHUNK - 40, Messages.CHUNK + 30);
    int elements = Messages.Elements.TYPE.code();
    // Two messages there, two back, one of the other's list; more if the machine is busy.
    assertThat(Cuts.before(() -> new Run(a, b), folder, type -> type == elements)).isBetween(5, 12);
  }

  @Test
  void threeParties() throws Exception {
    Table a = ids(0, 40);
    Table b = ids(10, 60);
    Table c = ids(5, 30);
    assertThat(Cuts.everywhere(() -> new Run(a, b, c), folder)).isBetween(30, 60);
  }
}
