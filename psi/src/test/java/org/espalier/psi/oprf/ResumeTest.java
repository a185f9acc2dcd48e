package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.espalier.psi.Cuts;
import org.espalier.psi.Table;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An alignment that is cut after any message ends with the same people at the next attempt, which
 * draws all secrets anew: nothing that answered one set may answer another.
 */
class ResumeTest {
  @TempDir Path folder;

  private static Table ids(int from, int to) {
    return Table.of(IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new));
  }

  private static Supplier<Run> runs(Table... tables) {
    return () -> new Run(tables);
  }

  @Test
  void twoParties() throws Exception {
    // Hello, base transfers, count, correction, trees, tables, values, verdict, members, cohort and
    // confirmation, one way or the other.
    assertThat(Cuts.everywhere(runs(ids(0, 60), ids(20, 90)), folder)).isBetween(15, 40);
  }

  /** With checks against parties that deviate, before the stores that are asked with. */
  @Test
  void twoPartiesWithChecks() throws Exception {
    int tables = Messages.Table.TYPE.code();
    Supplier<Run> checked =
        () -> {
          Run run = new Run(ids(0, 60), ids(20, 90));
          run.checked = true;
          return run;
        };
    assertThat(Cuts.before(checked, folder, type -> type == tables)).isBetween(1, 4);
  }

  /** Of three parties, before the stores that are asked with and those of shares. */
  @Test
  void threeParties() throws Exception {
    int tables = Messages.Table.TYPE.code();
    assertThat(
            Cuts.before(runs(ids(0, 40), ids(10, 60), ids(5, 30)), folder, type -> type == tables))
        .isBetween(4, 8);
  }
}
