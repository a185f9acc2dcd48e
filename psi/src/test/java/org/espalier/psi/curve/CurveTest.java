package org.espalier.psi.curve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The native ways against the one in Java, and all of them against RFC 7748 and RFC 9380. */
class CurveTest {
  private static final HexFormat HEX = HexFormat.of();
  private static final int WIDTH = Elligator.WIDTH;
  private static final String RFC_TAG = "QUUX-V01-CS02-with-curve25519_XMD:SHA-512_ELL2_NU_";

  /**
   * Of order 1, 2, 4 and 8 on the curve and its twist, with their forms above p and with bit 255.
   */
  private static final List<String> LOW_ORDER =
      List.of(
          "0000000000000000000000000000000000000000000000000000000000000000",
          "0100000000000000000000000000000000000000000000000000000000000000",
          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "0000000000000000000000000000000000000000000000000000000000000080",
          "0100000000000000000000000000000000000000000000000000000000000080",
          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");

  static List<Curve> all() {
    return Curve.all();
  }

  static List<Curve> natives() {
    return all().subList(0, all().size() - 1);
  }

  /**
   * Edges of limbs of 51 and 52 bits, of p, of 2^255 and of 2^256, low orders, and random elements
   * of curve and twist.
   */
  private static byte[] elements() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int bits : new int[] {51, 52}) {
      for (int pattern = 0; pattern < 32; pattern++) {
        BigInteger e = BigInteger.ZERO;
        for (int bit = 0; bit < 255; bit++) {
          e = (pattern >> Math.min(4, bit / bits) & 1) == 1 ? e.setBit(bit) : e;
        }
        out.writeBytes(Elligator.bytes(e));
      }
    }
    for (int power : new int[] {255, 256}) {
      for (int below = 1; below < 40; below++) {
        out.writeBytes(
            Elligator.bytes(BigInteger.ONE.shiftLeft(power).subtract(BigInteger.valueOf(below))));
      }
    }
    for (int small = 0; small < 20; small++) {
      out.writeBytes(Elligator.bytes(BigInteger.valueOf(small)));
    }
    LOW_ORDER.forEach(low -> out.writeBytes(HEX.parseHex(low)));
    byte[] random = new byte[150 * WIDTH];
    new Random(4).nextBytes(random);
    out.writeBytes(random);
    return out.toByteArray();
  }

  private static List<byte[]> scalars() {
    byte[] ones = new byte[32];
    Arrays.fill(ones, (byte) 0xff);
    byte[] alternating = new byte[32];
    Arrays.fill(alternating, (byte) 0xaa);
    byte[] random = new byte[32];
    new Random(6).nextBytes(random);
    return List.of(new byte[32], ones, alternating, random);
  }

  private static int count(byte[] elements) {
    return elements.length / WIDTH;
  }

  @Test
  void theNativeLibraryIsThere() {
    assertThat(Curve.all()).hasSizeGreaterThan(1);
    assertThat(Curve.best().toString()).startsWith("native-");
  }

  @ParameterizedTest
  @MethodSource("natives")
  void everyWayMultipliesAsTheJavaOneDoes(Curve curve) {
    JavaCurve java = new JavaCurve();
    for (byte[] scalar : scalars()) {
      byte[] expected = elements();
      byte[] actual = elements();
      assertThat(curve.multiply(scalar, actual, 0, count(actual)))
          .isEqualTo(java.multiply(scalar, expected, 0, count(expected)));
      assertThat(actual).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @MethodSource("natives")
  void everyWayMapsAsTheJavaOneDoes(Curve curve) {
    byte[] expected = elements();
    byte[] actual = elements();
    new JavaCurve().map(expected, 0, count(expected));
    curve.map(actual, 0, count(actual));
    assertThat(actual).isEqualTo(expected);
  }

  /** RFC 9380, appendix J.4.2: u[0]; the points follow from it as the ecdh tests check. */
  @ParameterizedTest
  @CsvSource({
    "'', 608d892b641f0328523802a6603427c26e55e6f27e71a91a478148d45b5093cd",
    "abc, 46f5b22494bfeaa7f232cc8d054be68561af50230234d7d1d63d1d9abeca8da5",
    "abcdef0123456789, 235fe40c443766ce7e18111c33862d66c3b33267efa50d50f9e8e5d252a40aaa",
  })
  void theJavaWayHashesToTheFieldAsRfc9380Does(String message, String field) {
    byte[] bytes = ("xx" + message).getBytes(StandardCharsets.US_ASCII);
    byte[] out = new byte[40];
    new FieldHash(RFC_TAG.getBytes(StandardCharsets.US_ASCII))
        .hash(bytes, 2, bytes.length - 2, out, 8);
    assertThat(Elligator.number(Arrays.copyOfRange(out, 8, 40)))
        .isEqualTo(new BigInteger(field, 16));
  }

  /** Every length at which a block ends, with short and long tags, from any message on. */
  @ParameterizedTest
  @MethodSource("natives")
  void everyWayHashesAsTheJavaOneDoes(Curve curve) {
    byte[] messages = new byte[300 * 150];
    byte[] tags = new byte[255];
    Random random = new Random(8);
    random.nextBytes(messages);
    random.nextBytes(tags);
    int[] ends = new int[300];
    for (int i = 1; i < ends.length; i++) {
      ends[i] = ends[i - 1] + i;
    }
    for (int length : new int[] {1, 47, 86, 255}) {
      byte[] tag = Arrays.copyOf(tags, length);
      byte[] expected = new byte[ends.length * WIDTH];
      byte[] actual = new byte[ends.length * WIDTH];
      new JavaCurve().encode(tag, messages, ends, expected, 3, 290);
      curve.encode(tag, messages, ends, actual, 3, 290);
      assertThat(actual).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void messagesThatAreNotThereAreRefused(Curve curve) {
    byte[] messages = new byte[10];
    byte[] out = new byte[3 * WIDTH];
    byte[] tag = {1};
    for (int[] ends : new int[][] {{3, 2, 10}, {-1, 5, 6}, {3, 4, 11}, {3, 4}}) {
      assertThatThrownBy(() -> curve.encode(tag, messages, ends, out, 0, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
    int[] ends = {3, 4, 10, 10};
    assertThatThrownBy(() -> curve.encode(tag, messages, ends, out, 0, 4))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> curve.encode(new byte[256], messages, ends, out, 0, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(out).isEqualTo(new byte[3 * WIDTH]);
  }

  @ParameterizedTest
  @MethodSource("all")
  void multipliesAsRfc7748Does(Curve curve) {
    byte[] u =
        HEX.parseHex(
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"
                + "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    byte[] first = HEX.parseHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    byte[] second =
        HEX.parseHex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
    assertThat(curve.multiply(first, u, 0, 1)).isEqualTo(-1);
    assertThat(curve.multiply(second, u, 1, 2)).isEqualTo(-1);
    assertThat(HEX.formatHex(u))
        .isEqualTo(
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
                + "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
  }

  @ParameterizedTest
  @MethodSource("all")
  void namesTheFirstElementOfLowOrder(Curve curve) {
    byte[] scalar = scalars().get(3);
    int size = Curve.BATCH + 60;
    int at = 0;
    for (String low : LOW_ORDER) {
      byte[] list = new byte[size * WIDTH];
      for (int i = 0; i < size; i++) {
        list[i * WIDTH] = 9;
      }
      for (int place : new int[] {at, size - 1}) {
        System.arraycopy(HEX.parseHex(low), 0, list, place * WIDTH, WIDTH);
      }
      assertThat(curve.multiply(scalar, list, 0, size)).as(low).isEqualTo(at);
      assertThat(Arrays.copyOfRange(list, at * WIDTH, (at + 1) * WIDTH)).isEqualTo(new byte[WIDTH]);
      at += 22;
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void onlyTheRangeChanges(Curve curve) {
    byte[] all = elements();
    byte[] part = all.clone();
    byte[] scalar = scalars().get(3);
    int size = count(all);
    for (int[] range : new int[][] {{0, 0}, {size, size}, {3, 4}, {70, 87}, {size - 9, size}}) {
      byte[] original = part.clone();
      curve.multiply(scalar, part, range[0], range[1]);
      byte[] alone = Arrays.copyOfRange(original, range[0] * WIDTH, range[1] * WIDTH);
      curve.multiply(scalar, alone, 0, range[1] - range[0]);
      System.arraycopy(alone, 0, original, range[0] * WIDTH, alone.length);
      assertThat(part).isEqualTo(original);
    }
    curve.map(part, 10, 11);
    curve.map(all, 10, 11);
    assertThat(Arrays.copyOfRange(part, 10 * WIDTH, 11 * WIDTH))
        .isEqualTo(Arrays.copyOfRange(all, 10 * WIDTH, 11 * WIDTH));
  }

  @ParameterizedTest
  @MethodSource("all")
  void whatIsNotThereIsRefused(Curve curve) {
    byte[] elements = new byte[3 * WIDTH + 31];
    byte[] scalar = new byte[32];
    assertThatThrownBy(() -> curve.multiply(new byte[31], elements, 0, 1))
        .isInstanceOf(IllegalArgumentException.class);
    for (int[] range : new int[][] {{0, 4}, {-1, 1}, {2, 1}, {3, Integer.MAX_VALUE}}) {
      assertThatThrownBy(() -> curve.multiply(scalar, elements, range[0], range[1]))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> curve.map(elements, range[0], range[1]))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
    assertThat(elements).isEqualTo(new byte[3 * WIDTH + 31]);
  }

  /** The border checks for itself, whatever Java has checked. */
  @Test
  void theBorderRefusesToo() {
    byte[] elements = new byte[3 * WIDTH + 31];
    byte[] scalar = new byte[32];
    int way = NativeCurve.PORTABLE;
    for (int[] range :
        new int[][] {{0, 4}, {-1, 1}, {1, -1}, {1, Integer.MAX_VALUE}, {Integer.MAX_VALUE, 1}}) {
      assertThatThrownBy(() -> NativeCurve.multiply(way, scalar, elements, range[0], range[1]))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> NativeCurve.map(way, elements, range[0], range[1]))
          .isInstanceOf(IllegalArgumentException.class);
    }
    for (byte[] wrong : new byte[][] {null, new byte[31], new byte[33]}) {
      assertThatThrownBy(() -> NativeCurve.multiply(way, wrong, elements, 0, 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> NativeCurve.map(way, null, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
    for (int[] ends : new int[][] {{3, 2, 10}, {-1, 5, 6}, {3, 4, 11}, {3, 4}, null}) {
      assertThatThrownBy(() -> NativeCurve.encode(way, scalar, new byte[10], ends, elements, 0, 3))
          .isInstanceOf(IllegalArgumentException.class);
    }
    int[] ends = {0, 0, 0, 0};
    for (byte[] tag : new byte[][] {null, new byte[0], new byte[256]}) {
      assertThatThrownBy(() -> NativeCurve.encode(way, tag, scalar, ends, elements, 0, 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> NativeCurve.encode(way, scalar, null, ends, elements, 0, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> NativeCurve.encode(way, scalar, scalar, ends, elements, 0, 4))
        .isInstanceOf(IllegalArgumentException.class);
    for (int unknown : new int[] {-1, 2, Integer.MAX_VALUE}) {
      assertThat(NativeCurve.available(unknown)).isFalse();
      assertThatThrownBy(() -> NativeCurve.map(unknown, elements, 0, 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(elements).isEqualTo(new byte[3 * WIDTH + 31]);
  }

  @Test
  void whatIsUsedCanBeNarrowedDown() {
    assertThat(Curves.choose("java")).hasOnlyElementsOfType(JavaCurve.class).hasSize(1);
    assertThat(Curves.choose("no such")).hasOnlyElementsOfType(JavaCurve.class).hasSize(1);
    assertThat(Curves.choose("native-portable"))
        .map(Curve::toString)
        .containsExactly("native-portable", "java");
  }
}
