package org.espalier.audit.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.PBEParameterSpec;

/**
 * The file with a log's or a witness's signing key. Its first line is the verifier key, which is
 * public and is what auditors and partners are given; then follows the private key as an {@code
 * ENCRYPTED PRIVATE KEY} in PEM (PKCS #8, PBES2 with PBKDF2-HMAC-SHA-256 and AES-256), which
 * standard tools read.
 */
public final class AuditKey {
  private static final String CIPHER = "PBEWithHmacSHA256AndAES_256";
  private static final int ITERATIONS = 600_000;
  private static final int SALT = 16;
  private static final int MAX_FILE = 16 * 1024;
  private static final String BEGIN = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
  private static final String END = "-----END ENCRYPTED PRIVATE KEY-----";
  private static final Set<PosixFilePermission> OWNER =
      Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);

  private AuditKey() {}

  /**
   * Makes a new key and writes it to a file that must not exist, durable and readable by its owner
   * only.
   *
   * @param name of the log, for example {@code hospital-a.example/silo/audit/1}, or of the witness
   * @param passphrase encrypts the private key; stays the caller's to wipe
   * @throws FileAlreadyExistsException if there is such a file: a key is never overwritten
   * @throws IllegalArgumentException if the name is not one or the passphrase is empty
   */
  public static NoteSigner create(Path file, String name, NoteSigner.Use use, char[] passphrase)
      throws IOException {
    requirePassphrase(passphrase);
    KeyPair keys = NoteSigner.generateKeys();
    NoteSigner signer = NoteSigner.of(name, use, keys);
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(file.toString());
    }
    String pem =
        BEGIN
            + "\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'})
                .encodeToString(encrypted(keys.getPrivate(), passphrase))
            + "\n"
            + END
            + "\n";
    writeNew(file, (signer.vkey() + "\n" + pem).getBytes(UTF_8));
    return signer;
  }

  /**
   * Opens a key.
   *
   * @throws IOException if there is no such file, others can read it, it is not a key file, the
   *     passphrase does not open it, or its two halves do not belong together
   */
  public static NoteSigner open(Path file, char[] passphrase) throws IOException {
    requirePassphrase(passphrase);
    requirePrivate(file);
    String[] parts = read(file).split(BEGIN + "\n", -1);
    int end = parts.length == 2 ? parts[1].indexOf("\n" + END) : -1;
    if (end < 0) {
      throw new IOException(file + " is not an audit key file");
    }
    VerifierKeyText line = VerifierKeyText.parse(parts[0].strip(), file);
    try {
      PrivateKey key =
          decrypted(Base64.getMimeDecoder().decode(parts[1].substring(0, end)), passphrase);
      NoteSigner signer = NoteSigner.of(line.name(), line.use(), new KeyPair(line.key(), key));
      if (signer.vkey().equals(line.text())) {
        return signer;
      }
      throw new IOException("the key identifier in " + file + " is not that of its key");
    } catch (GeneralSecurityException e) {
      throw new IOException("the passphrase does not open the audit key " + file, e);
    } catch (IllegalArgumentException e) {
      throw new IOException(file + " is not an audit key file: " + e.getMessage(), e);
    }
  }

  /**
   * The verifier key in a key file, without opening the private key. Whoever can write the file can
   * change it: this is for showing the own key, never for verifying with.
   */
  public static String vkey(Path file) throws IOException {
    String text = read(file);
    int end = text.indexOf('\n');
    return VerifierKeyText.parse(end < 0 ? text : text.substring(0, end), file).text();
  }

  private static byte[] encrypted(PrivateKey key, char[] passphrase) {
    byte[] salt = new byte[SALT];
    byte[] iv = new byte[16];
    SecureRandom random = new SecureRandom();
    random.nextBytes(salt);
    random.nextBytes(iv);
    byte[] plain = key.getEncoded();
    try {
      Cipher cipher = Cipher.getInstance(CIPHER);
      cipher.init(
          Cipher.ENCRYPT_MODE,
          secret(passphrase),
          new PBEParameterSpec(salt, ITERATIONS, new IvParameterSpec(iv)));
      // Java 17 knows the object identifier of the parameters under this name only.
      AlgorithmParameters parameters = AlgorithmParameters.getInstance("PBES2");
      parameters.init(cipher.getParameters().getEncoded());
      return new EncryptedPrivateKeyInfo(parameters, cipher.doFinal(plain)).getEncoded();
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("every Java 17 platform has " + CIPHER, e);
    } finally {
      Arrays.fill(plain, (byte) 0);
    }
  }

  private static PrivateKey decrypted(byte[] der, char[] passphrase)
      throws GeneralSecurityException, IOException {
    EncryptedPrivateKeyInfo info = new EncryptedPrivateKeyInfo(der);
    if (!CIPHER.equals(info.getAlgParameters().toString())) {
      throw new GeneralSecurityException("the key is not encrypted with " + CIPHER);
    }
    Cipher cipher = Cipher.getInstance(CIPHER);
    cipher.init(Cipher.DECRYPT_MODE, secret(passphrase), info.getAlgParameters());
    byte[] plain = cipher.doFinal(info.getEncryptedData());
    try {
      return KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(plain));
    } finally {
      Arrays.fill(plain, (byte) 0);
    }
  }

  private static SecretKey secret(char[] passphrase) throws GeneralSecurityException {
    PBEKeySpec spec = new PBEKeySpec(passphrase);
    try {
      return SecretKeyFactory.getInstance(CIPHER).generateSecret(spec);
    } finally {
      spec.clearPassword();
    }
  }

  private static void writeNew(Path file, byte[] content) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    boolean posix = folder.getFileSystem().supportedFileAttributeViews().contains("posix");
    FileAttribute<?>[] attributes =
        posix
            ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(OWNER)}
            : new FileAttribute<?>[0];
    Path fresh = Files.createTempFile(folder, file.getFileName().toString(), ".new", attributes);
    try {
      try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      move(fresh, file);
      try (FileChannel entry = FileChannel.open(folder, StandardOpenOption.READ)) {
        entry.force(true);
      }
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private static void move(Path fresh, Path file) throws IOException {
    try {
      // Unlike a rename, a link fails if somebody else made the file meanwhile.
      Files.createLink(file, fresh);
    } catch (UnsupportedOperationException e) {
      try {
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      } catch (AtomicMoveNotSupportedException again) {
        Files.move(fresh, file);
      }
    }
  }

  private static String read(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_FILE + 1);
      if (bytes.length > MAX_FILE) {
        throw new IOException(file + " is not an audit key file: it is too long");
      }
      return new String(bytes, UTF_8);
    }
  }

  private static void requirePrivate(Path file) throws IOException {
    if (file.getFileSystem().supportedFileAttributeViews().contains("posix")
        && !OWNER.containsAll(Files.getPosixFilePermissions(file))) {
      throw new IOException("others can read the audit key: chmod 600 " + file);
    }
  }

  private static void requirePassphrase(char[] passphrase) {
    if (passphrase.length == 0) {
      throw new IllegalArgumentException("the passphrase of the audit key is empty");
    }
  }

  /** A verifier key as text, taken apart. */
  private record VerifierKeyText(String text, String name, NoteSigner.Use use, PublicKey key) {
    static VerifierKeyText parse(String text, Path file) throws IOException {
      String[] parts = text.split("\\+", 3);
      try {
        if (parts.length == 3) {
          byte[] typed = Base64.getDecoder().decode(parts[2]);
          return new VerifierKeyText(
              text,
              parts[0],
              NoteSigner.Use.of(typed),
              KeyFactory.getInstance("Ed25519")
                  .generatePublic(new X509EncodedKeySpec(NoteSigner.spki(typed))));
        }
      } catch (GeneralSecurityException | IllegalArgumentException e) {
        throw new IOException(file + " does not begin with a verifier key", e);
      }
      throw new IOException(file + " does not begin with a verifier key");
    }
  }
}
