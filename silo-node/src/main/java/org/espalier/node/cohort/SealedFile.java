package org.espalier.node.cohort;

import java.io.DataInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A file that only this node can read and nobody can change unnoticed: AES-256-GCM in segments of
 * 64 KiB under a key of the file's own, after the STREAM construction (Hoang, Reyhanitabar, Rogaway
 * and Vizár, CRYPTO 2015). A nonce is the segment's number and whether it is the last, so that
 * segments can be neither exchanged nor cut off; the additional data is the file's name, so that no
 * file can stand for another.
 *
 * <p>Layout: {@code ESPS}, version 1, 32 bytes of salt from which and the node's secret the key is
 * derived by HMAC-SHA-256, segments with their 16-byte tags; all but the last are full.
 */
final class SealedFile {
  private static final byte[] MAGIC = {'E', 'S', 'P', 'S', 1};
  private static final int SALT = 32;
  private static final int SEGMENT = 1 << 16;
  private static final int TAG = 16;
  private static final int NONCE = 12;

  private SealedFile() {}

  @FunctionalInterface
  interface Content {
    void write(OutputStream out) throws IOException;
  }

  /** The content is not what this node wrote under this name. */
  static final class TamperedException extends IOException {
    private static final long serialVersionUID = 1;

    TamperedException(Path file, Throwable cause) {
      super(file + " was changed or is damaged", cause);
    }
  }

  /**
   * Writes a file that only its owner may read, durable when this returns; an existing one is
   * replaced as a whole.
   *
   * @param secret of the node, 32 bytes
   */
  static void write(byte[] secret, Path file, Content content) throws IOException {
    byte[] salt = new byte[SALT];
    new SecureRandom().nextBytes(salt);
    Path fresh =
        Files.createTempFile(
            file.getParent(),
            file.getFileName().toString(),
            ".new",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        OutputStream plain = Channels.newOutputStream(channel);
        plain.write(MAGIC);
        plain.write(salt);
        try (Sealing out = new Sealing(plain, new Segments(secret, salt, file))) {
          content.write(out);
        }
        channel.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel folder = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
        folder.force(true);
      }
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  /**
   * Opens a file for reading. What is read has been checked; that nothing is missing at the end is
   * known when the stream has ended.
   *
   * @throws TamperedException here or by the stream, if it is not what was written
   */
  static DataInputStream read(byte[] secret, Path file) throws IOException {
    InputStream in = Files.newInputStream(file);
    try {
      byte[] magic = in.readNBytes(MAGIC.length);
      byte[] salt = in.readNBytes(SALT);
      if (!Arrays.equals(magic, MAGIC) || salt.length != SALT) {
        throw new TamperedException(file, null);
      }
      return new DataInputStream(new Opening(in, new Segments(secret, salt, file), file));
    } catch (IOException | RuntimeException | Error e) {
      in.close();
      throw e;
    }
  }

  /** The cipher of one file, segment after segment. */
  private static final class Segments {
    private final SecretKeySpec key;
    private final byte[] name;
    private final Cipher cipher;
    private long number;

    Segments(byte[] secret, byte[] salt, Path file) {
      name = file.getFileName().toString().getBytes(StandardCharsets.UTF_8);
      try {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        mac.update("espalier sealed file 1".getBytes(StandardCharsets.US_ASCII));
        key = new SecretKeySpec(mac.doFinal(salt), "AES");
        cipher = Cipher.getInstance("AES/GCM/NoPadding");
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every Java 17 platform has these", e);
      }
    }

    int next(int mode, byte[] in, int length, boolean last, byte[] out)
        throws GeneralSecurityException {
      byte[] nonce = ByteBuffer.allocate(NONCE).putLong(number++).putInt(last ? 1 : 0).array();
      cipher.init(mode, key, new GCMParameterSpec(8 * TAG, nonce));
      cipher.updateAAD(name);
      return cipher.doFinal(in, 0, length, out, 0);
    }
  }

  private static final class Sealing extends OutputStream {
    private final OutputStream out;
    private final Segments segments;
    private final byte[] plain = new byte[SEGMENT];
    private final byte[] sealed = new byte[SEGMENT + TAG];
    private int filled;

    Sealing(OutputStream out, Segments segments) {
      this.out = out;
      this.segments = segments;
    }

    @Override
    public void write(int b) throws IOException {
      if (filled == SEGMENT) {
        seal(false);
      }
      plain[filled++] = (byte) b;
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      int at = from;
      int end = from + length;
      while (at < end) {
        if (filled == SEGMENT) {
          seal(false);
        }
        int part = Math.min(end - at, SEGMENT - filled);
        System.arraycopy(bytes, at, plain, filled, part);
        filled += part;
        at += part;
      }
    }

    private void seal(boolean last) throws IOException {
      try {
        int length = segments.next(Cipher.ENCRYPT_MODE, plain, filled, last, sealed);
        out.write(sealed, 0, length);
        filled = 0;
      } catch (GeneralSecurityException e) {
        throw new IOException(e);
      }
    }

    /** Only what is closed can be read again. */
    @Override
    public void close() throws IOException {
      seal(true);
      Arrays.fill(plain, (byte) 0);
      out.flush();
    }
  }

  private static final class Opening extends FilterInputStream {
    private final Segments segments;
    private final Path file;

    /** A segment and one byte more, which tells that it is not the last. */
    private final byte[] sealed = new byte[SEGMENT + TAG + 1];

    private final byte[] plain = new byte[SEGMENT + TAG];
    private int ahead;
    private int at;
    private int filled;
    private boolean last;

    Opening(InputStream in, Segments segments, Path file) {
      super(in);
      this.segments = segments;
      this.file = file;
    }

    /** Returns whether there is a byte. */
    private boolean ready() throws IOException {
      while (at == filled) {
        if (last) {
          return false;
        }
        int length = ahead + in.readNBytes(sealed, ahead, sealed.length - ahead);
        last = length < sealed.length;
        ahead = last ? 0 : 1;
        at = 0;
        filled = 0;
        try {
          filled = segments.next(Cipher.DECRYPT_MODE, sealed, length - ahead, last, plain);
        } catch (GeneralSecurityException e) {
          throw new TamperedException(file, e);
        }
        sealed[0] = sealed[sealed.length - 1];
      }
      return true;
    }

    @Override
    public int read() throws IOException {
      return ready() ? plain[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (!ready()) {
        return -1;
      }
      int part = Math.min(length, filled - at);
      System.arraycopy(plain, at, bytes, from, part);
      at += part;
      return part;
    }

    @Override
    public long skip(long n) throws IOException {
      throw new UnsupportedOperationException("nothing is passed over unread");
    }

    @Override
    public int available() {
      return filled - at;
    }

    @Override
    public boolean markSupported() {
      return false;
    }
  }
}
