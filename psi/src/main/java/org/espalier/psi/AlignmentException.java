package org.espalier.psi;

/**
 * An alignment stopped for a reason that this party can name. Messages tell this party's operator
 * what to do and stay local; {@link #publicReason} is what the others hear.
 */
public abstract sealed class AlignmentException extends RuntimeException {
  private final String publicReason;

  private AlignmentException(String message, String publicReason, Throwable cause) {
    super(message, cause);
    this.publicReason = publicReason;
  }

  /** A short sentence without data of this party. */
  public final String publicReason() {
    return publicReason;
  }

  /** Rows share a match key and the policy is {@code reject}. */
  public static final class DuplicateKeys extends AlignmentException {
    public DuplicateKeys(int rule, long duplicates, int firstRow, int secondRow) {
      super(
          "rule %d of the match key: %,d row(s) repeat the key of an earlier row; the first are rows"
                  .formatted(rule, duplicates)
              + " %,d and %,d (counted from 1). Remove the repeats, add a column to the key, or"
                  .formatted(firstRow + 1L, secondRow + 1L)
              + " agree on duplicates: first; with duplicates: all the label party's table alone may"
              + " have several rows of a person",
          "its match keys are not unique",
          null);
    }
  }

  /** No row has a usable key. */
  public static final class EmptyKeys extends AlignmentException {
    public EmptyKeys(int rule, int rows) {
      super(
          ("rule %d of the match key: none of %,d rows has a usable key. Check the columns and"
                  + " normalisers: the match report shows what they make of the values")
              .formatted(rule, rows),
          "it has no usable match keys",
          null);
    }
  }

  /** A table is larger than agreed. */
  public static final class TooManyRows extends AlignmentException {
    public TooManyRows(int rows, int maxRows) {
      super(
          "%,d rows have keys, the job allows %,d: filter the table or agree on a larger limit"
              .formatted(rows, maxRows),
          "it has more rows than agreed",
          null);
    }

    private TooManyRows(String message) {
      super(message, "it has more rows than the protocol takes", null);
    }

    /** The first of three and more parties has more keys than the protocol is secure for. */
    public static TooManyRows forProtocol(int rows, int most) {
      return new TooManyRows(
          ("%,d rows have keys; with three or more parties alignment protocol oprf takes %,d of the"
                  + " first party: agree on ecdh, or filter the table")
              .formatted(rows, most));
    }
  }

  /** The intersection is smaller than agreed. */
  public static final class BelowMinimum extends AlignmentException {
    private final int size;
    private final boolean seen;

    /**
     * Nobody learnt who is in it.
     *
     * @param size the number of common people, or -1 where this party does not learn it
     */
    public BelowMinimum(int minimum, int size) {
      this(minimum, size, false);
    }

    private BelowMinimum(int minimum, int size, boolean seen) {
      super(
          "the intersection is below the agreed minimum of %,d%s; %s. If"
                  .formatted(
                      minimum,
                      size < 0 ? "" : " (%,d)".formatted(size),
                      seen
                          ? "only the first party's node has seen who is in it, and it forgets that"
                          : "nobody has learnt who is in it")
              + " more was expected, compare the match reports of all parties",
          "below the agreed minimum",
          null);
      this.size = size;
      this.seen = seen;
    }

    /**
     * The protocol has told the first party's node who is in it.
     *
     * @param size the number of common people, or -1 where this party does not learn it
     */
    public static BelowMinimum seenByFirst(int minimum, int size) {
      return new BelowMinimum(minimum, size, true);
    }

    /** Whether the first party's node has seen who is in it. */
    public boolean seen() {
      return seen;
    }

    /** The number of common people at the comparer if lists were compared, -1 otherwise. */
    public int size() {
      return size;
    }
  }

  /** The parties did not start the same alignment. */
  public static final class Disagreement extends AlignmentException {
    public Disagreement(org.espalier.wire.Party peer, String field) {
      super(
          peer + " runs with another " + field + ": compare the approved job at both sides",
          "the parties run with another " + field,
          null);
    }
  }

  /** The table did not give the same rows at every scan. */
  public static final class SourceChanged extends AlignmentException {
    public SourceChanged(String what) {
      super(
          "the table changed while it was read: " + what + ". Use a frozen copy",
          "its table changed",
          null);
    }
  }

  /** Temporary files cannot be written or read. */
  public static final class Storage extends AlignmentException {
    public Storage(java.nio.file.Path folder, java.io.IOException cause) {
      super(
          "temporary files in " + folder + ": " + cause.getMessage(),
          "its temporary storage failed",
          cause);
    }
  }

  /** A list that is kept for later alignments cannot be read or written. */
  public static final class ListStorage extends AlignmentException {
    public ListStorage(java.io.IOException cause) {
      super(
          "the list that is kept for later alignments with this partner: %s. The next attempt does"
                  .formatted(cause.getMessage())
              + " without it, if there is room for another one",
          "its storage failed",
          cause);
    }
  }

  /** An alignment that has begun cannot be kept, or what was kept of it cannot be read. */
  public static final class BegunStorage extends AlignmentException {
    public BegunStorage(java.io.IOException cause) {
      super(
          "what is kept of the alignment until it is done: %s. Make room on that disk; the next"
                  .formatted(cause.getMessage())
              + " attempt goes on from what was kept, or begins anew",
          "its storage failed",
          cause);
    }
  }
}
