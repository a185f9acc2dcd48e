package org.espalier.psi;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;

/**
 * Cuts a run of an alignment after each of its messages, in each direction, then runs the next
 * attempt: whatever the first one left behind, the people are the same.
 */
public final class Cuts {
  private Cuts() {}

  /**
   * @param runs makes the same run anew, with the same tables
   * @return how many places were tried
   */
  public static int everywhere(Supplier<? extends Parties> runs, Path folder) throws Exception {
    return before(runs, folder, type -> true);
  }

  /**
   * @param types codes of the messages before which to cut
   */
  public static int before(Supplier<? extends Parties> runs, Path folder, IntPredicate types)
      throws Exception {
    Parties good = runs.get();
    List<Alignment> whole = good.succeed(folder);
    good.assertIsTheJoin(whole);
    int cuts = 0;
    for (int from = 0; from < good.parties.size(); from++) {
      for (int to = 0; to < good.parties.size(); to++) {
        if (to != from) {
          for (long end : places(good, from, to, types)) {
            cut(runs.get(), from, to, end, folder);
            again(runs.get(), whole, folder);
            cuts++;
          }
        }
      }
    }
    return cuts;
  }

  /** Where messages begin, so that the first cut leaves none and the last all but the last. */
  private static List<Long> places(Parties good, int from, int to, IntPredicate types) {
    ByteBuffer bytes =
        ByteBuffer.wrap(good.network.recorded(good.parties.get(from), good.parties.get(to)));
    List<Long> places = new ArrayList<>();
    while (bytes.hasRemaining()) {
      long place = bytes.position();
      if (types.test(bytes.getShort())) {
        places.add(place);
      }
      int length = bytes.getInt();
      bytes.position(bytes.position() + length);
    }
    return places;
  }

  private static void cut(Parties run, int from, int to, long end, Path folder) throws Exception {
    run.network =
        new MemoryNetwork(false, Duration.ofSeconds(60))
            .with(run.parties.get(from), run.parties.get(to), Faults.cutAfter(end));
    List<Parties.Outcome> outcomes = run.align(folder);
    assertThat(outcomes)
        .as("from %d to %d, cut after %d bytes", from, to, end)
        .anyMatch(o -> o.failure() != null)
        .filteredOn(o -> o.failure() != null)
        .allSatisfy(o -> assertThat(o.failure()).isInstanceOf(WireException.class));
    try (var left = Files.list(folder)) {
      assertThat(left).as("temporary files").isEmpty();
    }
  }

  private static void again(Parties run, List<Alignment> whole, Path folder) throws Exception {
    run.session = new Session(run.session.job(), run.session.specDigest(), 2);
    run.network = new MemoryNetwork(false, Duration.ofSeconds(60));
    List<Alignment> second = run.succeed(folder);
    run.assertIsTheJoin(second);
    for (int party = 0; party < whole.size(); party++) {
      assertThat(sorted(second.get(party))).isEqualTo(sorted(whole.get(party)));
    }
  }

  private static int[] sorted(Alignment alignment) {
    int[] rows = alignment.rows();
    Arrays.sort(rows);
    return rows;
  }
}
