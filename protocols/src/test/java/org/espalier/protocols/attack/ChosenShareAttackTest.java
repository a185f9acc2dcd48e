package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.espalier.protocols.shares.IntegerMatrix;
import org.junit.jupiter.api.Test;

/**
 * Where weights are shared and logits opened (not offered), a label party that alters its share by
 * δ opens X·δ: with δ = Σ 2^(14l)·e_l four columns of 14 bits at once. At level sealed the same
 * party, which also chooses what it encrypts, has a masked value.
 */
class ChosenShareAttackTest {
  private static final int ROWS = 800;
  private static final int COLUMNS = 12;
  private static final int BITS = 14;
  private final Random random = new Random(5);
  private final int[] x = random.ints(ROWS * COLUMNS, -8 << 10, 8 << 10).map(v -> v / 2).toArray();

  /** Entries of the slice that the digits of the opened values give. */
  private int entriesRead(long[] opened, int first, int packed) {
    int right = 0;
    for (int i = 0; i < ROWS; i++) {
      long rest = opened[i];
      for (int l = 0; l < packed; l++) {
        long digit = ((rest + (1L << (BITS - 1))) & ((1L << BITS) - 1)) - (1L << (BITS - 1));
        rest = (rest - digit) >> BITS;
        right += digit == x[i * COLUMNS + first + l] ? 1 : 0;
      }
    }
    return right;
  }

  @Test
  void openedLogitsOfSharedWeightsGiveFourColumnsAPassExactly() {
    long mask = (1L << 59) - 1;
    int right = 0;
    for (int first = 0; first < COLUMNS; first += 4) {
      // Shares of weights that are zero, as in the first pass; then the label party's changed one.
      long[] u = random.longs(COLUMNS).map(v -> v & mask).toArray();
      long[] v = new long[COLUMNS];
      for (int j = 0; j < COLUMNS; j++) {
        v[j] = -u[j] & mask;
      }
      for (int l = 0; l < 4; l++) {
        v[first + l] = (v[first + l] + (1L << (BITS * l))) & mask;
      }
      long[] opened = new long[ROWS];
      for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
          opened[i] += x[i * COLUMNS + j] * (u[j] + v[j] & mask);
        }
        opened[i] = opened[i] << 5 >> 5;
      }
      right += entriesRead(opened, first, 4);
    }
    assertThat(right).isEqualTo(ROWS * COLUMNS);
  }

  @Test
  void atSealedTheSameShareGivesUniformResidues() {
    IntegerMatrix matrix = Sealed.matrix(ROWS, COLUMNS, x);
    int unmasked = 0;
    int masked = 0;
    for (int first = 0; first < COLUMNS; first += 3) {
      long[] packed = new long[COLUMNS];
      for (int l = 0; l < 3; l++) {
        packed[first + l] = 1L << (BITS * l);
      }
      long[] product = matrix.times(Sealed.FIELD, packed);
      long[] seen = Sealed.forward(matrix, packed, Sealed.coins(first));
      assertThat(Uniformity.of(seen, Sealed.FIELD.modulus())).isGreaterThan(Uniformity.SURELY_NOT);
      unmasked += entriesRead(centred(product), first, 3);
      masked += entriesRead(centred(seen), first, 3);
    }
    assertThat(unmasked).as("without the reply's mask").isEqualTo(ROWS * COLUMNS);
    // A digit of 14 bits is right by chance once in 16,384 times.
    assertThat(masked).isLessThan(12);
  }

  private static long[] centred(long[] residues) {
    long[] out = new long[residues.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Sealed.FIELD.centre(residues[i]);
    }
    return out;
  }
}
