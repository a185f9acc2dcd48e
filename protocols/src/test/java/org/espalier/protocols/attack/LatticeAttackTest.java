package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.junit.jupiter.api.Test;

/**
 * Exact logits of fewer passes than columns already give whole-number features away: short integer
 * relations between people's logits are relations between their features (hidden linear
 * combinations: Nguyen and Stern 1999; Coron and Gini, ePrint 2020/461).
 */
class LatticeAttackTest {
  private static final int ROWS = 1000;
  private static final int COLUMNS = 8;
  private static final int PEOPLE = 30;
  private static final int RELATIONS = PEOPLE - COLUMNS - 1;

  /** How many of the first relations hold for every column. */
  private static int right(long[][] relations, int count, long[][] columns) {
    int right = 0;
    for (int r = 0; r < count; r++) {
      long[] c = relations[r];
      boolean holds = Arrays.stream(c).anyMatch(v -> v != 0);
      for (long[] column : columns) {
        holds &= IntStream.range(0, c.length).mapToLong(i -> c[i] * column[i]).sum() == 0;
      }
      right += holds ? 1 : 0;
    }
    return right;
  }

  /**
   * An earlier design: features and weights are integers, their products are opened as they are.
   */
  @Test
  void exactIntegerLogitsOfAThirdAsManyPassesAsColumnsGiveTheColumnsAway() {
    int d = 6;
    int m = 5 * d;
    Random random = new Random(9);
    long[][] columns = new long[d][];
    for (int j = 0; j < d; j++) {
      columns[j] =
          IntStream.range(0, m).mapToLong(i -> Math.round(1024 * random.nextGaussian())).toArray();
    }
    long[][] opened = new long[m][2];
    for (int pass = 0; pass < 2; pass++) {
      for (int j = 0; j < d; j++) {
        long weight = random.nextLong() >> 23;
        for (int i = 0; i < m; i++) {
          opened[i][pass] += columns[j][i] * weight;
        }
      }
    }
    assertThat(right(Lattice.relations(opened, 1), m - d, columns)).isEqualTo(m - d);
  }

  /** Ages, counts and yes/no columns. */
  private static long[][] wholeNumbers(Random random) {
    long[][] columns = new long[COLUMNS][ROWS];
    for (int j = 0; j < COLUMNS; j++) {
      for (int i = 0; i < ROWS; i++) {
        columns[j][i] =
            j < 2
                ? 18 + random.nextInt(70)
                : j < 4 ? random.nextInt(12) : random.nextInt(4 + j) / (3 + j);
      }
    }
    return columns;
  }

  /** Relations found in logits of whitened and rotated columns, opened with the product's bits. */
  private static int found(int passes, int noiseBits) {
    Random random = new Random(4);
    long[][] columns = wholeNumbers(random);
    Matrix x = Cohort.standardised(columns);
    double[] y =
        IntStream.range(0, ROWS)
            .mapToDouble(i -> random.nextGaussian() + x.get(i, 0) + x.get(i, 5) > 0 ? 1 : 0)
            .toArray();
    Matrix white = Whitening.of(x, 1e-6).apply(x);
    OpenedLogits view = OpenedLogits.of(white, y, passes, noiseBits, 3);
    int unit = noiseBits == OpenedLogits.EXACT ? 0 : Ring.LOGITS.fraction() - noiseBits;
    long[][] opened = new long[PEOPLE][passes + 1];
    for (int i = 0; i < PEOPLE; i++) {
      for (int pass = 0; pass < passes; pass++) {
        opened[i][pass] =
            Math.round(Math.scalb(view.opened().get(pass)[i], Ring.LOGITS.fraction()));
      }
      // Columns are centred, so that relations add up to zero, too.
      opened[i][passes] = 1L << (unit + 12);
    }
    long[][] mine =
        Arrays.stream(columns).map(c -> Arrays.copyOf(c, PEOPLE)).toArray(long[][]::new);
    return right(Lattice.relations(opened, 1L << unit), RELATIONS, mine);
  }

  /** A relation between people holds in every basis: whitening and rotation do not hide it. */
  @Test
  void withoutNoiseAQuarterAsManyPassesAsWholeNumberColumnsGivesThemAway() {
    assertThat(found(2, OpenedLogits.EXACT)).isEqualTo(RELATIONS);
  }

  /** At most a few in the allowed passes; all of them where {@code accept: span} allows more. */
  @Test
  void theNoiseStopsItForTheAllowedPassesOnly() {
    int noise = Disclosure.noiseBits(ROWS, 1);
    int allowed = Disclosure.passLimit(COLUMNS, 200, false, 0);
    assertThat(allowed).isEqualTo(2);
    assertThat(found(allowed, noise)).isLessThan(RELATIONS / 4);
    assertThat(found(2 * allowed, noise)).isGreaterThan(3 * RELATIONS / 4);
  }
}
