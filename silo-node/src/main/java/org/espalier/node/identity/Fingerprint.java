package org.espalier.node.identity;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import org.espalier.wire.Digests;

/**
 * SHA-256 of a SubjectPublicKeyInfo: what partners pin and what two operators compare.
 *
 * <p>Its text is sixteen groups of four hexadecimal digits, {@code 91be-03c7-...}.
 *
 * @param digest 32 bytes
 */
public record Fingerprint(byte[] digest) {
  private static final int BYTES = 32;
  private static final int GROUP = 4;

  public Fingerprint {
    if (digest.length != BYTES) {
      throw new IllegalArgumentException("a fingerprint has 32 bytes, not " + digest.length);
    }
    digest = digest.clone();
  }

  /** The fingerprint of a key in DER form. */
  public static Fingerprint of(byte[] subjectPublicKeyInfo) {
    return new Fingerprint(sha256(subjectPublicKeyInfo));
  }

  /**
   * Reads {@link #toString()}; upper case and other separators (colon, space, none) are accepted,
   * as people type them.
   *
   * @throws IllegalArgumentException if it is not 64 hexadecimal digits
   */
  public static Fingerprint parse(String text) {
    if (text.length() > 128) {
      throw new IllegalArgumentException("a fingerprint has 64 hexadecimal digits");
    }
    String hex = text.replaceAll("[-: ]", "").toLowerCase(Locale.ROOT);
    if (!hex.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException("a fingerprint has 64 hexadecimal digits");
    }
    return new Fingerprint(HexFormat.of().parseHex(hex));
  }

  static byte[] sha256(byte[] bytes) {
    return Digests.sha256().digest(bytes);
  }

  @Override
  public byte[] digest() {
    return digest.clone();
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Fingerprint other && MessageDigest.isEqual(digest, other.digest);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(digest);
  }

  @Override
  public String toString() {
    String hex = HexFormat.of().formatHex(digest);
    StringBuilder out = new StringBuilder(hex.length() + hex.length() / GROUP);
    for (int i = 0; i < hex.length(); i += GROUP) {
      out.append(i == 0 ? "" : "-").append(hex, i, i + GROUP);
    }
    return out.toString();
  }
}
