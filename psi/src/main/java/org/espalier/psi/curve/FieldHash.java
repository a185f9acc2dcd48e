package org.espalier.psi.curve;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** hash_to_field with expand_message_xmd, RFC 9380 sections 5.2 and 5.3.1, count 1. */
final class FieldHash {
  private static final int L = 48;
  private static final int BLOCK = 128;

  private final MessageDigest sha512;
  private final byte[] zeros = new byte[BLOCK];
  private final byte[] afterMessage;
  private final byte[] afterFirst;

  /**
   * @param tag domain separation tag, 1 to 255 bytes
   */
  FieldHash(byte[] tag) {
    afterMessage = new byte[tag.length + 4];
    afterMessage[1] = L;
    System.arraycopy(tag, 0, afterMessage, 3, tag.length);
    afterMessage[tag.length + 3] = (byte) tag.length;
    afterFirst = new byte[tag.length + 2];
    afterFirst[0] = 1;
    System.arraycopy(tag, 0, afterFirst, 1, tag.length);
    afterFirst[tag.length + 1] = (byte) tag.length;
    try {
      sha512 = MessageDigest.getInstance("SHA-512");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Writes a field element, little-endian. */
  void hash(byte[] messages, int from, int length, byte[] out, int offset) {
    sha512.update(zeros);
    sha512.update(messages, from, length);
    sha512.update(sha512.digest(afterMessage));
    byte[] uniform = sha512.digest(afterFirst);
    byte[] element = Elligator.bytes(new BigInteger(1, uniform, 0, L).mod(Elligator.P));
    System.arraycopy(element, 0, out, offset, element.length);
  }
}
