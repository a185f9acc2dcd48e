package org.espalier.audit.verify;

import java.util.Base64;
import org.espalier.audit.merkle.Hashing;

/**
 * Size and root of a log as a note states them.
 *
 * @param note the note
 * @param origin the log
 * @param size number of entries
 * @param root 32 bytes
 */
public record TreeHead(SignedNote note, String origin, long size, byte[] root) {
  private static final String COMMIT = "espalier.org/audit-commit/v1";

  /** Reads a checkpoint; null if it is not one. */
  public static TreeHead checkpoint(byte[] bytes) {
    SignedNote note = SignedNote.parse(bytes);
    return note == null ? null : head(note, note.text().split("\n", -1), 0);
  }

  /** Reads a commit note of a journal; null if it is not one. */
  static TreeHead commit(byte[] bytes) {
    SignedNote note = SignedNote.parse(bytes);
    String[] lines = note == null ? new String[] {""} : note.text().split("\n", -1);
    return lines[0].equals(COMMIT) ? head(note, lines, 1) : null;
  }

  /** The text of the commit of a tree. */
  static String commitText(String origin, long size, byte[] root) {
    return COMMIT
        + "\n"
        + origin
        + "\n"
        + size
        + "\n"
        + Base64.getEncoder().encodeToString(root)
        + "\n";
  }

  private static TreeHead head(SignedNote note, String[] lines, int first) {
    if (lines.length != first + 4 || lines[first].isEmpty() || !lines[first + 3].isEmpty()) {
      return null;
    }
    long size = Texts.natural(lines[first + 1]);
    byte[] root = Texts.base64(lines[first + 2]);
    return size < 0 || root == null || root.length != Hashing.BYTES
        ? null
        : new TreeHead(note, lines[first], size, root);
  }
}
