package org.espalier.psi.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.espalier.psi.AlignmentException;

/**
 * A fixed number of records of one width in a temporary file, readable by this user only, that is
 * gone when it is closed or the process ends; its place on the disk is free again when what was
 * mapped of it is collected.
 */
public final class RecordFile implements AutoCloseable {
  /** Bytes that are mapped at once, or a little less. */
  private static final int PIECE = 1 << 24;

  private final Path folder;
  private final FileChannel file;
  private final int width;
  private final int records;

  /** The whole file, where records are written in any order; else none. */
  private final MappedByteBuffer[] pieces;

  private RecordFile(Path folder, int records, int width, boolean anyOrder) {
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
    pieces = anyOrder ? map() : new MappedByteBuffer[0];
  }

  /**
   * For consecutive records.
   *
   * @param folder where temporary files may grow to {@code records * width} bytes
   * @param width bytes of a record
   */
  public static RecordFile inOrder(Path folder, int records, int width) {
    return new RecordFile(folder, records, width, false);
  }

  /**
   * For single records in any order. The file is mapped: a call of the system for every record took
   * a quarter of the time that multiplying it takes.
   *
   * @param folder where temporary files may grow to {@code records * width} bytes
   * @param width bytes of a record
   */
  public static RecordFile inAnyOrder(Path folder, int records, int width) {
    return new RecordFile(folder, records, width, true);
  }

  public int records() {
    return records;
  }

  public int width() {
    return width;
  }

  /** Writes one record of a file for any order. */
  public void put(int record, byte[] bytes, int offset) {
    Objects.checkIndex(record, records);
    if (pieces.length == 0) {
      throw new IllegalStateException("this file is for consecutive records");
    }
    pieces[record / recordsPerPiece()].put(
        record % recordsPerPiece() * width, bytes, offset, width);
  }

  private int recordsPerPiece() {
    return PIECE / width;
  }

  /** All of the file exists before it is mapped: a full disk is an exception here, and no later. */
  private MappedByteBuffer[] map() {
    int perPiece = recordsPerPiece();
    MappedByteBuffer[] mapped = new MappedByteBuffer[(records + perPiece - 1) / perPiece];
    byte[] zeros = new byte[(int) Math.min(1 << 20, (long) records * width)];
    try {
      long size = (long) records * width;
      for (long at = 0; at < size; ) {
        ByteBuffer piece = ByteBuffer.wrap(zeros, 0, (int) Math.min(zeros.length, size - at));
        at += file.write(piece, at);
      }
      for (int i = 0; i < mapped.length; i++) {
        long from = (long) i * perPiece * width;
        mapped[i] =
            file.map(
                FileChannel.MapMode.READ_WRITE,
                from,
                Math.min((long) perPiece * width, size - from));
      }
    } catch (IOException e) {
      close();
      throw new AlignmentException.Storage(folder, e);
    }
    return mapped;
  }

  /** Writes consecutive records of a file for them. */
  public void put(int first, byte[] bytes) {
    if (pieces.length > 0) {
      throw new IllegalStateException("this file is for single records");
    }
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
    if (pieces.length > 0) {
      for (int record = first; record < first + count; ) {
        int at = record % recordsPerPiece();
        int here = Math.min(recordsPerPiece() - at, first + count - record);
        pieces[record / recordsPerPiece()].get(
            at * width, buffer.array(), (record - first) * width, here * width);
        record += here;
      }
      return buffer.array();
    }
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
