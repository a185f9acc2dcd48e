package org.espalier.node.identity;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.Set;
import org.espalier.node.Problem;

/**
 * The secret that encrypts the key store, or one that opens a token. It comes from a file that only
 * its owner can read, never from a flag or an environment variable, which other users of the
 * machine may see.
 */
public final class Passphrase implements AutoCloseable {
  private static final int MIN = 12;
  private static final int MIN_PIN = 4;
  private static final int MAX_FILE = 1024;

  /** Begins a passphrase that a token's key has sealed; base64url of that follows. */
  private static final String SEALED = "espalier-sealed:v1:";

  private static final byte[] PURPOSE = "espalier/passphrase/1".getBytes(StandardCharsets.US_ASCII);
  private static final Set<PosixFilePermission> OWNER =
      EnumSet.of(
          PosixFilePermission.OWNER_READ,
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.OWNER_EXECUTE);

  private final char[] secret;

  private Passphrase(char[] secret) {
    this.secret = secret;
  }

  /**
   * Reads the first line of a file.
   *
   * @throws Problem if others can read it, it has fewer than 12 characters, or it is sealed
   */
  public static Passphrase read(Path file) {
    Passphrase read = firstLine(file, MIN);
    if (read.isSealed()) {
      throw Problem.refused("the passphrase is sealed by a token, and silo.yaml names none")
          .detail(file.toString())
          .next("set keys.pkcs11 in silo.yaml, or put back the passphrase from the safe");
    }
    return read;
  }

  /**
   * Reads a token's PIN, the first line of a file.
   *
   * @throws Problem if others can read it, or it has fewer than 4 characters
   */
  public static Passphrase pin(Path file) {
    return firstLine(file, MIN_PIN);
  }

  /**
   * Reads what {@link #seal} wrote.
   *
   * @throws Problem if others can read it, it is not sealed, or the key does not open it
   */
  public static Passphrase open(Path file, TokenKey key) {
    try (Passphrase line = firstLine(file, MIN)) {
      if (!line.isSealed()) {
        throw Problem.refused("the passphrase is not sealed, and silo.yaml names a token")
            .detail(file.toString())
            .next("silo keys seal");
      }
      byte[] sealed;
      try {
        sealed = Base64.getUrlDecoder().decode(new String(line.secret).substring(SEALED.length()));
      } catch (IllegalArgumentException e) {
        throw Problem.refused("the sealed passphrase is damaged")
            .detail(file.toString())
            .because(e);
      }
      byte[] opened = key.open(sealed, PURPOSE);
      try {
        return of(opened, MIN, file);
      } finally {
        Arrays.fill(opened, (byte) 0);
      }
    }
  }

  /**
   * Replaces the passphrase in a file by the same one sealed, in one step, so that a crash leaves
   * one of the two.
   *
   * @throws Problem if it is sealed already, cannot be read or written, or the key does not seal
   */
  public static void seal(Path file, TokenKey key) {
    try (Passphrase plain = firstLine(file, MIN)) {
      if (plain.isSealed()) {
        throw Problem.wrongState("the passphrase is sealed already").detail(file.toString());
      }
      ByteBuffer encoded = StandardCharsets.UTF_8.encode(CharBuffer.wrap(plain.secret));
      byte[] secret = new byte[encoded.remaining()];
      encoded.get(secret).clear().put(new byte[encoded.capacity()]);
      String line;
      try {
        byte[] sealed = key.seal(secret, PURPOSE);
        byte[] again = key.open(sealed, PURPOSE);
        boolean same = MessageDigest.isEqual(again, secret);
        Arrays.fill(again, (byte) 0);
        if (!same) {
          throw Problem.refused("the token does not open what it has sealed");
        }
        line = SEALED + Base64.getUrlEncoder().withoutPadding().encodeToString(sealed) + "\n";
      } finally {
        Arrays.fill(secret, (byte) 0);
      }
      if (line.length() > MAX_FILE) {
        throw Problem.refused("the passphrase is too long to be sealed").detail(file.toString());
      }
      Path fresh = file.resolveSibling(file.getFileName() + ".new");
      Files.deleteIfExists(fresh);
      write(fresh, line);
      KeyFile.replace(file, fresh);
    } catch (IOException e) {
      throw Problem.refused("cannot write the passphrase file").detail(e.toString()).because(e);
    }
  }

  /** Whether a file holds a passphrase that a token has sealed, which is nothing without it. */
  public static boolean isSealed(Path file) {
    try (Passphrase line = firstLine(file, MIN)) {
      return line.isSealed();
    }
  }

  private boolean isSealed() {
    return secret.length >= SEALED.length()
        && Arrays.equals(secret, 0, SEALED.length(), SEALED.toCharArray(), 0, SEALED.length());
  }

  private static Passphrase firstLine(Path file, int least) {
    try {
      if (!Files.isRegularFile(file)) {
        throw Problem.notFound("no passphrase file").detail(file.toString());
      }
      requireOwnerOnly(file, "chmod 600 " + file);
      if (Files.size(file) > MAX_FILE) {
        throw Problem.refused("the passphrase file is larger than 1 KiB").detail(file.toString());
      }
      byte[] bytes = Files.readAllBytes(file);
      try {
        return of(bytes, least, file);
      } finally {
        Arrays.fill(bytes, (byte) 0);
      }
    } catch (IOException e) {
      throw Problem.refused("cannot read the passphrase file").detail(e.toString()).because(e);
    }
  }

  private static Passphrase of(byte[] bytes, int least, Path file) {
    CharBuffer chars = StandardCharsets.UTF_8.decode(ByteBuffer.wrap(bytes));
    int end = 0;
    while (end < chars.length() && chars.charAt(end) != '\n' && chars.charAt(end) != '\r') {
      end++;
    }
    char[] secret = Arrays.copyOf(chars.array(), end);
    Arrays.fill(chars.array(), '\0');
    if (end < least) {
      throw Problem.refused("the passphrase has fewer than " + least + " characters")
          .detail(file.toString());
    }
    return new Passphrase(secret);
  }

  /** Writes a fresh random passphrase of 256 bits to a new file that only its owner can read. */
  public static void generate(Path file) {
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    try {
      write(file, Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "\n");
    } catch (IOException e) {
      throw Problem.refused("cannot write the passphrase file").detail(e.toString()).because(e);
    }
  }

  /** Writes a new file that only its owner can read. */
  private static void write(Path file, String line) throws IOException {
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.write(file, line.getBytes(StandardCharsets.US_ASCII));
  }

  /** Throws unless group and others have no permission on the path. */
  static void requireOwnerOnly(Path path, String remedy) throws IOException {
    Set<PosixFilePermission> granted = Files.getPosixFilePermissions(path);
    if (!OWNER.containsAll(granted)) {
      throw Problem.refused("secrets are readable by other users of this machine")
          .detail(path + " is " + PosixFilePermissions.toString(granted))
          .next(remedy);
    }
  }

  /** The characters, until it is closed. */
  public char[] secret() {
    return secret;
  }

  /** Overwrites the secret in memory. */
  @Override
  public void close() {
    Arrays.fill(secret, '\0');
  }
}
