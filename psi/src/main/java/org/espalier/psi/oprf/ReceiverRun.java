package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.Progress;

/** The part of the party that encodes its keys and learns the intersection first. */
final class ReceiverRun extends RuleRun {
  private final Vole.Receiver vole;

  ReceiverRun(
      Links links,
      AlignmentJob job,
      int number,
      int largestBatch,
      Progress progress,
      Vole.Receiver vole) {
    super(links, job, number, largestBatch, progress);
    this.vole = vole;
  }

  @Override
  int[] exchange(Outbox outbox, int[] rows, Tags tags, MessageDigest digest) {
    outbox.send(new Messages.Seed(sortIntoBins(rows, tags)));
    long[] values = new long[2 * keys.size()];
    Queue<Encoder> encoders = new ConcurrentLinkedQueue<>();
    Vole.Receiver.Pending next = begin(outbox, 0);
    for (int batch = 0; batch < batches.count(); batch++) {
      Vole.Receiver.Pending now = next;
      if (batch + 1 < batches.count()) {
        next = begin(outbox, batch + 1);
      }
      byte[] trees = batch(Messages.Batch.TREES, batch, Vole.treeBytes(batches.shape(batch)));
      Correlations correlations = vole.end(now, trees);
      int[] attempts = sendTables(outbox, encoders, batch, correlations.a());
      for (int i = 0; i < attempts.length; i++) {
        int bin = batches.first(batch) + i;
        evaluate(bin, attempts[i], correlations.c(), i * shape.width(), null, values);
      }
      progress.update(
          "exchange keys", keys.first(batches.first(batch) + batches.bins(batch)), keys.size());
    }
    return match(outbox, new Outputs(values, code.low()), digest);
  }

  /** Draws seeds until no bin is too full, which the first almost always is. */
  private byte[] sortIntoBins(int[] rows, Tags tags) {
    byte[] seed = new byte[16];
    long[] read = tags.read();
    do {
      random.nextBytes(seed);
      keys = new Keys(binding, seed, shape, read, rows);
    } while (keys.fullest() > shape.capacity());
    return seed;
  }

  private Vole.Receiver.Pending begin(Outbox outbox, int batch) {
    Vole.Receiver.Pending pending = vole.begin(batchNumber(batch), batches.shape(batch));
    outbox.send(
        new Messages.Batch(Messages.Batch.CORRECTION, batchNumber(batch), pending.correction()));
    return pending;
  }

  /** Encodes the bins of a batch, some at a time on all cores, and sends them masked. */
  private int[] sendTables(Outbox outbox, Queue<Encoder> encoders, int batch, long[] mask) {
    int bins = batches.bins(batch);
    int[] attempts = new int[bins];
    int wave = Runtime.getRuntime().availableProcessors();
    for (int first = 0; first < bins; first += wave) {
      int from = first;
      Message[] tables = new Message[Math.min(wave, bins - first)];
      IntStream.range(0, tables.length)
          .parallel()
          .forEach(
              i -> {
                Encoder encoder = encoders.poll();
                if (encoder == null) {
                  encoder = new Encoder();
                }
                Messages.Table table =
                    encoder.encode(
                        batches.first(batch) + from + i, mask, (from + i) * shape.width());
                attempts[from + i] = table.attempt();
                tables[i] = table;
                encoders.add(encoder);
              });
      for (Message table : tables) {
        outbox.send(table);
      }
    }
    return attempts;
  }

  /** The scratch space of one core. */
  private final class Encoder {
    private final Okvs okvs = new Okvs(shape);
    private final Keys.Hashes hashes = keys.new Hashes(shape.capacity());
    private final long[] table = new long[shape.width()];

    Messages.Table encode(int bin, long[] mask, int at) {
      int first = keys.first(bin);
      int count = keys.first(bin + 1) - first;
      for (int attempt = 0; attempt < Messages.Table.ATTEMPTS; attempt++) {
        hashes.load(first, count, attempt);
        if (okvs.encode(hashes, count, table)) {
          for (int i = 0; i < table.length; i++) {
            table[i] ^= mask[at + i];
          }
          byte[] bytes = new byte[8 * table.length];
          Blocks.write(table, 0, table.length, bytes, 0);
          return new Messages.Table(bin, attempt, bytes);
        }
      }
      throw new IllegalStateException("a bin cannot be encoded");
    }
  }

  private int[] match(Outbox outbox, Outputs own, MessageDigest digest) {
    Outputs.Matcher matcher = own.new Matcher(code.count());
    Ascending ascending = new Ascending(code.count(), matcher);
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
    int[] matches = matcher.matches();
    int minimum = job.policy().minIntersection();
    if (number == 0 && matches.length < minimum) {
      outbox.send(new RunMessages.Verdict(number, RunMessages.Verdict.BELOW_MINIMUM));
      outbox.close();
      links.join();
      throw AlignmentException.BelowMinimum.seenByFirst(minimum, matches.length);
    }
    outbox.send(new RunMessages.Verdict(number, matches.length));
    long[] members = matcher.members();
    int chunk = Messages.Members.CHUNK / 64;
    for (int word = 0; word < members.length; word += chunk) {
      outbox.send(
          new Messages.Members(
              64 * word,
              Arrays.copyOfRange(members, word, Math.min(members.length, word + chunk))));
    }
    outbox.close();
    links.join();
    return cohort(own, matches, digest);
  }

  /** Refuses values that are not different and in order, or not as many as announced. */
  private static final class Ascending implements Messages.Values.Visitor {
    private final int count;
    private final Outputs.Matcher matcher;
    private int seen;
    private long lastHigh;
    private int lastRest;

    Ascending(int count, Outputs.Matcher matcher) {
      this.count = count;
      this.matcher = matcher;
    }

    @Override
    public void value(long high, int rest) {
      if (seen > 0 && Outputs.compare(lastHigh, lastRest, high, rest) >= 0) {
        throw new MalformedMessageException("value " + seen + " is not above the one before it");
      }
      if (seen++ == count) {
        throw new MalformedMessageException("more than " + count + " values");
      }
      lastHigh = high;
      lastRest = rest;
      matcher.next(high, rest);
    }

    void end() {
      if (seen != count) {
        throw new MalformedMessageException(seen + " values where " + count + " were announced");
      }
    }
  }
}
