package org.espalier.psi.curve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The group: RFC 7748, RFC 9380, and what may not enter it. */
class MaskTest {
  private static final BigInteger P = BigInteger.TWO.pow(255).subtract(BigInteger.valueOf(19));
  private static final BigInteger A = BigInteger.valueOf(486662);
  private static final BigInteger ORDER =
      BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));
  private static final HexFormat HEX = HexFormat.of();

  /** A mask whose scalar is given. */
  private static Mask mask(byte[] scalar) {
    return new Mask(
        new SecureRandom() {
          @Override
          public void nextBytes(byte[] bytes) {
            System.arraycopy(scalar, 0, bytes, 0, bytes.length);
          }
        });
  }

  private static byte[] little(BigInteger value) {
    byte[] out = new byte[32];
    for (int i = 0; i < 32; i++) {
      out[i] = value.shiftRight(8 * i).byteValue();
    }
    return out;
  }

  private static BigInteger big(byte[] little) {
    BigInteger value = BigInteger.ZERO;
    for (int i = 31; i >= 0; i--) {
      value = value.shiftLeft(8).or(BigInteger.valueOf(little[i] & 0xff));
    }
    return value;
  }

  /** u(kP) by the plain ladder of RFC 7748 section 5, for any k. */
  private static BigInteger ladder(BigInteger k, BigInteger u) {
    BigInteger x2 = BigInteger.ONE;
    BigInteger z2 = BigInteger.ZERO;
    BigInteger x3 = u;
    BigInteger z3 = BigInteger.ONE;
    for (int t = 254; t >= 0; t--) {
      boolean swap = k.testBit(t);
      BigInteger xa = swap ? x3 : x2;
      BigInteger za = swap ? z3 : z2;
      BigInteger xb = swap ? x2 : x3;
      BigInteger zb = swap ? z2 : z3;
      BigInteger a = xa.add(za);
      BigInteger b = xa.subtract(za);
      BigInteger aa = a.multiply(a).mod(P);
      BigInteger bb = b.multiply(b).mod(P);
      BigInteger e = aa.subtract(bb);
      BigInteger da = xb.subtract(zb).multiply(a).mod(P);
      BigInteger cb = xb.add(zb).multiply(b).mod(P);
      BigInteger sum = da.add(cb).pow(2).mod(P);
      BigInteger difference = u.multiply(da.subtract(cb).pow(2)).mod(P);
      BigInteger doubled = aa.multiply(bb).mod(P);
      BigInteger z = e.multiply(aa.add(e.multiply(BigInteger.valueOf(121665)))).mod(P);
      x2 = swap ? sum : doubled;
      z2 = swap ? difference : z;
      x3 = swap ? doubled : sum;
      z3 = swap ? z : difference;
    }
    return x2.multiply(z2.modPow(P.subtract(BigInteger.TWO), P)).mod(P);
  }

  /** The elements of some keys. */
  private static byte[] encode(HashToCurve hash, byte[]... keys) {
    KeyBatch batch = new KeyBatch(keys.length);
    for (byte[] key : keys) {
      batch.add(key);
    }
    return hash.encode(batch);
  }

  /** Elligator 2 by its definition, RFC 9380 section 6.7.1. */
  private static BigInteger elligator(BigInteger r) {
    BigInteger d = BigInteger.ONE.add(BigInteger.TWO.multiply(r).multiply(r)).mod(P);
    BigInteger u1 = A.negate().multiply(d.modInverse(P)).mod(P);
    BigInteger right = u1.pow(3).add(A.multiply(u1).multiply(u1)).add(u1).mod(P);
    boolean square =
        right.signum() == 0
            || right.modPow(P.subtract(BigInteger.ONE).shiftRight(1), P).equals(BigInteger.ONE);
    return square ? u1 : u1.negate().subtract(A).mod(P);
  }

  /** RFC 9380, appendix J.4.2: Q.x and P.x, where P = 8Q. */
  @ParameterizedTest
  @CsvSource({
    "'', 51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b,"
        + "1bb913f0c9daefa0b3375378ffa534bda5526c97391952a7789eb976edfe4d08",
    "abc, 7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb,"
        + "7c22950b7d900fa866334262fcaea47a441a578df43b894b4625c9b450f9a026",
    "abcdef0123456789, 3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f,"
        + "31ad08a8b0deeb2a4d8b0206ca25f567ab4e042746f792f4b7973f3ae2096c52",
    "q128_, 227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683,"
        + "027877759d155b1997d0d84683a313eb78bdb493271d935b622900459d52ceaa",
    "a512_, 3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196,"
        + "5fd892c0958d1a75f54c3182a18d286efab784e774d1e017ba2fb252998b5dc1"
  })
  void hashesToTheCurveAsRfc9380Does(String message, String q, String p) {
    String whole =
        switch (message) {
          case "q128_" -> message + "q".repeat(128);
          case "a512_" -> message + "a".repeat(512);
          default -> message;
        };
    HashToCurve hash =
        new HashToCurve(
            "QUUX-V01-CS02-with-curve25519_XMD:SHA-512_ELL2_NU_"
                .getBytes(StandardCharsets.US_ASCII));
    byte[] bytes = whole.getBytes(StandardCharsets.US_ASCII);
    byte[] out = encode(hash, bytes);
    assertThat(big(out)).isEqualTo(new BigInteger(q, 16));

    // A mask multiplies by 8k: it takes Q where k alone takes the suite's output P.
    BigInteger cleared = new BigInteger(p, 16);
    assertThat(ladder(BigInteger.valueOf(8), big(out))).isEqualTo(cleared);
    byte[] scalar = new byte[32];
    new Random(7).nextBytes(scalar);
    try (Mask mask = mask(scalar)) {
      assertThat(mask.apply(out)).isEqualTo(-1);
    }
    X25519.clampPrivateKey(scalar);
    assertThat(big(out)).isEqualTo(ladder(big(scalar).shiftRight(3), cleared));
  }

  @Test
  void mapAgreesWithItsDefinition() {
    Elligator elligator = new Elligator();
    Random random = new Random(11);
    int second = 0;
    for (int i = 0; i < 300; i++) {
      BigInteger r =
          i < 3
              ? BigInteger.valueOf(i)
              : i == 3 ? P.subtract(BigInteger.ONE) : new BigInteger(255, random).mod(P);
      byte[] out = new byte[32];
      elligator.map(Elligator.bytes(r), out, 0);
      assertThat(big(out)).as("r = %s", r).isEqualTo(elligator(r));
      BigInteger u1 =
          A.negate()
              .multiply(BigInteger.ONE.add(BigInteger.TWO.multiply(r).multiply(r)).modInverse(P))
              .mod(P);
      second += big(out).equals(u1) ? 0 : 1;
    }
    assertThat(second).as("both branches of the map were taken").isBetween(100, 200);
  }

  /** The count on which the security argument rests: half of the points have two preimages. */
  @Test
  void halfOfThePointsHavePreimages() {
    Random random = new Random(5);
    BigInteger half = P.subtract(BigInteger.ONE).shiftRight(1);
    int onCurve = 0;
    int reached = 0;
    while (onCurve < 2000) {
      BigInteger u = new BigInteger(255, random).mod(P);
      BigInteger right = u.pow(3).add(A.multiply(u).multiply(u)).add(u).mod(P);
      if (!right.modPow(half, P).equals(BigInteger.ONE)) {
        continue;
      }
      onCurve++;
      // r² = -(u + A) / 2u or -u / 2(u + A): both squares or neither, their product is 1/4.
      BigInteger ratio = u.add(A).negate().multiply(u.shiftLeft(1).modInverse(P)).mod(P);
      if (ratio.modPow(half, P).equals(BigInteger.ONE)) {
        reached++;
        BigInteger r = ratio.modPow(P.add(BigInteger.valueOf(3)).shiftRight(3), P);
        if (!r.multiply(r).mod(P).equals(ratio)) {
          r = r.multiply(BigInteger.TWO.modPow(P.subtract(BigInteger.ONE).shiftRight(2), P)).mod(P);
        }
        assertThat(r.multiply(r).mod(P)).isEqualTo(ratio);
        assertThat(elligator(r)).isEqualTo(u);
        assertThat(elligator(P.subtract(r))).isEqualTo(u);
      }
    }
    // Six standard deviations of a fair coin.
    assertThat(reached).isBetween(1000 - 134, 1000 + 134);
  }

  /** RFC 7748, section 5.2. */
  @Test
  void multipliesAsRfc7748Does() {
    byte[] u = HEX.parseHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    try (Mask mask =
        mask(HEX.parseHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"))) {
      assertThat(mask.apply(u)).isEqualTo(-1);
    }
    assertThat(HEX.formatHex(u))
        .isEqualTo("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");

    byte[] k = HEX.parseHex("09" + "00".repeat(31));
    byte[] previous = k.clone();
    for (int i = 0; i < 1000; i++) {
      byte[] next = previous.clone();
      try (Mask mask = mask(k)) {
        mask.apply(next);
      }
      previous = k;
      k = next;
      if (i == 0) {
        assertThat(HEX.formatHex(k))
            .isEqualTo("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
      }
    }
    assertThat(HEX.formatHex(k))
        .isEqualTo("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  }

  @Test
  void masksCommuteAndKeepTheOrder() {
    byte[][] keys = new byte[1000][];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = new byte[] {(byte) i, (byte) (i >> 8)};
    }
    byte[] one = encode(new HashToCurve(new byte[] {2}), keys);
    byte[] other = one.clone();
    try (Mask a = new Mask(new SecureRandom());
        Mask b = new Mask(new SecureRandom())) {
      byte[] single = Arrays.copyOfRange(one, 32 * 777, 32 * 778);
      a.apply(single);
      a.apply(one);
      assertThat(Arrays.copyOfRange(one, 32 * 777, 32 * 778)).isEqualTo(single);
      b.apply(one);
      b.apply(other);
      a.apply(other);
      assertThat(one).isEqualTo(other);
    }
  }

  /** Clamped scalars at both ends, and drawn ones, against masks of others, on real keys. */
  @Test
  void anInverseTakesTheMaskOff() {
    byte[][] keys = new byte[64][];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = new byte[] {(byte) i};
    }
    byte[] points = encode(new HashToCurve(new byte[] {3}), keys);
    SecureRandom random = new SecureRandom();
    for (int time = 0; time < 40; time++) {
      byte[] ends = new byte[32];
      Arrays.fill(ends, (byte) (time == 0 ? 0 : 0xff));
      try (Mask mask = time < 2 ? mask(ends) : new Mask(random);
          Mask other = new Mask(random);
          Mask off = mask.inverse(random)) {
        byte[] expected = points.clone();
        other.apply(expected);
        byte[] there = points.clone();
        mask.apply(there);
        other.apply(there);
        assertThat(there).isNotEqualTo(expected);
        off.apply(there);
        assertThat(there).isEqualTo(expected);
        assertThat(off.scalar()[31] & 0xc0).isEqualTo(0x40);
        assertThat(off.scalar()[0] & 7).isZero();
        BigInteger product = big(mask.scalar()).multiply(big(off.scalar())).shiftLeft(3).mod(ORDER);
        assertThat(product).isIn(BigInteger.valueOf(8), ORDER.subtract(BigInteger.valueOf(8)));
        byte[] again = points.clone();
        Mask.of(other.scalar()).apply(again);
        assertThat(again).isEqualTo(expected);
      }
    }
    Mask closed = new Mask(random);
    closed.close();
    assertThatThrownBy(() -> closed.inverse(random)).hasMessage("the mask is closed");
  }

  @Test
  void aClosedMaskHasForgottenItsScalar() {
    Mask closed;
    try (Mask mask = new Mask(new SecureRandom())) {
      closed = mask;
    }
    byte[] element = little(BigInteger.valueOf(9));
    byte[] zero = element.clone();
    closed.apply(element);
    X25519.scalarMult(new byte[32], 0, zero.clone(), 0, zero, 0);
    assertThat(element).isEqualTo(zero);
  }

  /** Low order on the curve or its twist, as in Project Wycheproof's X25519 vectors. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"
      })
  void namesElementsOfLowOrder(String hex) {
    byte[] low = HEX.parseHex(hex);
    assertThat(Elligator.canonical(low, 0)).isTrue();
    assertThat(Mask.lowOrder(low, 0)).isTrue();
    byte[] list = new byte[32 * 600];
    for (int i = 0; i < 600; i++) {
      list[32 * i] = 9;
    }
    System.arraycopy(low, 0, list, 32 * 555, 32);
    System.arraycopy(low, 0, list, 32 * 599, 32);
    try (Mask mask = new Mask(new SecureRandom())) {
      assertThat(mask.apply(list)).as("multiplies to zero").isEqualTo(555);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 2^255 - 1
        "0900000000000000000000000000000000000000000000000000000000000080", // 9 + 2^255
        "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", // 2p
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      })
  void refusesOtherFormsOfAnElement(String hex) {
    assertThat(Elligator.canonical(HEX.parseHex("00" + hex), 1)).isFalse();
  }

  @Test
  void canonicalIsBelowTheModulus() {
    Random random = new Random(3);
    for (int i = -40; i < 40; i++) {
      BigInteger value = P.add(BigInteger.valueOf(i));
      assertThat(Elligator.canonical(little(value), 0)).as("p %+d", i).isEqualTo(i < 0);
    }
    for (int bit = 8; bit < 255; bit++) {
      assertThat(Elligator.canonical(little(P.clearBit(bit)), 0)).as("bit %d", bit).isTrue();
    }
    for (int i = 0; i < 200; i++) {
      BigInteger value = new BigInteger(256, random);
      assertThat(Elligator.canonical(little(value), 0)).isEqualTo(value.compareTo(P) < 0);
    }
  }

  @Test
  void anOrdinaryElementIsNotOfLowOrder() {
    assertThat(Mask.lowOrder(little(BigInteger.valueOf(9)), 0)).isFalse();
    assertThat(Mask.lowOrder(little(BigInteger.TWO), 0)).isFalse();
  }

  @Test
  void tagsMustFit() {
    for (int length : new int[] {0, 256}) {
      HashToCurve hash = new HashToCurve(new byte[length]);
      assertThatThrownBy(() -> encode(hash, new byte[] {5}))
          .isInstanceOf(IllegalArgumentException.class);
    }
    byte[] a = encode(new HashToCurve(HashToCurve.tag(new byte[] {1})), new byte[] {5});
    byte[] b = encode(new HashToCurve(HashToCurve.tag(new byte[] {2})), new byte[] {5});
    assertThat(a).isNotEqualTo(b);
  }
}
