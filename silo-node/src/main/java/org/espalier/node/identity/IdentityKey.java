package org.espalier.node.identity;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HexFormat;
import org.espalier.wire.Encoder;

/**
 * The public half of a party's Ed25519 identity key.
 *
 * @param spki its SubjectPublicKeyInfo in DER (RFC 8410), 44 bytes
 */
public record IdentityKey(byte[] spki) {
  private static final byte[] PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");
  private static final int BYTES = 44;
  private static final String DOMAIN = "espalier/statement/1";

  /**
   * @throws IllegalArgumentException if it is not the DER form of an Ed25519 key
   */
  public IdentityKey {
    if (spki.length != BYTES || !Arrays.equals(spki, 0, PREFIX.length, PREFIX, 0, PREFIX.length)) {
      throw new IllegalArgumentException("not an Ed25519 public key");
    }
    spki = spki.clone();
  }

  @Override
  public byte[] spki() {
    return spki.clone();
  }

  public Fingerprint fingerprint() {
    return Fingerprint.of(spki);
  }

  /** For {@link java.security.Signature} and certificates. */
  public PublicKey publicKey() {
    try {
      return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // the prefix was checked
    }
  }

  /** Whether {@link NodeIdentity#sign} of this party made the signature. Never throws. */
  public boolean verify(byte[] statement, byte[] signature) {
    try {
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(publicKey());
      verifier.update(framed(statement));
      return verifier.verify(signature);
    } catch (GeneralSecurityException | RuntimeException notOne) {
      return false; // off-curve keys and malformed signatures verify nothing
    }
  }

  /** Statements never look like the other things that this key signs, its certificates. */
  static byte[] framed(byte[] statement) {
    return new Encoder().putString(DOMAIN).putBytes(statement).toByteArray();
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof IdentityKey other && Arrays.equals(spki, other.spki);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(spki);
  }

  @Override
  public String toString() {
    return fingerprint().toString();
  }
}
