package org.espalier.wire;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** The hash function of transcripts, bindings and fingerprints. */
public final class Digests {
  private Digests() {}

  /** A fresh SHA-256; every JDK has it. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
