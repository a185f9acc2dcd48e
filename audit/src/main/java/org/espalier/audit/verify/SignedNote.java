package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A note as it was found: a text and signatures, of which those by unknown keys mean nothing.
 *
 * @param whole the note as it stands
 * @param text what is signed, with its last newline
 * @see <a href="https://c2sp.org/signed-note">C2SP signed-note</a>
 */
public record SignedNote(String whole, String text, List<Line> signatures) {
  private static final int MAX_SIGNATURES = 100;
  private static final int KEY_ID = 4;

  /** Later than any clock that makes sense: the year 9999. */
  private static final long MAX_SECONDS = 253_402_300_799L;

  /** One signature line: its key's name and identifier, and the signature. */
  public record Line(String name, byte[] keyId, byte[] signature) {}

  /** What the trusted key says about a note. */
  public enum Check {
    /** It signed it. */
    GOOD,
    /** A signature bears its name but is not of it. */
    BAD,
    /** It did not sign it. */
    ABSENT
  }

  /** Reads a note; null if it is not one. */
  public static SignedNote parse(byte[] bytes) {
    String whole = Texts.utf8(bytes);
    int gap = whole == null ? -1 : whole.lastIndexOf("\n\n");
    if (gap < 0 || !whole.endsWith("\n") || gap + 2 >= whole.length()) {
      return null;
    }
    for (int i = 0; i < whole.length(); i++) {
      if (whole.charAt(i) != '\n' && Texts.invisible(whole.charAt(i))) {
        return null;
      }
    }
    String[] lines = whole.substring(gap + 2, whole.length() - 1).split("\n", -1);
    if (lines.length > MAX_SIGNATURES) {
      return null;
    }
    List<Line> signatures = new ArrayList<>();
    for (String line : lines) {
      String[] parts = line.split(" ", -1);
      byte[] blob = parts.length == 3 ? Texts.base64(parts[2]) : null;
      if (blob == null || blob.length <= KEY_ID || !parts[0].equals("\u2014")) {
        return null;
      }
      signatures.add(
          new Line(
              parts[1],
              Arrays.copyOf(blob, KEY_ID),
              Arrays.copyOfRange(blob, KEY_ID, blob.length)));
    }
    return new SignedNote(whole, whole.substring(0, gap + 1), List.copyOf(signatures));
  }

  /** Whether the key signed this; other keys' lines are passed over. */
  public Check by(TrustedKey key) {
    Check check = Check.ABSENT;
    for (Line line : signatures) {
      if (line.name.equals(key.name()) && Arrays.equals(line.keyId, key.id())) {
        if (!key.verifies(text.getBytes(UTF_8), line.signature)) {
          return Check.BAD;
        }
        check = Check.GOOD;
      }
    }
    return check;
  }

  /**
   * When a witness signed this, if it did and every line of its key is good.
   *
   * @see <a href="https://c2sp.org/tlog-cosignature">C2SP tlog-cosignature</a>
   */
  public Optional<Instant> cosignedBy(TrustedKey witness) {
    Instant time = null;
    for (Line line : signatures) {
      if (line.name.equals(witness.name()) && Arrays.equals(line.keyId, witness.id())) {
        if (line.signature.length <= Long.BYTES) {
          return Optional.empty();
        }
        long seconds = ByteBuffer.wrap(line.signature).getLong();
        byte[] signature = Arrays.copyOfRange(line.signature, Long.BYTES, line.signature.length);
        if (seconds < 0
            || seconds > MAX_SECONDS
            || !witness.verifies(cosigned(seconds), signature)) {
          return Optional.empty();
        }
        time = Instant.ofEpochSecond(seconds);
      }
    }
    return Optional.ofNullable(time);
  }

  private byte[] cosigned(long seconds) {
    return ("cosignature/v1\ntime " + seconds + "\n" + text).getBytes(UTF_8);
  }
}
