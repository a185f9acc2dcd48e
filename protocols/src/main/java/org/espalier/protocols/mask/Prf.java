package org.espalier.protocols.mask;

import java.security.GeneralSecurityException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.espalier.wire.Encoder;

/** HMAC-SHA-256 as a pseudorandom function: one secret key, one 32-byte output per context. */
public final class Prf {
  private final SecretKeySpec key;

  /**
   * @param key 32 secret bytes
   */
  public Prf(byte[] key) {
    if (key.length != 32) {
      throw new IllegalArgumentException("key has " + key.length + " bytes, not 32");
    }
    this.key = new SecretKeySpec(key, "HmacSHA256");
  }

  /**
   * The seed for one use.
   *
   * @param purpose separates the uses of one key
   * @param number pass or block
   * @param binding what the output must depend on, such as the hash of the request it answers
   */
  public byte[] seed(String purpose, long number, byte[]... binding) {
    Encoder context = new Encoder().putString(purpose).putLong(number);
    for (byte[] part : binding) {
      context.putBytes(part);
    }
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(key);
      return mac.doFinal(context.toByteArray());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no HMAC-SHA-256", e);
    }
  }
}
