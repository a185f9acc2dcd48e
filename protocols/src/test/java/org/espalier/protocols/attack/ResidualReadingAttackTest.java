package org.espalier.protocols.attack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.mask.Prg;
import org.junit.jupiter.api.Test;

/**
 * A feature party that multiplies a matrix of its choice instead of its slice reads residuals: with
 * powers of two in a column, as many labels as a residual has bits, for each column and pass. That
 * is what level gradients states for a party that deviates. At level sealed its half of the product
 * is all it has.
 */
class ResidualReadingAttackTest {
  private static final int ROWS = 600;
  private static final int COLUMNS = 10;

  private final Quantisation quantisation = Quantisation.forRows(ROWS);
  private final int perColumn = quantisation.residualBits() - 1;

  /** Labels right among those that the attacker's columns single out. */
  private int right(long[] sums, double[] y, double prevalence) {
    int right = 0;
    for (int j = 0; j < COLUMNS; j++) {
      double scale = Math.scalb(1.0, quantisation.residualBits());
      double expected = prevalence * scale * ((1 << perColumn) - 1);
      long bits = Math.round((expected - sums[j]) / scale);
      for (int i = 0; i < perColumn; i++) {
        right += (bits >> i & 1) == (long) y[j * perColumn + i] ? 1 : 0;
      }
    }
    return right;
  }

  @Test
  void chosenColumnsReadElevenLabelsEachAtGradientsAndNoneAtSealed() {
    Random random = new Random(8);
    double[] y = random.doubles(ROWS).map(u -> u < 0.3 ? 1 : 0).toArray();
    double prevalence = Arrays.stream(y).average().orElseThrow();
    // The first pass of a label party without features: residuals are the labels less their mean.
    double[] residuals = Arrays.stream(y).map(v -> prevalence - v).toArray();
    long[] r = new long[ROWS];
    quantisation.quantiseResiduals(residuals, Sealed.coins(1), r);
    int[] chosen = new int[ROWS * COLUMNS];
    for (int j = 0; j < COLUMNS; j++) {
      for (int i = 0; i < perColumn; i++) {
        chosen[(j * perColumn + i) * COLUMNS + j] = 1 << i;
      }
    }
    int targets = COLUMNS * perColumn;
    try (Product product = new Product(chosen, ROWS, COLUMNS, 1L << quantisation.residualBits())) {
      Product.Sides sides = product.answer(r);
      assertThat(targets).isEqualTo(110);
      assertThat(right(sides.result(), y, prevalence)).as("gradients").isEqualTo(targets);
      // At sealed nobody returns the other half.
      int atSealed = 0;
      for (int k = 0; k < 20; k++) {
        atSealed += right(product.answer(r).shares(), y, prevalence);
      }
      assertThat(atSealed / 20.0).as("sealed").isBetween(0.40 * targets, 0.60 * targets);
    }
  }

  /** What such a party sees online at sealed, and its half of a product: uniform for any labels. */
  @Test
  void maskedResidualsAtSealedAreUniform() {
    Prg coins = Sealed.coins(2);
    long[] share = Sealed.FIELD.uniform(coins, 20_000);
    long[] online = new long[share.length];
    for (int i = 0; i < share.length; i++) {
      // Residual of a positive: without masks one value for everybody.
      long residual = Sealed.FIELD.residue(-1024);
      long labelParty = Sealed.FIELD.subtract(residual, share[i]);
      online[i] = Sealed.FIELD.subtract(labelParty, Sealed.FIELD.uniform(coins, 1)[0]);
    }
    assertThat(Uniformity.of(online, Sealed.FIELD.modulus())).isGreaterThan(Uniformity.SURELY_NOT);
    long[] open = new long[share.length];
    Arrays.fill(open, Sealed.FIELD.residue(-1024));
    assertThat(Uniformity.of(open, Sealed.FIELD.modulus())).isLessThan(Uniformity.SURELY_NOT);
  }
}
