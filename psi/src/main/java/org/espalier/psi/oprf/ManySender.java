package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.util.Arrays;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.wire.Progress;

/**
 * Of three and more parties, the part of any but the first: it sends a store that holds, for each
 * of its keys, its share of zero under the value of its function.
 */
final class ManySender extends RuleRun {
  private final Vole.Sender vole;
  private final byte[][] secrets;

  /**
   * @param secrets in common with the other senders, one for each
   */
  ManySender(
      Links links,
      AlignmentJob job,
      int number,
      int largestBatch,
      Progress progress,
      Vole.Sender vole,
      byte[][] secrets) {
    super(links, job, number, largestBatch, progress);
    this.vole = vole;
    this.secrets = secrets;
  }

  /**
   * How the values of the cohort's people are coded, long enough that none is by accident that of
   * another key of any party.
   */
  static Outputs.Code cohortCode(int people, int[] counts) {
    double keys = Arrays.stream(counts).asDoubleStream().sum();
    return new Outputs.Code(people, Outputs.lowBits(Math.max(1, people) * keys));
  }

  @Override
  int[] exchange(int[] counts, int[] rows, Tags tags, MessageDigest digest) {
    if (counts[RECEIVER] > ManyReceiver.MOST_KEYS) {
      throw links.violation(
          RECEIVER,
          "announces %d elements, of the first of several parties at most %d"
              .formatted(counts[RECEIVER], ManyReceiver.MOST_KEYS));
    }
    OkvsShape store = store(counts, links.self());
    byte[] seed = links.receive(RECEIVER, Messages.Seed.TYPE, Messages.Seed.LIMIT).seed();
    keys = new Keys(binding, seed, shape, tags.read(), rows);
    if (keys.fullest() > store.capacity()) {
      throw new IllegalStateException("a bin is too full, which happens once in 2^41 runs");
    }
    // The receiver reads a batch's stores only when all senders have their tables, and nothing
    // that a sender has to say may keep it from reading those.
    try (Outbox outbox = new Outbox(links, RECEIVER, batches.bins(0) + 2)) {
      sendStore(outbox, store);
    }
    int people = verdict();
    links.join();
    long[] values = new long[2 * keys.size()];
    byte[] order = key("order", seed);
    inSlices(
        0,
        keys.size(),
        (from, count) -> keys.hash(Blocks.permutation(order), from, count, values, 2 * from));
    Outputs.Code code = cohortCode(people, counts);
    Outputs own = new Outputs(values, code.low());
    Outputs.Matcher matcher = compare(RECEIVER, own, code);
    int[] matches = matcher.matches();
    if (matches.length != people) {
      throw links.violation(
          RECEIVER,
          "value %d of %d is of nobody in this party's table"
              .formatted(firstMissing(matcher.members()), people));
    }
    return cohort(own, matches, place -> place, null, digest);
  }

  private static int firstMissing(long[] members) {
    int word = 0;
    while (members[word] == -1) {
      word++;
    }
    return 64 * word + Long.numberOfTrailingZeros(~members[word]);
  }

  private void sendStore(Outbox outbox, OkvsShape store) {
    BinEncoder encoder = new BinEncoder(store, keys, 1);
    byte[] fill = new byte[16];
    random.nextBytes(fill);
    Shares shares =
        new Shares(
            Arrays.stream(secrets).map(secret -> key("share", secret)).toArray(byte[][]::new));
    int wave = BinEncoder.wave();
    for (int batch = 0; batch < batches.count(); batch++) {
      Vole.Sender.Answer answer = answer(vole, outbox, batch);
      vole.end(answer);
      long[] pairs = answer.pairs();
      for (int first = 0; first < batches.bins(batch); first += wave) {
        int bin = batches.first(batch) + first;
        long[][] values = new long[Math.min(wave, batches.bins(batch) - first)][];
        for (int i = 0; i < values.length; i++) {
          values[i] = values(bin + i, pairs, (first + i) * shape.width(), shares);
        }
        encoder.inOrder(
            values.length,
            (scratch, i) ->
                scratch.message(
                    bin + i,
                    scratch.encodeHidden(bin + i, values[i], Blocks.stream(fill, bin + i))),
            outbox::send);
        progress.update("exchange keys", keys.first(bin + values.length), keys.size());
      }
    }
  }

  /** For the keys of a bin, the values of this party's function with its shares added. */
  private long[] values(int bin, long[] pairs, int at, Shares shares) {
    Messages.Table table = table(RECEIVER, shape, bin);
    addProducts(vole.multiplier(), table.bytes(), pairs, at);
    int base = keys.first(bin);
    long[] values = new long[keys.first(bin + 1) - base];
    long[] outputs = new long[2 * values.length];
    evaluate(bin, table.attempt(), pairs, at, vole.multiplier(), outputs, 0);
    inSlices(
        base,
        keys.first(bin + 1),
        (from, count) -> {
          for (int i = 0; i < count; i++) {
            values[from - base + i] = outputs[2 * (from - base + i)];
          }
          shares.add(keys, from, count, values, from - base);
        });
    return values;
  }
}
