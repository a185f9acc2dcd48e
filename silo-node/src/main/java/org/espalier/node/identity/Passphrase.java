package org.espalier.node.identity;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.Set;
import org.espalier.node.Problem;

/**
 * The secret that encrypts the key store. It comes from a file that only its owner can read, never
 * from a flag or an environment variable, which other users of the machine may see.
 */
public final class Passphrase implements AutoCloseable {
  private static final int MIN = 12;
  private static final int MAX_FILE = 1024;
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
   * @throws Problem if others can read it, or it has fewer than 12 characters
   */
  public static Passphrase read(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw Problem.notFound("no passphrase file").detail(file.toString());
      }
      requireOwnerOnly(file, "chmod 600 " + file);
      if (Files.size(file) > MAX_FILE) {
        throw Problem.refused("the passphrase file is larger than 1 KiB").detail(file.toString());
      }
      byte[] bytes = Files.readAllBytes(file);
      CharBuffer chars = StandardCharsets.UTF_8.decode(ByteBuffer.wrap(bytes));
      Arrays.fill(bytes, (byte) 0);
      int end = 0;
      while (end < chars.length() && chars.charAt(end) != '\n' && chars.charAt(end) != '\r') {
        end++;
      }
      char[] secret = Arrays.copyOf(chars.array(), end);
      Arrays.fill(chars.array(), '\0');
      if (end < MIN) {
        throw Problem.refused("the passphrase has fewer than " + MIN + " characters")
            .detail(file.toString());
      }
      return new Passphrase(secret);
    } catch (IOException e) {
      throw Problem.refused("cannot read the passphrase file").detail(e.toString()).because(e);
    }
  }

  /** Writes a fresh random passphrase of 256 bits to a new file that only its owner can read. */
  public static void generate(Path file) {
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    byte[] line =
        (Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "\n")
            .getBytes(StandardCharsets.US_ASCII);
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.write(file, line);
    } catch (IOException e) {
      throw Problem.refused("cannot write the passphrase file").detail(e.toString()).because(e);
    }
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
