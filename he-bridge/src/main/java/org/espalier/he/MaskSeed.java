package org.espalier.he;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import javax.crypto.Mac;

/**
 * The seed of a reply's mask: a pseudorandom function of the secret mask key, a secret nonce of the
 * object that replies, and every byte that was received, so that no two different requests are ever
 * answered under one mask, whatever the caller does with its key.
 */
final class MaskSeed {
  static final int KEY_BYTES = 32;

  private static final byte[] PURPOSE = "espalier reply mask 1".getBytes(StandardCharsets.US_ASCII);

  private final Mac mac;

  /**
   * @param nonce of the object that replies
   * @param shape numbers that describe the reply
   */
  MaskSeed(byte[] maskKey, byte[] nonce, HeContext context, PublicKey key, int... shape) {
    if (maskKey.length != KEY_BYTES) {
      throw new IllegalArgumentException("a mask key has " + KEY_BYTES + " bytes");
    }
    mac = Hashes.hmacSha256(maskKey);
    mac.update(PURPOSE);
    mac.update(nonce);
    mac.update(context.digest());
    ByteBuffer numbers = ByteBuffer.allocate(4 * shape.length);
    for (int number : shape) {
      numbers.putInt(number);
    }
    mac.update(numbers.flip());
    mac.update(key.digest());
  }

  static byte[] nonce() {
    byte[] nonce = new byte[16];
    new SecureRandom().nextBytes(nonce);
    return nonce;
  }

  MaskSeed with(byte[] received) {
    mac.update(received);
    return this;
  }

  byte[] draw() {
    return mac.doFinal();
  }
}
