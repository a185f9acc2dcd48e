package org.espalier.audit.merkle;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** The hash functions of RFC 6962, section 2.1: SHA-256 with a prefix per kind of node. */
public final class Hashing {
  /** Bytes of a hash. */
  public static final int BYTES = 32;

  private static final byte LEAF = 0;
  private static final byte NODE = 1;

  private Hashing() {}

  /** SHA-256 of {@code data}. */
  public static byte[] sha256(byte[] data) {
    return digest().digest(data);
  }

  /** Root of the tree without leaves: SHA-256 of the empty string. */
  public static byte[] emptyRoot() {
    return digest().digest();
  }

  /** Hash of one leaf: SHA-256(0x00 || entry). */
  public static byte[] leaf(byte[] entry) {
    MessageDigest digest = digest();
    digest.update(LEAF);
    return digest.digest(entry);
  }

  /** Hash of an inner node: SHA-256(0x01 || left || right), both 32 bytes. */
  public static byte[] node(byte[] left, byte[] right) {
    if (left.length != BYTES || right.length != BYTES) {
      throw new IllegalArgumentException("a child of a node has 32 bytes");
    }
    MessageDigest digest = digest();
    digest.update(NODE);
    digest.update(left);
    return digest.digest(right);
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
