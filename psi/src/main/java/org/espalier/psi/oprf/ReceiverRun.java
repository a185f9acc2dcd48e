package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.util.Arrays;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.wire.Progress;

/** Of two parties, the part of the one that encodes its keys and learns the intersection first. */
class ReceiverRun extends RuleRun {
  final Vole.Receiver vole;

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
  int[] exchange(int[] counts, int[] rows, Tags tags, MessageDigest digest) {
    Outputs.Code code = code(counts);
    try (Outbox outbox = new Outbox(links, SENDER)) {
      byte[] seed = sortIntoBins(rows, tags);
      outbox.send(new Messages.Seed(seed));
      begin(seed);
      long[] values = new long[2 * keys.size()];
      BinEncoder encoder = new BinEncoder(shape, keys, batches.shape(0).width());
      Vole.Receiver.Pending next = begin(vole, outbox, 0);
      for (int batch = 0; batch < batches.count(); batch++) {
        Vole.Receiver.Pending now = next;
        if (batch + 1 < batches.count()) {
          next = begin(vole, outbox, batch + 1);
        }
        byte[] trees =
            batch(SENDER, Messages.Batch.TREES, batch, Vole.treeBytes(batches.shape(batch)));
        Correlations correlations = vole.end(now, trees);
        complete(outbox, batch, now, correlations);
        int[] attempts = sendTables(outbox, encoder, batch, correlations.a());
        for (int i = 0; i < attempts.length; i++) {
          int bin = batches.first(batch) + i;
          evaluate(
              bin, attempts[i], correlations.c(), i * shape.width(), null, values, keys.first(bin));
        }
        progress.update(
            "exchange keys", keys.first(batches.first(batch) + batches.bins(batch)), keys.size());
      }
      long[] secrets = finish(outbox, values);
      return match(outbox, new Outputs(values, code.low()), secrets, code, digest);
    }
  }

  /** Before the first batch. */
  void begin(byte[] seed) {}

  /** When a batch of correlations is complete. */
  void complete(
      Outbox outbox, int batch, Vole.Receiver.Pending pending, Correlations correlations) {}

  /** Encodes a bin; returns which hashes did. */
  int encode(BinEncoder.Scratch scratch, int bin) {
    return scratch.encode(bin);
  }

  /**
   * After the last batch.
   *
   * @param values of all keys, in place
   * @return for {@link #cohort}
   */
  long[] finish(Outbox outbox, long[] values) {
    return null;
  }

  /** Encodes the bins of a batch and sends them masked. */
  private int[] sendTables(Outbox outbox, BinEncoder encoder, int batch, long[] mask) {
    int[] attempts = new int[batches.bins(batch)];
    encoder.inOrder(
        attempts.length,
        (scratch, i) -> {
          int bin = batches.first(batch) + i;
          attempts[i] = encode(scratch, bin);
          int at = i * scratch.table.length;
          for (int k = 0; k < scratch.table.length; k++) {
            scratch.table[k] ^= mask[at + k];
          }
          return scratch.message(bin, attempts[i]);
        },
        outbox::send);
    return attempts;
  }

  private int[] match(
      Outbox outbox, Outputs own, long[] secrets, Outputs.Code code, MessageDigest digest) {
    Outputs.Matcher matcher = compare(SENDER, own, code);
    int[] matches = matcher.matches();
    decide(matches.length, outbox::send, outbox::close);
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
    return cohort(own, matches, place -> place, secrets, digest);
  }
}
