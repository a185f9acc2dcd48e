package org.espalier.psi.oprf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Progress;

/** One rule of the match key, from announced counts to this party's rows of the cohort. */
abstract class RuleRun {
  /** The number of the party that learns the intersection first. */
  static final int RECEIVER = 0;

  /** The other one's, with two parties. */
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
  final byte[] binding;
  final SecureRandom random = new SecureRandom();
  private final int largestBatch;
  private final byte[] outputKey;
  private final Queue<Scratch> scratches = new ConcurrentLinkedQueue<>();

  /** Of the receiver's store. */
  OkvsShape shape;

  Keys keys;
  Batches batches;

  /** The number of keys of the party that has fewest. */
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
    binding = job.session().bind("psi-oprf/rule/" + number);
    outputKey = key("output", new byte[0]);
  }

  /** A key that is bound to the rule. */
  final byte[] key(String use, byte[] secret) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update(("psi-oprf/" + use).getBytes(StandardCharsets.US_ASCII));
    sha256.update(binding);
    return sha256.digest(secret);
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
    smallest = Arrays.stream(counts).min().orElseThrow();
    if (number == 0 && smallest < job.policy().minIntersection()) {
      // All see all counts, so all stop here.
      throw new AlignmentException.BelowMinimum(job.policy().minIntersection(), -1);
    }
    if (smallest == 0) {
      return new int[0];
    }
    shape = store(counts, RECEIVER);
    batches = Batches.of(shape, largestBatch, checked());
    return exchange(counts, rows, tags, digest);
  }

  /** The store of one party: all have as many bins, so that keys are sorted into them once. */
  static OkvsShape store(int[] counts, int party) {
    // Of two parties only the receiver has one.
    int most = counts.length == 2 ? counts[RECEIVER] : Arrays.stream(counts).max().orElseThrow();
    return OkvsShape.of(counts[party], OkvsShape.bins(most));
  }

  /** Whether both parties prove what they send. */
  boolean checked() {
    return false;
  }

  /** This role's part after all know the counts of all. */
  abstract int[] exchange(int[] counts, int[] rows, Tags tags, MessageDigest digest);

  /** Draws seeds until no bin of the receiver is too full, which the first almost always is. */
  final byte[] sortIntoBins(int[] rows, Tags tags) {
    byte[] seed = new byte[16];
    long[] read = tags.read();
    do {
      random.nextBytes(seed);
      keys = new Keys(binding, seed, shape, read, rows);
    } while (keys.fullest() > shape.capacity());
    return seed;
  }

  /** A batch's number among those of all rules: at most 2^10 batches make 2^26 keys. */
  final int batchNumber(int batch) {
    return number << 16 | batch;
  }

  final byte[] batch(int peer, MessageType<Messages.Batch> type, int batch, int bytes) {
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

  final Messages.Table table(int peer, OkvsShape store, int bin) {
    Messages.Table table =
        links.receive(peer, Messages.Table.TYPE, Messages.Table.limit(store, checked()));
    int due = Messages.Table.bytes(store, checked());
    if (table.bin() != bin || table.bytes().length != due) {
      throw links.violation(
          peer,
          "bin %d of %d bytes where bin %d of %d bytes is due"
              .formatted(table.bin(), table.bytes().length, bin, due));
    }
    return table;
  }

  /** The noise of a batch of correlations with one sender. */
  final Vole.Receiver.Pending begin(Vole.Receiver vole, Outbox outbox, int batch) {
    Vole.Receiver.Pending pending = vole.begin(batchNumber(batch), batches.shape(batch));
    outbox.send(
        new Messages.Batch(Messages.Batch.CORRECTION, batchNumber(batch), pending.correction()));
    return pending;
  }

  /** A sender's answer to it, which has b before it is compressed. */
  final Vole.Sender.Answer answer(Vole.Sender vole, Outbox outbox, int batch) {
    VoleShape batchShape = batches.shape(batch);
    byte[] correction =
        batch(RECEIVER, Messages.Batch.CORRECTION, batch, Vole.correctionBytes(batchShape));
    try {
      Vole.Sender.Answer answer = vole.answer(batchNumber(batch), batchShape, correction);
      outbox.send(new Messages.Batch(Messages.Batch.TREES, batchNumber(batch), answer.message()));
      return answer;
    } catch (MalformedMessageException e) {
      throw links.violation(RECEIVER, "batch %d: %s".formatted(batch, e.getMessage()));
    }
  }

  /** At a sender, from b to b + Δ·t, where t is a bin of what the receiver sent. */
  void addProducts(Field.Multiplier multiplier, byte[] bytes, long[] pairs, int at) {
    long[] table = new long[shape.width()];
    Blocks.read(bytes, 0, table, 0, table.length);
    multiplier.addProducts(table, 0, pairs, at, table.length);
  }

  /**
   * The values of the keys in a bin.
   *
   * @param pairs at the receiver c, at the sender b + Δ·t
   * @param at the bin's first pair
   * @param multiplier the sender's
   * @param values takes the results
   * @param to place of the first
   */
  void evaluate(
      int bin,
      int attempt,
      long[] pairs,
      int at,
      Field.Multiplier multiplier,
      long[] values,
      int to) {
    long[] sums = Okvs.subsetSums(shape, pairs, at);
    int base = keys.first(bin);
    inSlices(
        base,
        keys.first(bin + 1),
        (from, count) -> {
          Scratch scratch = scratches.poll();
          if (scratch == null) {
            scratch = new Scratch();
          }
          Keys.Hashes hashes = scratch.hashes;
          hashes.load(from, count, attempt);
          int target = to + from - base;
          Okvs.decode(shape, hashes, count, sums, pairs, at, values, 2 * target);
          if (multiplier != null) {
            multiplier.addProducts(hashes.values, 0, values, target, count);
          }
          scratch.output.hash(values, 2 * target, count, values, 2 * target);
          scratches.add(scratch);
        });
  }

  /** What one core needs to evaluate a slice; ciphers take long to set up. */
  private final class Scratch {
    final Keys.Hashes hashes = keys.new Hashes(shape, Keys.SLICE);
    final Blocks output = Blocks.permutation(outputKey);
  }

  /** Takes consecutive keys. */
  @FunctionalInterface
  interface Slice {
    void keys(int from, int count);
  }

  /** How the sender's values are coded, with two parties. */
  Outputs.Code code(int[] counts) {
    return Outputs.Code.of(counts[RECEIVER], counts[SENDER], checked());
  }

  /** Runs over keys on all cores. */
  final void inSlices(int first, int end, Slice slice) {
    links.check();
    IntStream.range(0, (end - first + Keys.SLICE - 1) / Keys.SLICE)
        .parallel()
        .forEach(
            i -> {
              int from = first + i * Keys.SLICE;
              slice.keys(from, Math.min(Keys.SLICE, end - from));
            });
  }

  /** Sends sorted values; the receiver of them must expect the same code. */
  final void sendValues(Outputs own, Outputs.Code code, Consumer<Message> send) {
    for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
      send.accept(own.chunk(code, first));
      progress.update("compare", first, code.buckets());
    }
  }

  /** Compares a peer's sorted values with this party's as they arrive. */
  final Outputs.Matcher compare(int peer, Outputs own, Outputs.Code code) {
    Outputs.Matcher matcher = own.new Matcher(code.count());
    Ascending ascending = new Ascending(code.count(), matcher::next);
    try {
      for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
        Messages.Values message =
            links.receive(peer, Messages.Values.type(code), Messages.Values.LIMIT);
        if (message.first() != first) {
          throw links.violation(
              peer, "values from bucket %d where %d is due".formatted(message.first(), first));
        }
        message.visit(ascending);
        progress.update("compare", first, code.buckets());
      }
      ascending.end();
    } catch (MalformedMessageException e) {
      throw links.violation(peer, e.getMessage());
    }
    return matcher;
  }

  /** At the receiver, once it knows who is in the cohort: goes on only if they are enough. */
  final void decide(int found, Consumer<Message> send, Runnable close) {
    int minimum = job.policy().minIntersection();
    if (number == 0 && found < minimum) {
      send.accept(new RunMessages.Verdict(number, RunMessages.Verdict.BELOW_MINIMUM));
      close.run();
      links.join();
      throw AlignmentException.BelowMinimum.seenByFirst(minimum, found);
    }
    send.accept(new RunMessages.Verdict(number, found));
  }

  /** At a sender: how many people the receiver has found. */
  final int verdict() {
    RunMessages.Verdict verdict =
        links.receive(RECEIVER, RunMessages.Verdict.TYPE, RunMessages.Verdict.LIMIT);
    if (verdict.rule() != number) {
      throw links.violation(
          RECEIVER,
          "sent the verdict of rule " + verdict.rule() + " where rule " + number + " is due");
    }
    int minimum = job.policy().minIntersection();
    if (verdict.size() == RunMessages.Verdict.BELOW_MINIMUM && number == 0) {
      links.join();
      throw AlignmentException.BelowMinimum.seenByFirst(minimum, -1);
    }
    int least = number == 0 ? minimum : 0;
    if (verdict.size() < least || verdict.size() > smallest) {
      throw links.violation(
          RECEIVER, "found %d people, must be %d to %d".formatted(verdict.size(), least, smallest));
    }
    return verdict.size();
  }

  /**
   * This party's rows of some of its sorted values, which go into the digest.
   *
   * @param place from a value's place to that of its key
   * @param secrets of each value's place, two longs that only those know who know the key; null if
   *     there are none
   */
  final int[] cohort(
      Outputs own, int[] members, IntUnaryOperator place, long[] secrets, MessageDigest digest) {
    digest.update(ByteBuffer.allocate(4).putInt(members.length).flip());
    ByteBuffer buffer = ByteBuffer.allocate(32 * HASHED);
    int[] result = new int[members.length];
    for (int i = 0; i < members.length; i++) {
      int member = members[i];
      int at = own.place(member);
      result[i] = keys.row(place.applyAsInt(at));
      buffer.putLong(own.high(member)).putLong(own.rest(member));
      if (secrets != null) {
        buffer.putLong(secrets[2 * at]).putLong(secrets[2 * at + 1]);
      }
      if (!buffer.hasRemaining()) {
        digest.update(buffer.flip());
        buffer.clear();
      }
    }
    digest.update(buffer.flip());
    return result;
  }
}
