package org.espalier.wire.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MutatorTest {
  /** A change is a change: what is counted above is not messages as they were. */
  @Test
  void theMutatorChanges() {
    Random random = new Random(1);
    byte[] bytes = new byte[100];
    random.nextBytes(bytes);
    assertThat(unchanged(new Mutator(random), bytes)).isLessThan(200);
    byte[] text =
        "{\"a\": 12, \"b\": [true, null]}\n{\"c\": \"d\"}".getBytes(StandardCharsets.UTF_8);
    assertThat(unchanged(new Mutator(random, true), text)).isLessThan(200);
  }

  private static int unchanged(Mutator mutator, byte[] bytes) {
    int same = 0;
    for (int i = 0; i < 2000; i++) {
      same += Arrays.equals(mutator.change(bytes, bytes), bytes) ? 1 : 0;
    }
    return same;
  }
}
