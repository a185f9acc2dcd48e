package org.espalier.psi.curve;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.HexFormat;
import java.util.Random;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.junit.jupiter.api.Test;

class ElligatorTest {
  private static final HexFormat HEX = HexFormat.of();
  private static final BigInteger A = BigInteger.valueOf(486662);

  private static byte[] random(Random random) {
    return Elligator.bytes(new BigInteger(255, random).mod(Elligator.P));
  }

  @Test
  void theLadderAgreesWithRfc7748() {
    byte[] scalar =
        HEX.parseHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    byte[] u = HEX.parseHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    scalar[0] &= (byte) 0xf8;
    scalar[31] = (byte) ((scalar[31] & 0x7f) | 0x40);
    assertThat(Elligator.multiply(scalar, u))
        .isEqualTo(
            HEX.parseHex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
  }

  @Test
  void theLadderAgreesWithX25519AndTakesAnyScalar() {
    Random random = new Random(1);
    byte[] expected = new byte[32];
    for (int i = 0; i < 20; i++) {
      byte[] u = random(random);
      byte[] scalar = new byte[32];
      random.nextBytes(scalar);
      scalar[0] &= (byte) 0xf8;
      scalar[31] = (byte) ((scalar[31] & 0x7f) | 0x40);
      X25519.scalarMult(scalar, 0, u, 0, expected, 0);
      assertThat(Elligator.multiply(scalar, u)).isEqualTo(expected);
      // (2k + 1) P and (2k - 1) P differ from 2k P; their common multiples agree.
      byte[] three = Elligator.bytes(BigInteger.valueOf(3));
      byte[] five = Elligator.bytes(BigInteger.valueOf(5));
      byte[] fifteen = Elligator.bytes(BigInteger.valueOf(15));
      assertThat(Elligator.multiply(three, Elligator.multiply(five, u)))
          .isEqualTo(Elligator.multiply(fifteen, u))
          .isNotEqualTo(Elligator.multiply(three, u));
    }
    assertThat(Elligator.multiply(new byte[32], random(random))).isEqualTo(new byte[32]);
  }

  @Test
  void everyPreimageMapsBackAndHalfOfThePointsHaveFour() {
    Random random = new Random(2);
    Elligator elligator = new Elligator();
    byte[] base = Elligator.bytes(BigInteger.valueOf(9));
    int with = 0;
    for (int i = 0; i < 400; i++) {
      byte[] u = Elligator.multiply(random(random), base);
      byte[] first = elligator.preimage(u, 0);
      with += first == null ? 0 : 1;
      for (int which = 0; which < 4; which++) {
        byte[] r = elligator.preimage(u, which);
        assertThat(r == null).isEqualTo(first == null);
        if (r != null) {
          byte[] back = new byte[32];
          elligator.map(r, back, 0);
          assertThat(back).isEqualTo(u);
          assertThat(Elligator.canonical(r, 0)).isTrue();
          for (int other = 0; other < which; other++) {
            assertThat(r).isNotEqualTo(elligator.preimage(u, other));
          }
        }
      }
    }
    // 400 fair coins: six standard deviations are 60.
    assertThat(with).isBetween(140, 260);
  }

  @Test
  void theTwoPointsWithoutPreimagesAreRefused() {
    Elligator elligator = new Elligator();
    for (int which = 0; which < 4; which++) {
      assertThat(elligator.preimage(new byte[32], which)).isNull();
      assertThat(elligator.preimage(Elligator.bytes(Elligator.P.subtract(A)), which)).isNull();
    }
  }

  @Test
  void everyFieldElementIsAPreimageOfItsImage() {
    Random random = new Random(3);
    Elligator elligator = new Elligator();
    for (int i = 0; i < 100; i++) {
      byte[] r = random(random);
      byte[] u = new byte[32];
      elligator.map(r, u, 0);
      boolean found = false;
      for (int which = 0; which < 4; which++) {
        found |= java.util.Arrays.equals(r, elligator.preimage(u, which));
      }
      assertThat(found).isTrue();
    }
  }
}
