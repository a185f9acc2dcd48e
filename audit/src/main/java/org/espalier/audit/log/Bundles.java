package org.espalier.audit.log;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.espalier.audit.merkle.Hashing;

/** Content of entry bundles and hash tiles. */
final class Bundles {
  private Bundles() {}

  static byte[] ofEntries(List<byte[]> entries) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] entry : entries) {
      out.write(entry.length >>> 8);
      out.write(entry.length);
      out.writeBytes(entry);
    }
    return out.toByteArray();
  }

  static List<byte[]> entries(byte[] bundle) throws IOException {
    List<byte[]> entries = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(bundle);
    while (in.hasRemaining()) {
      int length = in.remaining() < 2 ? Integer.MAX_VALUE : Short.toUnsignedInt(in.getShort());
      if (length > in.remaining()) {
        throw new IOException("an entry bundle ends within an entry");
      }
      byte[] entry = new byte[length];
      in.get(entry);
      entries.add(entry);
    }
    return entries;
  }

  static byte[] ofHashes(List<byte[]> hashes) {
    ByteBuffer out = ByteBuffer.allocate(hashes.size() * Hashing.BYTES);
    hashes.forEach(out::put);
    return out.array();
  }

  static List<byte[]> hashes(byte[] tile) {
    List<byte[]> hashes = new ArrayList<>(tile.length / Hashing.BYTES);
    for (int i = 0; i + Hashing.BYTES <= tile.length; i += Hashing.BYTES) {
      byte[] hash = new byte[Hashing.BYTES];
      System.arraycopy(tile, i, hash, 0, hash.length);
      hashes.add(hash);
    }
    return hashes;
  }

  /** Root of a complete subtree given by its leaves, a power of two of them. */
  static byte[] rootOf(List<byte[]> hashes) {
    List<byte[]> row = hashes;
    while (row.size() > 1) {
      List<byte[]> above = new ArrayList<>(row.size() / 2);
      for (int i = 0; i < row.size(); i += 2) {
        above.add(Hashing.node(row.get(i), row.get(i + 1)));
      }
      row = above;
    }
    return row.get(0);
  }
}
