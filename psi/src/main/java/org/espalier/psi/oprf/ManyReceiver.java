package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.util.stream.IntStream;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.wire.Message;
import org.espalier.wire.Progress;

/**
 * Of three and more parties, the part of the first: it evaluates each sender's function on its own
 * keys, and adds up what each sender's store holds for them. The sum of a key that all senders have
 * is 0, that of any other is random.
 */
final class ManyReceiver extends RuleRun {
  /** Keys at most: a sum is 0 by accident with probability 2^-64, for any of them below 2^-40. */
  static final int MOST_KEYS = 1 << 24;

  private final Vole.Receiver[] voles;

  /**
   * @param voles with each sender, by its number
   */
  ManyReceiver(
      Links links,
      AlignmentJob job,
      int number,
      int largestBatch,
      Progress progress,
      Vole.Receiver[] voles) {
    super(links, job, number, largestBatch, progress);
    this.voles = voles;
  }

  /** The store of the receiver's own keys, in which all senders evaluate theirs. */
  private record Encoded(long[] table, int[] attempts) {}

  @Override
  int[] exchange(int[] counts, int[] rows, Tags tags, MessageDigest digest) {
    Outbox[] outboxes = new Outbox[links.parties()];
    try {
      for (int sender : links.others()) {
        outboxes[sender] = new Outbox(links, sender);
      }
      byte[] seed = sortIntoBins(rows, tags);
      toAll(outboxes, new Messages.Seed(seed));
      long[] sums = sums(counts, outboxes);
      int[] found = IntStream.range(0, sums.length).filter(place -> sums[place] == 0).toArray();
      decide(found.length, message -> toAll(outboxes, message), () -> closeAll(outboxes));
      long[] values = keys.tags(found);
      Blocks.permutation(key("order", seed)).hash(values, 0, found.length, values, 0);
      Outputs.Code code = ManySender.cohortCode(found.length, counts);
      Outputs own = new Outputs(values, code.low());
      sendValues(own, code, message -> toAll(outboxes, message));
      closeAll(outboxes);
      links.join();
      return cohort(
          own, IntStream.range(0, found.length).toArray(), place -> found[place], null, digest);
    } finally {
      closeAll(outboxes);
    }
  }

  private void toAll(Outbox[] outboxes, Message message) {
    for (int sender : links.others()) {
      outboxes[sender].send(message);
    }
  }

  private static void closeAll(Outbox[] outboxes) {
    for (Outbox outbox : outboxes) {
      if (outbox != null) {
        outbox.close();
      }
    }
  }

  /**
   * For each key, the sum over all senders of the value of its function and what its store holds.
   *
   * <p>Batch by batch with all senders in turn: while the receiver works with one, the others
   * prepare their answers.
   */
  private long[] sums(int[] counts, Outbox[] outboxes) {
    long[] sums = new long[keys.size()];
    BinEncoder encoder = new BinEncoder(shape, keys, 1);
    Vole.Receiver.Pending[] pending = new Vole.Receiver.Pending[links.parties()];
    for (int sender : links.others()) {
      pending[sender] = begin(voles[sender], outboxes[sender], 0);
    }
    for (int batch = 0; batch < batches.count(); batch++) {
      Encoded encoded = encode(encoder, batch);
      for (int sender : links.others()) {
        int bytes = Vole.treeBytes(batches.shape(batch));
        byte[] trees = batch(sender, Messages.Batch.TREES, batch, bytes);
        Correlations correlations = voles[sender].end(pending[sender], trees);
        sendTables(outboxes[sender], batch, encoded, correlations.a());
        if (batch + 1 < batches.count()) {
          pending[sender] = begin(voles[sender], outboxes[sender], batch + 1);
        }
        addValues(batch, encoded.attempts(), correlations.c(), sums);
      }
      for (int sender : links.others()) {
        addStore(sender, store(counts, sender), batch, sums);
      }
      progress.update(
          "exchange keys", keys.first(batches.first(batch) + batches.bins(batch)), keys.size());
    }
    return sums;
  }

  private Encoded encode(BinEncoder encoder, int batch) {
    int width = shape.width();
    int[] attempts = new int[batches.bins(batch)];
    long[] table = new long[attempts.length * width];
    encoder.each(
        attempts.length,
        (scratch, i) -> {
          attempts[i] = scratch.encode(batches.first(batch) + i);
          System.arraycopy(scratch.table, 0, table, i * width, width);
        });
    return new Encoded(table, attempts);
  }

  private void sendTables(Outbox outbox, int batch, Encoded encoded, long[] mask) {
    int width = shape.width();
    long[] masked = new long[width];
    for (int i = 0; i < encoded.attempts().length; i++) {
      for (int k = 0; k < width; k++) {
        masked[k] = encoded.table()[i * width + k] ^ mask[i * width + k];
      }
      byte[] bytes = new byte[8 * width];
      Blocks.write(masked, 0, width, bytes, 0);
      outbox.send(new Messages.Table(batches.first(batch) + i, encoded.attempts()[i], bytes));
    }
  }

  private void addValues(int batch, int[] attempts, long[] pairs, long[] sums) {
    for (int i = 0; i < attempts.length; i++) {
      int bin = batches.first(batch) + i;
      int first = keys.first(bin);
      int count = keys.first(bin + 1) - first;
      long[] values = new long[2 * count];
      evaluate(bin, attempts[i], pairs, i * shape.width(), null, values, 0);
      for (int k = 0; k < count; k++) {
        sums[first + k] ^= values[2 * k];
      }
    }
  }

  private void addStore(int sender, OkvsShape store, int batch, long[] sums) {
    long[] table = new long[store.width()];
    for (int i = 0; i < batches.bins(batch); i++) {
      int bin = batches.first(batch) + i;
      Messages.Table message = table(sender, store, bin);
      Blocks.read(message.bytes(), 0, table, 0, table.length);
      inSlices(
          keys.first(bin),
          keys.first(bin + 1),
          (from, count) -> {
            Keys.Hashes hashes = keys.new Hashes(store, count);
            hashes.load(from, count, message.attempt());
            Okvs.addDecoded(store, hashes, count, table, sums, from);
          });
    }
  }
}
