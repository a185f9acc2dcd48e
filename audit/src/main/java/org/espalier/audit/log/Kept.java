package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.merkle.Hashing;

/**
 * Entries that stay although the bundles that they were in are pruned: the file {@code kept}, as
 * the package describes it.
 *
 * @param first index up to which bundles are to be removed
 * @param entries by index, all below {@code first}
 */
record Kept(long first, SortedMap<Long, byte[]> entries) {
  static final String FILE = "kept";
  static final Kept NONE = new Kept(0, Collections.emptySortedMap());

  private static final String MAGIC = "espalier-audit-kept/1\n";
  private static final int MAX_HEADER = 100;

  /** Those before an index. */
  Kept before(long index) {
    return new Kept(index, entries.headMap(index));
  }

  /** SHA-256 over the leaf hashes in order. */
  String digest() {
    ByteArrayOutputStream hashes = new ByteArrayOutputStream();
    entries.values().forEach(entry -> hashes.writeBytes(Hashing.leaf(entry)));
    return EventBuilder.sha256(hashes.toByteArray());
  }

  byte[] toBytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes((MAGIC + first + "\n\n").getBytes(UTF_8));
    entries.forEach(
        (seq, entry) ->
            out.writeBytes(
                ByteBuffer.allocate(Long.BYTES + 2 + entry.length)
                    .putLong(seq)
                    .putShort((short) entry.length)
                    .put(entry)
                    .array()));
    return out.toByteArray();
  }

  static Kept parse(byte[] bytes) throws IOException {
    String head = new String(bytes, 0, Math.min(bytes.length, MAX_HEADER), UTF_8);
    int end = head.indexOf("\n\n");
    if (end < MAGIC.length() || !head.startsWith(MAGIC)) {
      throw new IOException("the file of kept entries is not one of this version");
    }
    try {
      long first = Long.parseLong(head.substring(MAGIC.length(), end));
      SortedMap<Long, byte[]> entries = new TreeMap<>();
      ByteBuffer in = ByteBuffer.wrap(bytes).position(end + 2);
      while (in.hasRemaining()) {
        if (in.remaining() < Long.BYTES + 2) {
          throw new IOException("the file of kept entries ends within an entry");
        }
        long seq = in.getLong();
        byte[] entry = new byte[Short.toUnsignedInt(in.getShort())];
        if (entry.length > in.remaining()
            || seq < 0
            || seq >= first
            || (!entries.isEmpty() && seq <= entries.lastKey())) {
          throw new IOException("the file of kept entries is damaged");
        }
        in.get(entry);
        entries.put(seq, entry);
      }
      return new Kept(first, Collections.unmodifiableSortedMap(entries));
    } catch (NumberFormatException e) {
      throw new IOException("the file of kept entries has no header", e);
    }
  }
}
