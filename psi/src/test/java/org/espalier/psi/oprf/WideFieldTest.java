package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WideFieldTest {
  private static BigInteger number(long[] element, int at) {
    return new BigInteger(Long.toUnsignedString(element[at + 1]))
        .shiftLeft(64)
        .or(new BigInteger(Long.toUnsignedString(element[at])));
  }

  /** Schoolbook, with the modulus as a polynomial. */
  private static BigInteger slow(BigInteger a, BigInteger b) {
    BigInteger modulus = BigInteger.ONE.shiftLeft(128).or(BigInteger.valueOf(0x87));
    BigInteger product = BigInteger.ZERO;
    for (int bit = 0; bit < 128; bit++) {
      if (b.testBit(bit)) {
        product = product.xor(a.shiftLeft(bit));
      }
    }
    for (int bit = product.bitLength() - 1; bit >= 128; bit--) {
      if (product.testBit(bit)) {
        product = product.xor(modulus.shiftLeft(bit - 128));
      }
    }
    return product;
  }

  @Test
  void productsAgreeWithPolynomialsAndWithTables() {
    Random random = new Random(1);
    for (int i = 0; i < 100; i++) {
      long[] a = {random.nextLong(), random.nextLong()};
      long[] b = {random.nextLong(), random.nextLong()};
      BigInteger product = slow(number(a, 0), number(b, 0));
      assertThat(number(WideField.multiply(a, b), 0)).isEqualTo(product);
      long[] sum = {7, 8, 9, 10};
      new WideField.Multiplier(a[0], a[1]).addProducts(b, 0, sum, 1, 1);
      assertThat(Arrays.copyOf(sum, 2)).containsExactly(7, 8);
      assertThat(number(sum, 2)).isEqualTo(product.xor(number(new long[] {9, 10}, 0)));
    }
  }

  /** Of an odd number of longs the last counts as half an element. */
  @Test
  void theHashIsTheSumOfProductsUnderItsMask() {
    Random random = new Random(2);
    for (int length : new int[] {2, 3, 4, 7, 40}) {
      long[] challenge = random.longs(length + 2).toArray();
      long[] vector = random.longs(length + 2).toArray();
      BigInteger sum = number(vector, length);
      for (int j = 0; j < length; j += 2) {
        long[] element = {vector[j], j + 1 < length ? vector[j + 1] : 0};
        sum = sum.xor(slow(number(challenge, j), number(element, 0)));
      }
      assertThat(number(WideField.hash(challenge, vector), 0)).isEqualTo(sum);
    }
  }

  /** More than one slice. */
  @Test
  void theCombinationIsTheSumOfProducts() {
    Random random = new Random(3);
    byte[] seed = new byte[32];
    random.nextBytes(seed);
    int count = (1 << 17) + 100;
    long[] elements = new long[2 * count + 4];
    int[] places = {0, 1, 63, 64, 65, (1 << 17) - 1, 1 << 17, count - 1};
    BigInteger sum = BigInteger.ZERO;
    for (int place : places) {
      elements[2 * place] = random.nextLong();
      elements[2 * place + 1] = random.nextLong();
      int slice = place >>> 17;
      long[] challenge = new long[2 * (place - (slice << 17) + 1)];
      Blocks.stream(seed, slice).fill(challenge, 0, challenge.length);
      sum = sum.xor(slow(number(challenge, challenge.length - 2), number(elements, 2 * place)));
    }
    elements[2 * count] = 1;
    assertThat(number(WideField.combine(seed, elements, count), 0)).isEqualTo(sum);
  }
}
