package org.espalier.psi.oprf;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Optional;
import org.espalier.psi.curve.Mask;

/**
 * What a server keeps of a list that it has made.
 *
 * @param scalar of the mask under which it was made
 * @param rows of the own table, in the order of the list
 */
@SuppressWarnings("ArrayRecordComponent") // as large as a data set has rows
record ServedList(byte[] id, byte[] digest, byte[] scalar, Instant made, int[] rows) {
  private static final int VERSION = 1;
  private static final int PIECE = 1 << 14;

  /** Empty if there is none, or none that was written so. */
  static Optional<ServedList> kept(ListStore store) {
    try {
      Optional<DataInputStream> opened = store.open(ListStore.Kind.SERVED);
      if (opened.isEmpty()) {
        return Optional.empty();
      }
      try (DataInputStream in = opened.get()) {
        return in.readInt() == VERSION ? Optional.of(read(in)) : Optional.empty();
      }
    } catch (IOException e) {
      // Damaged: another one is made, as if there were none.
      return Optional.empty();
    }
  }

  private static ServedList read(DataInputStream in) throws IOException {
    byte[] id = in.readNBytes(32);
    byte[] digest = in.readNBytes(32);
    byte[] scalar = in.readNBytes(Mask.WIDTH);
    Instant made = Instant.ofEpochSecond(in.readLong());
    // What the store gives is what this party wrote.
    int[] rows = new int[in.readInt()];
    byte[] piece = new byte[4 * PIECE];
    for (int at = 0; at < rows.length; ) {
      int count = Math.min(PIECE, rows.length - at);
      in.readFully(piece, 0, 4 * count);
      ByteBuffer.wrap(piece).asIntBuffer().get(rows, at, count);
      at += count;
    }
    if (in.read() >= 0) {
      throw new IOException("more than was expected");
    }
    return new ServedList(id, digest, scalar, made, rows);
  }

  void write(OutputStream to) throws IOException {
    DataOutputStream out = new DataOutputStream(to);
    out.writeInt(VERSION);
    out.write(id);
    out.write(digest);
    out.write(scalar);
    out.writeLong(made.getEpochSecond());
    out.writeInt(rows.length);
    ByteBuffer piece = ByteBuffer.allocate(4 * PIECE);
    for (int row : rows) {
      piece.putInt(row);
      if (!piece.hasRemaining()) {
        out.write(piece.array());
        piece.clear();
      }
    }
    out.write(piece.array(), 0, piece.position());
    out.flush();
  }
}
