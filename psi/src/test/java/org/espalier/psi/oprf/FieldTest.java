package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FieldTest {
  /** Schoolbook, with the modulus as a polynomial. */
  private static long slow(long a, long b) {
    BigInteger modulus = BigInteger.ONE.shiftLeft(64).or(BigInteger.valueOf(0x1b));
    BigInteger product = BigInteger.ZERO;
    BigInteger left = new BigInteger(Long.toUnsignedString(a));
    for (int bit = 0; bit < 64; bit++) {
      if ((b >>> bit & 1) != 0) {
        product = product.xor(left.shiftLeft(bit));
      }
    }
    for (int bit = product.bitLength() - 1; bit >= 64; bit--) {
      if (product.testBit(bit)) {
        product = product.xor(modulus.shiftLeft(bit - 64));
      }
    }
    return product.longValue();
  }

  @Test
  void productsAgreeWithPolynomialsAndWithTables() {
    Random random = new Random(1);
    for (int i = 0; i < 200; i++) {
      long a = random.nextLong();
      long b = random.nextLong();
      long c = random.nextLong();
      assertThat(Field.multiply(a, b)).isEqualTo(slow(a, b)).isEqualTo(Field.multiply(b, a));
      assertThat(Field.timesX(a)).isEqualTo(slow(a, 2));
      long[] pairs = {7, 8, 9};
      new Field.Multiplier(a, b).addProduct(c, pairs, 1);
      assertThat(pairs).containsExactly(7, 8 ^ slow(a, c), 9 ^ slow(b, c));
    }
  }

  /** x^(2^64) = x and x^(2^32) ≠ x: Rabin's test, as 2 is the only prime that divides 64. */
  @Test
  void theModulusIsIrreducible() {
    long power = 2;
    for (int i = 0; i < 32; i++) {
      power = Field.multiply(power, power);
    }
    // gcd(x^(2^32) - x, modulus) = 1 exactly if the difference is invertible: d^(2^64 - 1) = 1.
    long difference = power ^ 2;
    long product = 1;
    long square = difference;
    for (int i = 0; i < 64; i++) {
      product = Field.multiply(product, square);
      square = Field.multiply(square, square);
    }
    assertThat(product).isEqualTo(1);
    for (int i = 32; i < 64; i++) {
      power = Field.multiply(power, power);
    }
    assertThat(power).isEqualTo(2);
  }
}
