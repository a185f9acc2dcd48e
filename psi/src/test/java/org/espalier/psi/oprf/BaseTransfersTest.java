package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.espalier.psi.curve.Elligator;
import org.espalier.wire.MalformedMessageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BaseTransfersTest {
  private static final byte[] BINDING = new byte[32];
  private static final BigInteger PRIME =
      BigInteger.ONE.shiftLeft(252).add(new BigInteger("27742317777372353535851937790883648493"));

  private final SecureRandom random = new SecureRandom();

  private BaseTransfers.Receiver receiver(long... choices) {
    return new BaseTransfers.Receiver(BINDING, choices, random);
  }

  @Test
  void theReceiverLearnsTheChosenKeysOnly() {
    long[] choices = {random.nextLong(), random.nextLong()};
    BaseTransfers.Sender sender = new BaseTransfers.Sender(BINDING, random);
    BaseTransfers.Receiver receiver = receiver(choices);
    BaseTransfers.Chosen received = receiver.keys(sender.point());
    BaseTransfers.Both sent = sender.keys(receiver.message());
    assertThat(received.transcript()).hasSize(32).isEqualTo(sent.transcript());
    byte[][] chosen = received.keys();
    byte[][][] both = sent.keys();
    for (int i = 0; i < BaseTransfers.COUNT; i++) {
      int choice = (int) (choices[i / 64] >>> i % 64 & 1);
      assertThat(chosen[i]).hasSize(16).isEqualTo(both[i][choice]);
      assertThat(chosen[i]).isNotEqualTo(both[i][1 - choice]);
    }
  }

  @Test
  void keysOfAnotherRunDiffer() {
    BaseTransfers.Sender sender = new BaseTransfers.Sender(BINDING, random);
    byte[] other = BINDING.clone();
    other[0] = 1;
    BaseTransfers.Receiver receiver = new BaseTransfers.Receiver(other, new long[2], random);
    byte[][] chosen = receiver.keys(sender.point()).keys();
    byte[][][] both = sender.keys(receiver.message()).keys();
    for (int i = 0; i < BaseTransfers.COUNT; i++) {
      assertThat(chosen[i]).isNotEqualTo(both[i][0]).isNotEqualTo(both[i][1]);
    }
  }

  /**
   * The attack on a receiver that takes its key from the subgroup of prime order: images of random
   * field elements lie there only once in eight, so the key that does is the chosen one. Here both
   * public keys lie there equally often.
   */
  @Test
  void theCosetOfAPublicKeyDoesNotTellTheChoice() {
    int[] inSubgroup = new int[2];
    int runs = 8;
    for (int run = 0; run < runs; run++) {
      byte[] message = receiver(0, -1).message();
      for (int i = 0; i < BaseTransfers.COUNT; i++) {
        int choice = i < 64 ? 0 : 1;
        for (int j = 0; j < 2; j++) {
          byte[] point = publicKey(message, i, j);
          boolean inside =
              Arrays.equals(Elligator.multiply(Elligator.bytes(PRIME), point), new byte[32])
                  && !Arrays.equals(
                      Elligator.multiply(Elligator.bytes(PRIME.add(BigInteger.ONE)), point),
                      new byte[32])
                  && Arrays.equals(
                      Elligator.multiply(Elligator.bytes(PRIME.add(BigInteger.ONE)), point), point);
          inSubgroup[j == choice ? 0 : 1] += inside ? 1 : 0;
        }
      }
    }
    // 1,024 trials with probability 1/8 each: 128 ± 6 · 10.6.
    assertThat(inSubgroup[0]).isBetween(64, 192);
    assertThat(inSubgroup[1]).isBetween(64, 192);
  }

  /** What the sender computes; the hash is the class's own, by the keys it leads to. */
  private static byte[] publicKey(byte[] message, int i, int j) {
    byte[] own = element(message, 2 * i + j);
    byte[] other = element(message, 2 * i + 1 - j);
    byte[] key = new byte[32];
    new Elligator()
        .map(
            Elligator.bytes(
                Elligator.number(own)
                    .add(BaseTransfers.mask(BINDING, i, j, other))
                    .mod(Elligator.P)),
            key,
            0);
    return key;
  }

  private static byte[] element(byte[] message, int number) {
    return Arrays.copyOfRange(message, 32 * number, 32 * number + 32);
  }

  /** Every bit of the message is a fair coin whatever is chosen. */
  @ParameterizedTest
  @ValueSource(longs = {0, -1})
  void whatIsSentIsUniform(long choices) {
    int runs = 4;
    int[] ones = new int[254];
    for (int run = 0; run < runs; run++) {
      byte[] message = receiver(choices, choices).message();
      for (int element = 0; element < 2 * BaseTransfers.COUNT; element++) {
        assertThat(Elligator.canonical(message, 32 * element)).isTrue();
        for (int bit = 0; bit < ones.length; bit++) {
          ones[bit] += message[32 * element + bit / 8] >>> bit % 8 & 1;
        }
      }
    }
    // 1,024 coins: 512 ± 6.5 · 16.
    Arrays.stream(ones).forEach(count -> assertThat(count).isBetween(408, 616));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"
      })
  void aPublicKeyOfLowOrderIsRefused(String point) {
    assertThatThrownBy(() -> receiver(1, 2).keys(HexFormat.of().parseHex(point)))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("low order");
  }

  @Test
  void elementsThatAreNotCanonicalAreRefused() {
    byte[] p = Elligator.bytes(Elligator.P);
    assertThatThrownBy(() -> receiver(1, 2).keys(p))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("not canonical");
    byte[] message = receiver(1, 2).message();
    System.arraycopy(p, 0, message, 32 * 77, 32);
    assertThatThrownBy(() -> new BaseTransfers.Sender(BINDING, random).keys(message))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("base transfer 38 is not canonical");
  }

  /** r_0 such that the first public key becomes the image of 0, the point of order 2 or 4. */
  @Test
  void choicesThatMakeAKeyOfLowOrderAreRefused() {
    byte[] message = receiver(1, 2).message();
    byte[] target = preimageOfOrder8();
    byte[] other = element(message, 2 * 5 + 1);
    byte[] r =
        Elligator.bytes(
            Elligator.number(target)
                .subtract(BaseTransfers.mask(BINDING, 5, 0, other))
                .mod(Elligator.P));
    System.arraycopy(r, 0, message, 32 * 2 * 5, 32);
    byte[] key = publicKey(message, 5, 0);
    byte[] product = new byte[32];
    byte[] scalar = new byte[32];
    X25519.generatePrivateKey(random, scalar);
    assertThat(X25519.calculateAgreement(scalar, 0, key, 0, product, 0)).isFalse();
    assertThatThrownBy(() -> new BaseTransfers.Sender(BINDING, random).keys(message))
        .isInstanceOf(MalformedMessageException.class)
        .hasMessageContaining("base transfer 5 has low order");
  }

  private static byte[] preimageOfOrder8() {
    for (String point :
        new String[] {
          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
          "0100000000000000000000000000000000000000000000000000000000000000"
        }) {
      byte[] r = new Elligator().preimage(HexFormat.of().parseHex(point), 0);
      if (r != null) {
        return r;
      }
    }
    throw new AssertionError("no point of low order has a representative");
  }
}
