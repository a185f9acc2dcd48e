package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.merkle.Frontier;
import org.espalier.audit.merkle.Hashing;

/**
 * The content of a journal file, as the package describes it.
 *
 * @param origin the log
 * @param first index of the first entry
 * @param entries committed entries
 * @param committed bytes up to the end of the last commit
 * @param tail whatever follows
 * @param lastCommit the newest commit note
 * @param root root that the newest commit states
 */
record Journal(
    String origin,
    long first,
    List<byte[]> entries,
    long committed,
    byte[] tail,
    String lastCommit,
    byte[] root) {
  private static final String MAGIC = "espalier-audit-journal/1\n";
  private static final String COMMIT = "espalier.org/audit-commit/v1\n";

  static byte[] header(String origin, long first) {
    return (MAGIC + origin + "\n" + first + "\n\n").getBytes(UTF_8);
  }

  static String commitText(String origin, long size, byte[] root) {
    return COMMIT + origin + "\n" + size + "\n" + Base64.getEncoder().encodeToString(root) + "\n";
  }

  static byte[] commitFrame(NoteSigner signer, Frontier tree) {
    byte[] note = signer.note(commitText(signer.name(), tree.size(), tree.root())).getBytes(UTF_8);
    return frame('C', note);
  }

  static byte[] entryFrame(byte[] entry) {
    return frame('E', entry);
  }

  /** A whole journal that holds {@code entries} from index {@code first} on. */
  static byte[] fresh(NoteSigner signer, Frontier before, List<byte[]> entries) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(header(signer.name(), before.size()));
    out.writeBytes(commitFrame(signer, before));
    Frontier tree = before;
    for (byte[] entry : entries) {
      out.writeBytes(entryFrame(entry));
      tree = tree.append(Hashing.leaf(entry));
    }
    if (!entries.isEmpty()) {
      out.writeBytes(commitFrame(signer, tree));
    }
    return out.toByteArray();
  }

  /**
   * Reads a journal up to its last commit. Does not check signatures or hashes.
   *
   * @throws IOException if there is not even one commit
   */
  static Journal parse(byte[] bytes) throws IOException {
    int headerEnd = endOfHeader(bytes);
    String[] header = new String(bytes, 0, headerEnd, UTF_8).split("\n", -1);
    if (!header[0].equals(MAGIC.strip()) || header.length != 5) {
      throw new IOException("not a journal of this version");
    }
    String origin = header[1];
    long first = number(header[2]);
    ByteBuffer in = ByteBuffer.wrap(bytes).position(headerEnd);
    List<byte[]> entries = new ArrayList<>();
    int committedEntries = 0;
    int committed = 0;
    String lastCommit = null;
    byte[] root = null;
    while (in.remaining() >= 3) {
      int kind = in.get();
      int length = Short.toUnsignedInt(in.getShort());
      if ((kind != 'E' && kind != 'C') || length > in.remaining()) {
        break;
      }
      byte[] content = new byte[length];
      in.get(content);
      if (kind == 'E') {
        entries.add(content);
        continue;
      }
      String note = new String(content, UTF_8);
      String[] lines = note.split("\n", -1);
      if (!note.startsWith(COMMIT + origin + "\n" + (first + entries.size()) + "\n")
          || lines.length != 7) {
        break;
      }
      lastCommit = note;
      root = base64(lines[3]);
      committedEntries = entries.size();
      committed = in.position();
    }
    if (lastCommit == null) {
      throw new IOException("the journal holds no commit");
    }
    return new Journal(
        origin,
        first,
        List.copyOf(entries.subList(0, committedEntries)),
        committed,
        Arrays.copyOfRange(bytes, committed, bytes.length),
        lastCommit,
        root);
  }

  /** Number of entries of the whole log. */
  long size() {
    return first + entries.size();
  }

  /**
   * Whether the tail is what a write that was cut short leaves behind: entries and then perhaps the
   * beginning of the one commit that belongs there, or zeros. Everything else was written after.
   */
  boolean tailIsTorn(Frontier committedTree, NoteSigner signer) {
    Frontier tree = committedTree;
    ByteBuffer in = ByteBuffer.wrap(tail);
    while (in.hasRemaining()) {
      ByteBuffer frame = in.slice();
      int kind = in.get();
      if (kind == 'E') {
        int length = in.remaining() < 2 ? 0xffff : Short.toUnsignedInt(in.getShort());
        if (length > in.remaining()) {
          return !containsCommit();
        }
        byte[] entry = new byte[length];
        in.get(entry);
        if (!looksLikeEvent(entry)) {
          return false;
        }
        tree = tree.append(Hashing.leaf(entry));
      } else if (kind == 'C') {
        return isCutShort(frame, commitFrame(signer, tree), tree);
      } else {
        return allZero(frame);
      }
    }
    return true;
  }

  private boolean isCutShort(ByteBuffer found, byte[] whole, Frontier tree) {
    // The signature is deterministic, so even a cut within it can be told from an edit.
    byte[] part = new byte[found.remaining()];
    found.get(part);
    return tree.size() > size()
        && part.length < whole.length
        && Arrays.equals(part, Arrays.copyOf(whole, part.length));
  }

  /** Whether these can be bytes that this log wrote as an entry: one line, one JSON object. */
  private static boolean looksLikeEvent(byte[] entry) {
    for (byte b : entry) {
      if (b >= 0 && b < ' ') {
        return false;
      }
    }
    return entry.length >= 2 && entry[0] == '{' && entry[entry.length - 1] == '}';
  }

  private boolean containsCommit() {
    return new String(tail, US_ASCII).contains(COMMIT);
  }

  private static boolean allZero(ByteBuffer bytes) {
    while (bytes.hasRemaining()) {
      if (bytes.get() != 0) {
        return false;
      }
    }
    return true;
  }

  private static byte[] frame(char kind, byte[] content) {
    return ByteBuffer.allocate(3 + content.length)
        .put((byte) kind)
        .putShort((short) content.length)
        .put(content)
        .array();
  }

  private static int endOfHeader(byte[] bytes) throws IOException {
    for (int i = 0; i + 1 < Math.min(bytes.length, 1024); i++) {
      if (bytes[i] == '\n' && bytes[i + 1] == '\n') {
        return i + 2;
      }
    }
    throw new IOException("the journal has no header");
  }

  private static long number(String text) throws IOException {
    try {
      long number = Long.parseLong(text);
      if (number >= 0 && number % TilePaths.WIDTH == 0 && Long.toString(number).equals(text)) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw new IOException("the journal's first index is not a number", e);
    }
    throw new IOException("the journal's first index is not the start of a bundle");
  }

  private static byte[] base64(String text) throws IOException {
    try {
      byte[] hash = Base64.getDecoder().decode(text);
      if (hash.length == Hashing.BYTES) {
        return hash;
      }
    } catch (IllegalArgumentException e) {
      throw new IOException("a commit's root is not Base64", e);
    }
    throw new IOException("a commit's root has not 32 bytes");
  }
}
