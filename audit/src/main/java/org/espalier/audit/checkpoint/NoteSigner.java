package org.espalier.audit.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.time.Instant;
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

  /** What a key signs; its number is in verifier keys and key identifiers. */
  public enum Use {
    /** Tree heads of its own log. */
    LOG(0x01),
    /** Tree heads of others' logs, as their witness, with the time. */
    WITNESS(0x04);

    private final byte type;

    Use(int type) {
      this.type = (byte) type;
    }

    /** Of a verifier key's last part. */
    static Use of(byte[] typedKey) {
      for (Use use : values()) {
        if (typedKey.length == 1 + 32 && typedKey[0] == use.type) {
          return use;
        }
      }
      throw new IllegalArgumentException("not an Ed25519 verifier key");
    }
  }

  /** DER of a SubjectPublicKeyInfo for Ed25519 up to the 32 bytes of the key (RFC 8410). */
  private static final byte[] SPKI_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

  private final String name;
  private final Use use;
  private final PrivateKey key;
  private final byte[] publicKey;
  private final byte[] keyId;

  private NoteSigner(String name, Use use, PrivateKey key, byte[] publicKey) {
    this.name = name;
    this.use = use;
    this.key = key;
    this.publicKey = publicKey;
    byte[] nameBytes = name.getBytes(UTF_8);
    this.keyId =
        Arrays.copyOf(
            Hashing.sha256(
                ByteBuffer.allocate(nameBytes.length + 2 + publicKey.length)
                    .put(nameBytes)
                    .put((byte) '\n')
                    .put(use.type)
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
  public static NoteSigner of(String name, Use use, KeyPair keys) {
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
            name,
            use,
            keys.getPrivate(),
            Arrays.copyOfRange(spki, SPKI_PREFIX.length, spki.length));
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
   * The public half as a verifier key, {@code name+hex key id+base64(type || key)}: what a policy
   * file lists.
   */
  public String vkey() {
    byte[] typed = ByteBuffer.allocate(1 + publicKey.length).put(use.type).put(publicKey).array();
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
    require(Use.LOG, text);
    return text + "\n" + line(sign(text.getBytes(UTF_8)));
  }

  /**
   * The line with which a witness signs a checkpoint.
   *
   * @param text of the checkpoint without signatures, ending in a newline
   * @param time when the witness had seen the log so far, to the second
   * @see <a href="https://c2sp.org/tlog-cosignature">C2SP tlog-cosignature</a>
   */
  public String cosignature(String text, Instant time) {
    require(Use.WITNESS, text);
    byte[] signature = sign(cosigned(text, time.getEpochSecond()));
    return line(
        ByteBuffer.allocate(Long.BYTES + signature.length)
            .putLong(time.getEpochSecond())
            .put(signature)
            .array());
  }

  private static byte[] cosigned(String text, long seconds) {
    return ("cosignature/v1\ntime " + seconds + "\n" + text).getBytes(UTF_8);
  }

  private void require(Use wanted, String text) {
    if (use != wanted) {
      throw new IllegalStateException("the key " + name + " is of another use");
    }
    if (!text.endsWith("\n")) {
      throw new IllegalArgumentException("a note's text ends in a newline");
    }
  }

  private String line(byte[] signature) {
    byte[] blob =
        ByteBuffer.allocate(keyId.length + signature.length).put(keyId).put(signature).array();
    return "\u2014 " + name + " " + Base64.getEncoder().encodeToString(blob) + "\n";
  }

  /** The DER form of the key that follows its type in a verifier key. */
  static byte[] spki(byte[] typedKey) {
    Use.of(typedKey);
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
