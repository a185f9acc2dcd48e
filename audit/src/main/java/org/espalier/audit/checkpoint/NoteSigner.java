package org.espalier.audit.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.espalier.audit.merkle.Hashing;

/**
 * Signs notes with an Ed25519 key under a name. For a log the name is its origin, for example
 * {@code hospital-a.example/silo/audit/1}. Thread-safe.
 *
 * @see <a href="https://c2sp.org/signed-note">C2SP signed-note</a>
 */
public final class NoteSigner {
  private static final Pattern NAME = Pattern.compile("[a-z0-9.:-]+(/[A-Za-z0-9._-]+)*");
  private static final int MAX_NAME = 200;
  private static final byte ED25519 = 0x01;

  /** DER of a SubjectPublicKeyInfo for Ed25519 up to the 32 bytes of the key (RFC 8410). */
  private static final byte[] SPKI_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

  private final String name;
  private final PrivateKey key;
  private final byte[] publicKey;
  private final byte[] keyId;

  private NoteSigner(String name, PrivateKey key, byte[] publicKey) {
    this.name = name;
    this.key = key;
    this.publicKey = publicKey;
    byte[] nameBytes = name.getBytes(UTF_8);
    this.keyId =
        Arrays.copyOf(
            Hashing.sha256(
                ByteBuffer.allocate(nameBytes.length + 2 + publicKey.length)
                    .put(nameBytes)
                    .put((byte) '\n')
                    .put(ED25519)
                    .put(publicKey)
                    .array()),
            4);
  }

  /**
   * A signer for an existing key pair.
   *
   * @throws IllegalArgumentException if the name is not a schema-less URL of at most 200
   *     characters, or the keys are not an Ed25519 pair that belongs together
   */
  public static NoteSigner of(String name, KeyPair keys) {
    if (name.length() > MAX_NAME || !NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "a log's name looks like hospital-a.example/silo/audit/1, at most 200 characters");
    }
    byte[] spki = keys.getPublic().getEncoded();
    if (spki == null
        || spki.length != SPKI_PREFIX.length + 32
        || !Arrays.equals(spki, 0, SPKI_PREFIX.length, SPKI_PREFIX, 0, SPKI_PREFIX.length)) {
      throw new IllegalArgumentException("the audit key is not an Ed25519 key");
    }
    NoteSigner signer =
        new NoteSigner(
            name, keys.getPrivate(), Arrays.copyOfRange(spki, SPKI_PREFIX.length, spki.length));
    byte[] probe = "espalier audit key pair check\n".getBytes(UTF_8);
    try {
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(keys.getPublic());
      verifier.update(probe);
      if (!verifier.verify(signer.sign(probe))) {
        throw new IllegalArgumentException("the audit key's halves do not belong together");
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("the audit key cannot be used: " + e.getMessage(), e);
    }
    return signer;
  }

  /** A new key pair, to be kept by the caller and given to {@link #of}. */
  public static KeyPair generateKeys() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java 17 platform has Ed25519", e);
    }
  }

  /** The key's name; a log's origin. */
  public String name() {
    return name;
  }

  /**
   * The public half as a verifier key, {@code name+hex key id+base64(0x01 || key)}: what a policy
   * file lists.
   */
  public String vkey() {
    byte[] typed = ByteBuffer.allocate(1 + publicKey.length).put(ED25519).put(publicKey).array();
    return name
        + "+"
        + HexFormat.of().formatHex(keyId)
        + "+"
        + Base64.getEncoder().encodeToString(typed);
  }

  /**
   * The note of {@code text}, which ends in a newline, with this key's signature. The length
   * depends on the text and the name only.
   */
  public String note(String text) {
    if (!text.endsWith("\n")) {
      throw new IllegalArgumentException("a note's text ends in a newline");
    }
    byte[] signature = sign(text.getBytes(UTF_8));
    byte[] blob =
        ByteBuffer.allocate(keyId.length + signature.length).put(keyId).put(signature).array();
    return text + "\n\u2014 " + name + " " + Base64.getEncoder().encodeToString(blob) + "\n";
  }

  /** The DER form of the key that follows its type in a verifier key. */
  static byte[] spki(byte[] typedKey) {
    if (typedKey.length != 33 || typedKey[0] != ED25519) {
      throw new IllegalArgumentException("not an Ed25519 verifier key");
    }
    return ByteBuffer.allocate(SPKI_PREFIX.length + 32)
        .put(SPKI_PREFIX)
        .put(typedKey, 1, 32)
        .array();
  }

  private byte[] sign(byte[] message) {
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(key);
      signature.update(message);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the audit key cannot sign", e);
    }
  }

  @Override
  public String toString() {
    return "NoteSigner[" + vkey() + "]";
  }
}
