package org.espalier.psi.ecdh;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Optional;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.store.KeptParts;
import org.espalier.psi.store.Permutation;
import org.espalier.wire.Digests;
import org.espalier.wire.Session;

/**
 * What one party keeps of one rule until everybody has the cohort: its secrets, its own list, every
 * list that it takes in, as it masked it, and what it opened. Nothing that was computed with the
 * mask leaves before it is kept, so no later attempt masks another element in its place.
 */
final class KeptRule {
  /** A list is kept in so many pieces, or in one for each message if these are fewer. */
  private static final int PIECES = 64;

  private static final String BEGUN = "begun";
  private static final String OWN = "own";
  private static final String OPENED = "opened";
  static final int DIGEST = 32;

  private final KeptParts store;
  private final int rule;

  KeptRule(KeptParts store, int rule) {
    this.store = store;
    this.rule = rule;
  }

  /**
   * The secrets of a rule and what they are for.
   *
   * @param attempt in which it was begun
   * @param counts the lengths of all lists
   * @param scalar of the mask
   * @param order where each row of the own list goes
   * @param shuffled the same of the comparer's list at the shuffler; null at others
   */
  @SuppressWarnings("ArrayRecordComponent") // one owner, not changed
  record Begun(int attempt, int[] counts, byte[] scalar, Permutation order, Permutation shuffled) {}

  /** By which all parties know a begun rule. */
  static byte[] id(Session session, String protocol, int rule, int[] counts) {
    ByteBuffer numbers = ByteBuffer.allocate(Integer.BYTES * counts.length);
    Arrays.stream(counts).forEach(numbers::putInt);
    MessageDigest digest = Digests.sha256();
    digest.update(session.bind(protocol + "/begun/" + rule));
    return digest.digest(numbers.array());
  }

  /** The digest of a list's beginning, and of the piece that follows it in the list. */
  static MessageDigest following(byte[] digest) {
    MessageDigest next = Digests.sha256();
    next.update(digest);
    return next;
  }

  /**
   * Elements of a piece, but for a list's last.
   *
   * @param chunk elements of a message
   */
  static int piece(int count, int chunk) {
    return chunk * (1 + (count - 1) / (chunk * PIECES));
  }

  // ---- secrets --------------------------------------------------------------------------------

  /** Forgets what was kept before and keeps the secrets, before anything is masked with them. */
  void begin(Begun begun, int[] rows) {
    keeping(
        () -> {
          store.forget(rule);
          store.keep(
              rule,
              BEGUN,
              out -> {
                DataOutputStream data = new DataOutputStream(out);
                data.write(digest(rows));
                data.writeInt(begun.attempt());
                write(data, begun.counts());
                data.write(begun.scalar());
                write(data, begun.order().images());
                write(data, begun.shuffled() == null ? new int[0] : begun.shuffled().images());
                data.flush();
              });
        });
  }

  /**
   * The secrets, if an attempt has begun the rule with the same rows.
   *
   * @throws IOException if they cannot be read
   */
  Optional<Begun> begun(int[] rows, int parties, int mostRows) throws IOException {
    Optional<DataInputStream> open = store.open(rule, BEGUN);
    if (open.isEmpty()) {
      return Optional.empty();
    }
    try (DataInputStream in = open.get()) {
      if (!MessageDigest.isEqual(in.readNBytes(DIGEST), digest(rows))) {
        return Optional.empty();
      }
      int attempt = in.readInt();
      int[] counts = read(in, parties);
      byte[] scalar = in.readNBytes(Mask.WIDTH);
      int[] order = read(in, rows.length);
      int[] shuffled = read(in, mostRows);
      requireEnd(in);
      return Optional.of(
          new Begun(
              attempt,
              counts,
              scalar,
              Permutation.of(order),
              shuffled.length == 0 ? null : Permutation.of(shuffled)));
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Forgets this rule and later ones: the next attempt begins them anew. */
  void forget() {
    keeping(() -> store.forget(rule));
  }

  // ---- lists ----------------------------------------------------------------------------------

  /** Writes the elements of a piece as they are kept, and gives the digest of the list so far. */
  @FunctionalInterface
  interface Piece {
    byte[] write(OutputStream out) throws IOException;
  }

  /** Takes elements of a list. */
  @FunctionalInterface
  interface Elements {
    void take(int first, byte[] bytes) throws IOException;
  }

  /** Keeps a piece of a list; durable when this returns. */
  void keepPiece(byte[] id, int owner, int number, Piece piece) {
    keeping(
        () ->
            store.keep(
                rule,
                part(owner, number),
                out -> {
                  out.write(id);
                  out.write(piece.write(out));
                }));
  }

  /**
   * Reads a piece.
   *
   * @param width bytes of an element
   * @return the digest of the list so far; null if the piece was not kept
   */
  byte[] piece(byte[] id, int owner, int number, int first, int end, int width, Elements elements)
      throws IOException {
    Optional<DataInputStream> open = store.open(rule, part(owner, number));
    if (open.isEmpty()) {
      return null;
    }
    try (DataInputStream in = open.get()) {
      if (!MessageDigest.isEqual(in.readNBytes(DIGEST), id)) {
        return null;
      }
      read(in, first, end, width, elements);
      byte[] digest = new byte[DIGEST];
      in.readFully(digest);
      requireEnd(in);
      return digest;
    }
  }

  /** Keeps the own list, which is complete. */
  void keepOwn(byte[] id, MaskedList list) {
    keeping(
        () ->
            store.keep(
                rule,
                OWN,
                out -> {
                  out.write(id);
                  for (int first = 0; first < list.size(); first += Messages.CHUNK) {
                    out.write(list.get(first, Math.min(Messages.CHUNK, list.size() - first)));
                  }
                }));
  }

  /** Reads the own list; returns whether it was kept. */
  boolean own(byte[] id, int count, Elements elements) throws IOException {
    Optional<DataInputStream> open = store.open(rule, OWN);
    if (open.isEmpty()) {
      return false;
    }
    try (DataInputStream in = open.get()) {
      if (!MessageDigest.isEqual(in.readNBytes(DIGEST), id)) {
        return false;
      }
      read(in, 0, count, Mask.WIDTH, elements);
      requireEnd(in);
      return true;
    }
  }

  private static void read(DataInputStream in, int first, int end, int width, Elements elements)
      throws IOException {
    for (int at = first; at < end; ) {
      byte[] bytes = new byte[Math.min(Messages.CHUNK, end - at) * width];
      in.readFully(bytes);
      elements.take(at, bytes);
      at += bytes.length / width;
    }
  }

  private static String part(int owner, int number) {
    return "list-%d-%d".formatted(owner, number);
  }

  // ---- places ---------------------------------------------------------------------------------

  /**
   * Keeps which places are opened, unless they were opened before.
   *
   * @return whether no others have been
   */
  boolean opens(byte[] id, int[] places) {
    byte[] digest = following(id).digest(digest(places));
    try (DataInputStream in = store.open(rule, OPENED).orElse(null)) {
      if (in != null) {
        return MessageDigest.isEqual(in.readAllBytes(), digest);
      }
    } catch (IOException e) {
      forget(); // nobody can tell any more what was opened
      throw new AlignmentException.BegunStorage(e);
    }
    keeping(() -> store.keep(rule, OPENED, out -> out.write(digest)));
    return true;
  }

  // ---- numbers --------------------------------------------------------------------------------

  private static byte[] digest(int[] numbers) {
    MessageDigest digest = Digests.sha256();
    ByteBuffer some = ByteBuffer.allocate(1 << 12);
    for (int number : numbers) {
      if (!some.hasRemaining()) {
        digest.update(some.flip());
        some.clear();
      }
      some.putInt(number);
    }
    digest.update(some.flip());
    return digest.digest();
  }

  private static void write(DataOutputStream out, int[] numbers) throws IOException {
    out.writeInt(numbers.length);
    for (int number : numbers) {
      out.writeInt(number);
    }
  }

  private static int[] read(DataInputStream in, int most) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > most) {
      throw new IOException(length + " numbers, at most " + most + " were due");
    }
    int[] numbers = new int[length];
    for (int i = 0; i < length; i++) {
      numbers[i] = in.readInt();
    }
    return numbers;
  }

  private static void requireEnd(DataInputStream in) throws IOException {
    if (in.read() >= 0) {
      throw new IOException("more than was expected");
    }
  }

  private interface Keeping {
    void run() throws IOException;
  }

  private static void keeping(Keeping keeping) {
    try {
      keeping.run();
    } catch (IOException e) {
      throw new AlignmentException.BegunStorage(e);
    }
  }
}
