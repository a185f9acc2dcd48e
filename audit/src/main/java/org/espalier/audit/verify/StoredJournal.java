package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.espalier.audit.merkle.Hashing;

/**
 * A journal as it was found.
 *
 * @param origin the log that it says it belongs to
 * @param first index of its first entry
 * @param frames its frames up to the last commit
 * @param tail what follows the last commit
 */
record StoredJournal(String origin, long first, List<Frame> frames, byte[] tail) {
  static final int MAX_BYTES = 256 << 20;
  private static final String MAGIC = "espalier-audit-journal/1";
  private static final String COMMIT_MARK = "espalier.org/audit-commit/";
  private static final int MAX_HEADER = 1024;
  private static final int MAX_ENTRY = 0xffff;

  /** An entry or a commit note. */
  record Frame(boolean commit, byte[] content) {}

  /** Reads a journal; null if it has no header or not even one commit. */
  static StoredJournal parse(byte[] bytes) {
    String head = new String(bytes, 0, Math.min(bytes.length, MAX_HEADER), ISO_8859_1);
    int end = head.indexOf("\n\n");
    String[] lines = end < 0 ? new String[0] : head.substring(0, end).split("\n", -1);
    long first = lines.length == 3 ? Texts.natural(lines[2]) : -1;
    if (first < 0 || first % StoredFiles.WIDTH != 0 || !lines[0].equals(MAGIC)) {
      return null;
    }
    List<Frame> frames = new ArrayList<>();
    int committed = 0;
    int committedBytes = end + 2;
    ByteBuffer in = ByteBuffer.wrap(bytes).position(end + 2);
    while (in.remaining() >= 3) {
      int kind = in.get();
      int length = Short.toUnsignedInt(in.getShort());
      if ((kind != 'E' && kind != 'C') || length > in.remaining()) {
        break;
      }
      byte[] content = new byte[length];
      in.get(content);
      frames.add(new Frame(kind == 'C', content));
      if (kind == 'C') {
        committed = frames.size();
        committedBytes = in.position();
      }
    }
    if (committed == 0) {
      return null;
    }
    return new StoredJournal(
        lines[1],
        first,
        List.copyOf(frames.subList(0, committed)),
        Arrays.copyOfRange(bytes, committedBytes, bytes.length));
  }

  /**
   * Whether the tail is what a write that was cut short leaves: whole entries, then the beginning
   * of an entry or of the one commit that belongs there, or zeros. Anything else was written by
   * another hand.
   *
   * @param tree the tree of all committed entries; entries of the tail are added to it
   */
  boolean tailIsTorn(Tree tree, TrustedKey key) {
    ByteBuffer in = ByteBuffer.wrap(tail);
    while (in.hasRemaining()) {
      byte[] rest = Arrays.copyOfRange(tail, in.position(), tail.length);
      int kind = in.get();
      if (kind == 'C') {
        return startsCommit(rest, tree, key);
      }
      if (kind != 'E') {
        return allZero(rest);
      }
      int length = in.remaining() < 2 ? MAX_ENTRY + 1 : Short.toUnsignedInt(in.getShort());
      if (length > in.remaining()) {
        return isEntry(rest, Math.min(3, rest.length), false)
            && !new String(rest, ISO_8859_1).contains(COMMIT_MARK);
      }
      byte[] entry = new byte[length];
      in.get(entry);
      if (!isEntry(entry, 0, true)) {
        return false;
      }
      tree.add(Hashing.leaf(entry));
    }
    return true;
  }

  private boolean startsCommit(byte[] found, Tree tree, TrustedKey key) {
    String text =
        TreeHead.commitText(origin, tree.size(), tree.root()) + "\n\u2014 " + key.name() + " ";
    String id = Base64.getEncoder().encodeToString(key.id()).substring(0, 5);
    // Key identifier and signature are 68 bytes, 92 in Base64; then the newline.
    int length = text.getBytes(UTF_8).length + 92 + 1;
    ByteArrayOutputStream known = new ByteArrayOutputStream();
    known.write('C');
    known.write(length >>> 8);
    known.write(length);
    known.writeBytes((text + id).getBytes(UTF_8));
    byte[] start = known.toByteArray();
    int common = Math.min(start.length, found.length);
    return found.length < 3 + length
        && Arrays.equals(found, 0, common, start, 0, common)
        && new String(found, common, found.length - common, ISO_8859_1).matches("[A-Za-z0-9+/=]*");
  }

  /** Whether bytes can be an event or, if not {@code whole}, the beginning of one. */
  private static boolean isEntry(byte[] bytes, int from, boolean whole) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] >= 0 && bytes[i] < ' ' && (whole || bytes[i] != 0)) {
        return false;
      }
    }
    boolean begins = bytes.length == from || bytes[from] == '{' || (!whole && bytes[from] == 0);
    return begins && (!whole || (bytes.length >= 2 && bytes[bytes.length - 1] == '}'));
  }

  private static boolean allZero(byte[] bytes) {
    for (byte b : bytes) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }
}
