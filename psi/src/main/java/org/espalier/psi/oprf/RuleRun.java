package org.espalier.psi.oprf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.stream.IntStream;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.MessageType;
import org.espalier.wire.Progress;

/** One rule of the match key, from announced counts to this party's rows of the cohort. */
abstract class RuleRun {
  /** The number of the party that learns the intersection first. */
  static final int RECEIVER = 0;

  static final int SENDER = 1;

  /** Members of the cohort that are hashed together. */
  private static final int HASHED = 1024;

  /** Where a party's keys of a rule come from, once they are needed. */
  interface Tags {
    /** 128 bits of each key, two longs each, in the order of the rows. */
    long[] read();
  }

  final Links links;
  final AlignmentJob job;
  final int number;
  final Progress progress;
  final int peer;
  final byte[] binding;
  final SecureRandom random = new SecureRandom();
  private final int largestBatch;
  private final byte[] outputKey;

  OkvsShape shape;
  Keys keys;
  Batches batches;

  /** How the sender's values are coded. */
  Outputs.Code code;

  /** The smaller party's number of keys. */
  int smallest;

  /**
   * @param number of the rule, from 0
   * @param largestBatch correlations at once, at most {@link VoleShape#LARGEST}
   */
  RuleRun(Links links, AlignmentJob job, int number, int largestBatch, Progress progress) {
    this.links = links;
    this.job = job;
    this.number = number;
    this.largestBatch = largestBatch;
    this.progress = progress;
    peer = 1 - links.self();
    binding = job.session().bind("psi-oprf/rule/" + number);
    MessageDigest sha256 = Digests.sha256();
    sha256.update("psi-oprf/output".getBytes(StandardCharsets.US_ASCII));
    outputKey = sha256.digest(binding);
  }

  /**
   * Runs the rule.
   *
   * @param rows this party's rows that take part
   * @param digest of the cohort
   * @return this party's rows of the people found, in the order of the cohort
   */
  final int[] run(int[] rows, Tags tags, MessageDigest digest) {
    int[] counts = Rounds.announce(links, job, number, rows.length);
    smallest = Math.min(counts[RECEIVER], counts[SENDER]);
    if (number == 0 && smallest < job.policy().minIntersection()) {
      // Both see both counts, so both stop here.
      throw new AlignmentException.BelowMinimum(job.policy().minIntersection(), -1);
    }
    if (smallest == 0) {
      return new int[0];
    }
    shape = OkvsShape.of(counts[RECEIVER]);
    code = new Outputs.Code(counts[SENDER], Outputs.lowBits(counts[RECEIVER], counts[SENDER]));
    batches = Batches.of(shape, largestBatch);
    try (Outbox outbox = new Outbox(links, peer)) {
      return exchange(outbox, rows, tags, digest);
    } catch (MalformedMessageException e) {
      throw links.violation(peer, e.getMessage());
    }
  }

  /** This role's part after both know the counts. */
  abstract int[] exchange(Outbox outbox, int[] rows, Tags tags, MessageDigest digest);

  /** A batch's number among those of all rules: at most 2^10 batches make 2^26 keys. */
  final int batchNumber(int batch) {
    return number << 16 | batch;
  }

  final byte[] batch(MessageType<Messages.Batch> type, int batch, int bytes) {
    Messages.Batch message = links.receive(peer, type, Messages.Batch.limit(bytes));
    if (message.number() != batchNumber(batch) || message.bytes().length != bytes) {
      throw links.violation(
          peer,
          "%s %d of %d bytes where %d of %d bytes is due"
              .formatted(
                  type, message.number(), message.bytes().length, batchNumber(batch), bytes));
    }
    return message.bytes();
  }

  /**
   * The values of the keys in a bin.
   *
   * @param pairs at the receiver c, at the sender b + Δ·t
   * @param at the bin's first pair
   * @param multiplier the sender's
   * @param values takes the results, by place of key
   */
  final void evaluate(
      int bin, int attempt, long[] pairs, int at, Field.Multiplier multiplier, long[] values) {
    links.check();
    long[] sums = Okvs.subsetSums(shape, pairs, at);
    int first = keys.first(bin);
    int end = keys.first(bin + 1);
    IntStream.range(0, (end - first + Keys.SLICE - 1) / Keys.SLICE)
        .parallel()
        .forEach(
            slice -> {
              int from = first + slice * Keys.SLICE;
              int count = Math.min(Keys.SLICE, end - from);
              Keys.Hashes hashes = keys.new Hashes(count);
              hashes.load(from, count, attempt);
              Okvs.decode(shape, hashes, count, sums, pairs, at, values, 2 * from);
              if (multiplier != null) {
                for (int i = 0; i < count; i++) {
                  multiplier.addProduct(hashes.values[i], values, 2 * (from + i));
                }
              }
              Blocks.permutation(outputKey).hash(values, 2 * from, count, values, 2 * from);
            });
  }

  /** This party's rows of some of its sorted values, which go into the digest. */
  final int[] cohort(Outputs own, int[] members, MessageDigest digest) {
    digest.update(ByteBuffer.allocate(4).putInt(members.length).flip());
    ByteBuffer buffer = ByteBuffer.allocate(16 * HASHED);
    int[] result = new int[members.length];
    for (int i = 0; i < members.length; i++) {
      int member = members[i];
      result[i] = keys.row(own.place(member));
      buffer.putLong(own.high(member)).putLong(own.rest(member));
      if (!buffer.hasRemaining()) {
        digest.update(buffer.flip());
        buffer.clear();
      }
    }
    digest.update(buffer.flip());
    return result;
  }
}
