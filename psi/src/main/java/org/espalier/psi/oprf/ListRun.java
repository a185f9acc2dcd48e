package org.espalier.psi.oprf;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Arrays;
import java.util.BitSet;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.curve.Elligator;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.wire.MessageType;
import org.espalier.wire.Progress;

/** One party's part of an alignment with a list. */
abstract class ListRun {
  final Links links;
  final AlignmentJob job;
  final KeySource source;
  final ListStore store;
  final Clock clock;
  final long keepAlive;
  final Progress progress;
  final SecureRandom random = new SecureRandom();

  /**
   * @param keepAlive milliseconds after which a party at work says so
   */
  ListRun(
      Links links,
      AlignmentJob job,
      KeySource source,
      ListStore store,
      Clock clock,
      long keepAlive,
      Progress progress) {
    this.links = links;
    this.job = job;
    this.source = source;
    this.store = store;
    this.clock = clock;
    this.keepAlive = keepAlive;
    this.progress = progress;
  }

  /**
   * Before anything is sent.
   *
   * @return how many keys this party has
   */
  abstract int prepare();

  /** This party's part once both have enough keys. */
  abstract int[] exchange(int[] counts, MessageDigest digest);

  /**
   * @param counts of both parties' keys
   * @param digest of the cohort
   * @return this party's rows of the people found, in the order of the cohort
   */
  final int[] run(int[] counts, MessageDigest digest) {
    int minimum = job.policy().minIntersection();
    if (Math.min(counts[0], counts[1]) < minimum) {
      // Both see both counts, so both stop here.
      throw new AlignmentException.BelowMinimum(minimum, -1);
    }
    return exchange(counts, digest);
  }

  /** The rows with a usable key of their own, ascending. */
  final int[] readKeys() {
    BitSet[] found = new BitSet[1];
    Rounds.readKeys(job, source, progress, (index, rows) -> found[0] = rows);
    return found[0].stream().toArray();
  }

  /** The next elements of the other party, each of which may be multiplied. */
  final byte[] elements(MessageType<ListMessages.Elements> type, int from, int first, int count) {
    ListMessages.Elements message = links.receive(from, type, ListMessages.Elements.LIMIT);
    int due = Math.min(ListMessages.Elements.CHUNK, count - first);
    byte[] elements = message.bytes();
    if (message.first() != first || elements.length != due * Mask.WIDTH) {
      throw links.violation(
          from,
          "%s from %d of %d bytes where %d elements from %d are due"
              .formatted(type, message.first(), elements.length, due, first));
    }
    for (int i = 0; i < due; i++) {
      if (!Elligator.canonical(elements, i * Mask.WIDTH)) {
        throw links.violation(from, "%s, element %d is not canonical".formatted(type, first + i));
      }
      if (Mask.lowOrder(elements, i * Mask.WIDTH)) {
        throw lowOrder(type, from, first + i);
      }
    }
    return elements;
  }

  final RuntimeException lowOrder(MessageType<ListMessages.Elements> type, int from, int element) {
    return links.violation(from, "%s, element %d has low order".formatted(type, element));
  }

  /** What both know of a cohort: in which list its members have which places. */
  static void digest(MessageDigest digest, byte[] id, byte[] listDigest, int[] places) {
    digest.update(id);
    digest.update(listDigest);
    digest.update(ByteBuffer.allocate(4).putInt(places.length).flip());
    ByteBuffer buffer = ByteBuffer.allocate(4 * ListMessages.Places.CHUNK);
    for (int from = 0; from < places.length; from += ListMessages.Places.CHUNK) {
      int[] part =
          Arrays.copyOfRange(
              places, from, Math.min(places.length, from + ListMessages.Places.CHUNK));
      buffer.clear().asIntBuffer().put(part);
      digest.update(buffer.limit(4 * part.length));
    }
  }
}
