package org.espalier.he;

import java.util.Arrays;

/**
 * The first 21 bytes of everything encrypted: {@code "ESH1"}, kind, and the first half of the
 * parameter digest.
 */
final class Header {
  static final int SIZE = 21;
  static final int PUBLIC_KEY = 1;
  static final int BLOCK = 2;
  static final int REPLY = 3;
  static final int SLOTS = 4;
  static final int ROW_REPLY = 5;
  static final int COLUMN_REPLY = 6;
  static final int SLOT_REPLY = 7;

  private static final byte[] MAGIC = {'E', 'S', 'H', '1'};

  private Header() {}

  static byte[] with(int kind, byte[] digest, byte[] payload) {
    byte[] out = new byte[SIZE + payload.length];
    System.arraycopy(MAGIC, 0, out, 0, 4);
    out[4] = (byte) kind;
    System.arraycopy(digest, 0, out, 5, 16);
    System.arraycopy(payload, 0, out, SIZE, payload.length);
    return out;
  }

  static void check(int kind, byte[] digest, byte[] bytes, long payload) {
    if (bytes.length != SIZE + payload) {
      throw new MalformedCiphertextException(
          name(kind) + " has " + bytes.length + " bytes, not " + (SIZE + payload));
    }
    if (!Arrays.equals(bytes, 0, 4, MAGIC, 0, 4) || bytes[4] != kind) {
      throw new MalformedCiphertextException("this is not a " + name(kind));
    }
    if (!Arrays.equals(bytes, 5, SIZE, digest, 0, 16)) {
      throw new MalformedCiphertextException(name(kind) + " was made under other parameters");
    }
  }

  private static String name(int kind) {
    return switch (kind) {
      case PUBLIC_KEY -> "public key";
      case BLOCK, SLOTS -> "ciphertext";
      default -> "reply";
    };
  }
}
