package org.espalier.protocols.shares;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Where a party keeps its slice while it trains: in memory up to a limit, in a memory-mapped file
 * beyond it. The file has no name any more once it is mapped, and nobody else may open it before:
 * when the process ends, however it ends, it is gone.
 *
 * @param memory most bytes of a slice in memory
 * @param folder for the file
 */
public record Workspace(long memory, Path folder) {
  private static final long MAPPING = 1L << 30;

  public Workspace {
    Objects.requireNonNull(folder);
    if (memory < 0) {
      throw new IllegalArgumentException("a limit of " + memory + " bytes");
    }
  }

  /** Everything in memory. */
  public static Workspace inMemory() {
    return new Workspace(Long.MAX_VALUE, Path.of(System.getProperty("java.io.tmpdir")));
  }

  /**
   * Room in a file, cut into mappings that hold whole pieces.
   *
   * @param pieceBytes at most 2^30
   * @throws WorkspaceException if the folder has no room or cannot be written to
   */
  List<ByteBuffer> map(long pieces, long pieceBytes) {
    long perMapping = Math.max(1, MAPPING / pieceBytes);
    List<ByteBuffer> mappings = new ArrayList<>();
    Path file = null;
    try {
      Files.createDirectories(folder);
      if (Files.getFileStore(folder).getUsableSpace() < pieces * pieceBytes) {
        throw new WorkspaceException(
            "the slice needs %,d MB in %s, where there is less room"
                .formatted((pieces * pieceBytes) >> 20, folder),
            null);
      }
      file =
          Files.createTempFile(
              folder,
              "slice",
              ".tmp",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      try (FileChannel channel =
          FileChannel.open(file, Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE))) {
        for (long from = 0; from < pieces; from += perMapping) {
          long bytes = Math.min(perMapping, pieces - from) * pieceBytes;
          mappings.add(
              channel
                  .map(FileChannel.MapMode.READ_WRITE, from * pieceBytes, bytes)
                  .order(ByteOrder.nativeOrder()));
        }
      }
    } catch (IOException e) {
      throw new WorkspaceException("cannot keep the slice in " + folder + ": " + e.getMessage(), e);
    } finally {
      delete(file);
    }
    return mappings;
  }

  private static void delete(Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new WorkspaceException("cannot remove " + file + ": " + e.getMessage(), e);
    }
  }

  /** The slice can be kept neither in memory nor in a file. */
  public static final class WorkspaceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    WorkspaceException(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
