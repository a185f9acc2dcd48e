package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HexFormat;
import org.espalier.audit.merkle.Hashing;

/**
 * A key that the caller trusts, and the name of the log that it may sign, or of the witness that
 * signs others' logs with it: the verifier key that the owner handed over by another way than with
 * the log.
 *
 * @see <a href="https://c2sp.org/signed-note">C2SP signed-note</a>
 */
public final class TrustedKey {
  private static final byte LOG = 1;
  private static final byte WITNESS = 4;
  private static final int KEY_BYTES = 32;
  private static final byte[] SPKI_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

  private final String text;
  private final String name;
  private final byte[] id;
  private final PublicKey key;

  private TrustedKey(String text, String name, byte[] id, PublicKey key) {
    this.text = text;
    this.name = name;
    this.id = id;
    this.key = key;
  }

  /**
   * Reads the key of a log, {@code name+hex key id+base64(0x01 || key)}.
   *
   * @throws IllegalArgumentException if it is not an Ed25519 verifier key or its key id is not that
   *     of its name and key
   */
  public static TrustedKey parse(String vkey) {
    return parse(vkey, LOG);
  }

  /**
   * Reads the key of a witness, {@code name+hex key id+base64(0x04 || key)}.
   *
   * @throws IllegalArgumentException as {@link #parse(String)}
   */
  public static TrustedKey parseWitness(String vkey) {
    return parse(vkey, WITNESS);
  }

  private static TrustedKey parse(String vkey, byte type) {
    String[] parts = vkey.strip().split("\\+", 3);
    if (parts.length != 3 || parts[0].isEmpty() || parts[0].matches(".*[\\s\\p{C}].*")) {
      throw new IllegalArgumentException(
          "a verifier key looks like hospital-a.example/silo/audit/1+0a1b2c3d+AbCd...=");
    }
    byte[] typed = Texts.base64(parts[2]);
    if (typed == null || typed.length != 1 + KEY_BYTES || typed[0] != type) {
      throw new IllegalArgumentException(
          "the verifier key holds no Ed25519 key of a " + (type == LOG ? "log" : "witness"));
    }
    ByteArrayOutputStream identified = new ByteArrayOutputStream();
    identified.writeBytes(parts[0].getBytes(UTF_8));
    identified.write('\n');
    identified.writeBytes(typed);
    byte[] id = Arrays.copyOf(Hashing.sha256(identified.toByteArray()), 4);
    if (!HexFormat.of().formatHex(id).equals(parts[1])) {
      throw new IllegalArgumentException(
          "the verifier key is damaged: its identifier is not that of its name and key");
    }
    byte[] spki = Arrays.copyOf(SPKI_PREFIX, SPKI_PREFIX.length + KEY_BYTES);
    System.arraycopy(typed, 1, spki, SPKI_PREFIX.length, KEY_BYTES);
    try {
      PublicKey key =
          KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki));
      return new TrustedKey(vkey.strip(), parts[0], id, key);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("the verifier key holds no Ed25519 key", e);
    }
  }

  /** The log that this key may sign, or the witness. */
  public String name() {
    return name;
  }

  /** The public key alone, whatever its name. */
  String keyText() {
    return HexFormat.of().formatHex(key.getEncoded());
  }

  /** The key's identifier, 8 hex digits, as in the verifier key. */
  public String idText() {
    return HexFormat.of().formatHex(id);
  }

  byte[] id() {
    return id.clone();
  }

  boolean verifies(byte[] message, byte[] signature) {
    try {
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(key);
      verifier.update(message);
      return verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      // A signature of the wrong length or with numbers out of range.
      return false;
    }
  }

  /** Whether both are the same key under the same name. */
  @Override
  public boolean equals(Object other) {
    return other instanceof TrustedKey key && key.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  /** The verifier key as text. */
  @Override
  public String toString() {
    return text;
  }
}
