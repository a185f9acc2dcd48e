package org.espalier.he.nativelib;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/**
 * The border to C++. Objects are numbers in a native table: a number that is closed or of another
 * kind is an {@link IllegalArgumentException}, never a crash. Only {@code org.espalier.he} calls
 * this.
 */
public final class Native {
  static {
    load();
  }

  private Native() {}

  public static native String sealVersion();

  /** How many native objects are alive; tests watch it. */
  public static native int objects();

  public static native void release(long handle);

  public static native long primeBelow(int degree, int bits, int skip);

  public static native long context(int degree, long[] primes, long plain);

  public static native long secretKey(long context);

  public static native long secretKeyOf(long context, byte[] seed);

  public static native byte[] publicKey(long key);

  public static native byte[] encrypt(long key, long[] residuals, int from, int count, int width);

  public static native long ciphertext(long context, byte[] bytes, int from);

  public static native int ciphertextSize(long context);

  public static native long replySize(long context, int columns, int width, int limbs);

  public static native long tiles(
      long context, int rows, int columns, int width, int largest, int keptGroups);

  public static native void put(long tiles, int block, int[] matrix, int fromRow, int rows);

  public static native long accumulator(long tiles);

  public static native void add(long accumulator, long[] blocks, long[] ciphertexts);

  public static native byte[] finish(
      long accumulator, long publicKey, byte[] maskSeed, int limbs, long[] shares);

  public static native long[] open(
      long key, byte[] bytes, int from, int columns, int width, int limbs);

  public static native byte[] encryptColumns(
      long key, int lanes, int width, long[] vectors, int used, int columns);

  public static native byte[] encryptRows(
      long key, int lanes, int width, long[] vectors, int used, int rows);

  public static native byte[] encryptSlots(long key, int[] values, int from, int count);

  public static native long matrix(
      long context, int lanes, int width, int columns, int used, long[] forward);

  public static native byte[][] rows(
      long matrix,
      int[] values,
      int fromRow,
      int rows,
      long[] operands,
      long publicKey,
      byte[] maskSeeds,
      int limbs,
      long[] shares);

  public static native byte[] finishMatrix(
      long matrix, long publicKey, byte[] maskSeed, int limbs, long[] shares);

  public static native long rowReplySize(
      long context, int lanes, int width, int used, int rows, int limbs);

  public static native long columnReplySize(
      long context, int lanes, int width, int used, int columns, int limbs);

  public static native long slotReplySize(long context, int limbs);

  public static native long[] openRows(
      long key, int lanes, int width, byte[] bytes, int from, int used, int rows, int limbs);

  public static native long[] openColumns(
      long key, int lanes, int width, byte[] bytes, int from, int used, int columns, int limbs);

  public static native long slotSum(long context);

  public static native void addSlots(long sum, long[] factors, int[] plain);

  public static native byte[] finishSlots(
      long sum, long publicKey, byte[] maskSeed, int limbs, long[] shares);

  public static native long[] openSlots(long key, byte[] bytes, int from, int limbs);

  public static native int gramStripe();

  public static native void gram(
      double[] matrix, int rows, int columns, int from, int to, int left, double[] sums);

  public static native boolean rounded(
      double[] matrix,
      int rows,
      int inner,
      int from,
      int to,
      double[] factor,
      int columns,
      double scale,
      int largest,
      int[] out);

  public static native void product(
      double[] matrix,
      int rows,
      int inner,
      int from,
      int to,
      double[] factor,
      int columns,
      double[] out);

  private static void load() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    String platform =
        (os.startsWith("linux") ? "linux" : os.replace(' ', '-'))
            + "-"
            + (arch.equals("amd64") ? "x86_64" : arch);
    String resource = "/META-INF/native/" + platform + "/libespalier.so";
    try (InputStream library = Native.class.getResourceAsStream(resource)) {
      if (library == null) {
        throw new UnsatisfiedLinkError(
            "this build of Espalier has no native library for "
                + platform
                + "; build it on such a machine with: mvn -pl he-bridge package");
      }
      Path folder =
          Files.createTempDirectory(
              "espalier-native",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      Path file = folder.resolve("libespalier.so");
      try {
        Files.copy(library, file);
        System.load(file.toString());
      } finally {
        Files.deleteIfExists(file);
        Files.deleteIfExists(folder);
      }
    } catch (IOException e) {
      UnsatisfiedLinkError error =
          new UnsatisfiedLinkError("cannot unpack the native library: " + e.getMessage());
      error.initCause(e);
      throw error;
    }
  }
}
