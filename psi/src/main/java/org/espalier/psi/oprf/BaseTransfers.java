package org.espalier.psi.oprf;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.IntStream;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.espalier.psi.curve.Curve;
import org.espalier.psi.curve.Elligator;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;

/**
 * 128 oblivious transfers of random keys in one message each way: the endemic transfer of Masny and
 * Rindal (CCS 2019), with the field of Elligator representatives as the group that hides the public
 * keys (McQuoid, Rosulek, Roy: Batching Base Oblivious Transfers, ASIACRYPT 2021), so that only
 * u-coordinates are needed.
 *
 * <p>The receiver's public key for choice b has a representative ρ. It sends r_0 and r_1 with
 * r_(1-b) random and r_b = ρ - H_b(r_(1-b)); both public keys are the Elligator images of r_j +
 * H_j(r_(1-j)). r_0 and r_1 are independent and uniform whatever b is: the key is a uniform
 * multiple of a generator of the whole curve, cofactor included, that has representatives, and ρ is
 * a random one of them. A key in the subgroup of prime order alone would stand out among images of
 * random field elements, seven of eight of which are outside it.
 */
final class BaseTransfers {
  static final int COUNT = 128;

  /** Bytes of the receiver's message. */
  static final int CHOICES = COUNT * 2 * Elligator.WIDTH;

  /** Bytes of the sender's message: a public key. */
  static final int POINT = Elligator.WIDTH;

  /** u of X25519's base point plus a point of order 8: it generates all points of the curve. */
  private static final byte[] GENERATOR =
      HexFormat.of().parseHex("34da75aaa36589a450f3909138b0e8f74d2bc9b6ece81aeca9e9920ace660f1e");

  /** The number of points: 8 (2^252 + 27742317777372353535851937790883648493). */
  private static final BigInteger ORDER =
      BigInteger.ONE
          .shiftLeft(252)
          .add(new BigInteger("27742317777372353535851937790883648493"))
          .shiftLeft(3);

  private BaseTransfers() {}

  /**
   * At the sender: what all transfers brought.
   *
   * @param keys for each transfer two of 16 bytes
   * @param transcript digest of the binding and of both messages, 32 bytes. Messages determine all
   *     keys; what is hashed together with it was therefore said about these keys and no others
   */
  record Both(byte[][][] keys, byte[] transcript) {}

  /**
   * The same at the receiver.
   *
   * @param keys for each transfer the chosen one
   */
  record Chosen(byte[][] keys, byte[] transcript) {}

  /** Learns both keys of every transfer. */
  static final class Sender {
    private final byte[] binding;
    private final byte[] secret = new byte[X25519.SCALAR_SIZE];
    private final byte[] point = new byte[POINT];

    /**
     * @param binding of the run, the same at both ends
     */
    Sender(byte[] binding, SecureRandom random) {
      this.binding = binding.clone();
      X25519.generatePrivateKey(random, secret);
      X25519.generatePublicKey(secret, 0, point, 0);
    }

    byte[] point() {
      return point.clone();
    }

    /**
     * @throws MalformedMessageException if an element is not canonical or gives a public key of low
     *     order
     */
    Both keys(byte[] choices) {
      for (int i = 0; i < 2 * COUNT; i++) {
        if (!Elligator.canonical(choices, i * Elligator.WIDTH)) {
          throw new MalformedMessageException("base transfer " + i / 2 + " is not canonical");
        }
      }
      byte[][] r = new byte[2 * COUNT][];
      byte[] shared = new byte[CHOICES];
      for (int k = 0; k < 2 * COUNT; k++) {
        r[k] = element(choices, k);
      }
      for (int k = 0; k < 2 * COUNT; k++) {
        BigInteger representative =
            Elligator.number(r[k]).add(mask(binding, k / 2, k % 2, r[k ^ 1])).mod(Elligator.P);
        byte[] bytes = Elligator.bytes(representative);
        System.arraycopy(bytes, 0, shared, k * Elligator.WIDTH, Elligator.WIDTH);
      }
      Curve curve = Curve.best();
      curve.map(shared, 0, 2 * COUNT);
      int refused = curve.multiply(secret, shared, 0, 2 * COUNT);
      Arrays.fill(secret, (byte) 0);
      if (refused >= 0) {
        throw new MalformedMessageException("base transfer " + refused / 2 + " has low order");
      }
      byte[][][] keys = new byte[COUNT][2][];
      for (int k = 0; k < 2 * COUNT; k++) {
        byte[][] both = {r[k & ~1], r[k | 1]};
        keys[k / 2][k % 2] = key(binding, k / 2, k % 2, point, both, element(shared, k));
      }
      return new Both(keys, transcript(binding, point, choices));
    }
  }

  /** Learns one key of every transfer. */
  static final class Receiver {
    private final byte[] binding;
    private final long[] choices;
    private final byte[][] scalars = new byte[COUNT][];
    private final byte[] message = new byte[CHOICES];

    /**
     * @param choices bit i % 64 of long i / 64 is the choice of transfer i
     */
    Receiver(byte[] binding, long[] choices, SecureRandom random) {
      this.binding = binding.clone();
      this.choices = choices.clone();
      IntStream.range(0, COUNT).parallel().forEach(i -> choose(i, random));
    }

    private int choice(int i) {
      return (int) (choices[i >>> 6] >>> i & 1);
    }

    private void choose(int i, SecureRandom random) {
      Elligator elligator = new Elligator();
      byte[] representative;
      do {
        scalars[i] = Elligator.bytes(below(ORDER, random));
        representative =
            elligator.preimage(Elligator.multiply(scalars[i], GENERATOR), random.nextInt(4));
      } while (representative == null);
      int b = choice(i);
      byte[][] r = new byte[2][];
      r[1 - b] = Elligator.bytes(below(Elligator.P, random));
      r[b] =
          Elligator.bytes(
              Elligator.number(representative)
                  .subtract(mask(binding, i, b, r[1 - b]))
                  .mod(Elligator.P));
      System.arraycopy(r[0], 0, message, 2 * i * Elligator.WIDTH, Elligator.WIDTH);
      System.arraycopy(r[1], 0, message, (2 * i + 1) * Elligator.WIDTH, Elligator.WIDTH);
    }

    byte[] message() {
      return message.clone();
    }

    /**
     * @throws MalformedMessageException if the sender's public key is not canonical or of low order
     */
    Chosen keys(byte[] point) {
      if (!Elligator.canonical(point, 0)) {
        throw new MalformedMessageException("the public key is not canonical");
      }
      byte[] eight = new byte[Elligator.WIDTH];
      eight[0] = 8;
      if (Arrays.equals(Elligator.multiply(eight, point), new byte[Elligator.WIDTH])) {
        throw new MalformedMessageException("the public key has low order");
      }
      byte[][] keys = new byte[COUNT][];
      IntStream.range(0, COUNT)
          .parallel()
          .forEach(
              i -> {
                byte[][] r = {element(message, 2 * i), element(message, 2 * i + 1)};
                byte[] shared = Elligator.multiply(scalars[i], point);
                keys[i] = key(binding, i, choice(i), point, r, shared);
                Arrays.fill(scalars[i], (byte) 0);
              });
      return new Chosen(keys, transcript(binding, point, message));
    }
  }

  private static byte[] transcript(byte[] binding, byte[] point, byte[] choices) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update("psi-oprf/base/transcript".getBytes(StandardCharsets.US_ASCII));
    sha256.update(binding);
    sha256.update(point);
    return sha256.digest(choices);
  }

  private static byte[] element(byte[] elements, int number) {
    int from = number * Elligator.WIDTH;
    return Arrays.copyOfRange(elements, from, from + Elligator.WIDTH);
  }

  /** Uniform, by rejection. */
  private static BigInteger below(BigInteger limit, SecureRandom random) {
    BigInteger draw;
    do {
      draw = new BigInteger(limit.bitLength(), random);
    } while (draw.compareTo(limit) >= 0);
    return draw;
  }

  /** H_j of transfer i, a field element. */
  static BigInteger mask(byte[] binding, int i, int j, byte[] r) {
    try {
      MessageDigest sha512 = MessageDigest.getInstance("SHA-512");
      sha512.update("psi-oprf/base/mask".getBytes(StandardCharsets.US_ASCII));
      sha512.update(binding);
      sha512.update(ByteBuffer.allocate(8).putInt(i).putInt(j).flip());
      return new BigInteger(1, sha512.digest(r)).mod(Elligator.P);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] key(byte[] binding, int i, int j, byte[] point, byte[][] r, byte[] shared) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update("psi-oprf/base/key".getBytes(StandardCharsets.US_ASCII));
    sha256.update(binding);
    sha256.update(ByteBuffer.allocate(8).putInt(i).putInt(j).flip());
    sha256.update(point);
    sha256.update(r[0]);
    sha256.update(r[1]);
    return Arrays.copyOf(sha256.digest(shared), 16);
  }
}
