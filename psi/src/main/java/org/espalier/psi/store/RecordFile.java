package org.espalier.psi.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.espalier.psi.AlignmentException;

/**
 * A fixed number of records of one width in a temporary file, readable by this user only, that is
 * gone when it is closed or the process ends.
 */
public final class RecordFile implements AutoCloseable {
  private final Path folder;
  private final FileChannel file;
  private final int width;
  private final int records;

  /**
   * @param folder where temporary files may grow to {@code records * width} bytes
   * @param width bytes of a record
   */
  public RecordFile(Path folder, int records, int width) {
    this.folder = folder;
    this.width = width;
    this.records = records;
    try {
      Path path = Files.createTempFile(folder, "espalier-align-", ".tmp");
      file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
    } catch (IOException e) {
      throw new AlignmentException.Storage(folder, e);
    }
  }

  public int records() {
    return records;
  }

  public int width() {
    return width;
  }

  /** Writes one record. */
  public void put(int record, byte[] bytes, int offset) {
    Objects.checkIndex(record, records);
    write(record, ByteBuffer.wrap(bytes, offset, width));
  }

  /** Writes consecutive records. */
  public void put(int first, byte[] bytes) {
    if (bytes.length % width != 0) {
      throw new IllegalArgumentException(bytes.length + " bytes are no whole records");
    }
    Objects.checkFromIndexSize(first, bytes.length / width, records);
    write(first, ByteBuffer.wrap(bytes));
  }

  private void write(int first, ByteBuffer buffer) {
    try {
      for (long at = (long) first * width; buffer.hasRemaining(); ) {
        at += file.write(buffer, at);
      }
    } catch (IOException e) {
      throw new AlignmentException.Storage(folder, e);
    }
  }

  /** Reads consecutive records that have been written. */
  public byte[] get(int first, int count) {
    Objects.checkFromIndexSize(first, count, records);
    ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(count, width));
    try {
      for (long at = (long) first * width; buffer.hasRemaining(); ) {
        int n = file.read(buffer, at);
        if (n < 0) {
          throw new IOException("record " + first + " was never written");
        }
        at += n;
      }
    } catch (IOException e) {
      throw new AlignmentException.Storage(folder, e);
    }
    return buffer.array();
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new AlignmentException.Storage(folder, e);
    }
  }
}
