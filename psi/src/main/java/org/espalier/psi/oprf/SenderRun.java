package org.espalier.psi.oprf;

import java.security.MessageDigest;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.wire.Progress;

/** Of two parties, the part of the one whose values the receiver compares. */
class SenderRun extends RuleRun {
  final Vole.Sender vole;

  SenderRun(
      Links links,
      AlignmentJob job,
      int number,
      int largestBatch,
      Progress progress,
      Vole.Sender vole) {
    super(links, job, number, largestBatch, progress);
    this.vole = vole;
  }

  @Override
  int[] exchange(int[] counts, int[] rows, Tags tags, MessageDigest digest) {
    Outputs.Code code = code(counts);
    Outputs own;
    long[] secrets;
    try (Outbox outbox = new Outbox(links, RECEIVER)) {
      begin(outbox);
      byte[] seed = links.receive(RECEIVER, Messages.Seed.TYPE, Messages.Seed.LIMIT).seed();
      keys = new Keys(binding, seed, shape, tags.read(), rows);
      seeded(seed);
      long[] values = values(outbox);
      secrets = finish(outbox, values);
      own = new Outputs(values, code.low());
      sendValues(own, code, outbox::send);
    }
    int size = verdict();
    int[] members = members(own.size(), size);
    links.join();
    return cohort(own, members, place -> place, secrets, digest);
  }

  /** Before anything else. */
  void begin(Outbox outbox) {}

  /** When the keys are there. */
  void seeded(byte[] seed) {}

  /** When a batch of correlations is complete. */
  void complete(Outbox outbox, int batch, Vole.Sender.Answer answer) {}

  /**
   * After the last batch.
   *
   * @param values of all keys, in place
   * @return for {@link #cohort}
   */
  long[] finish(Outbox outbox, long[] values) {
    return null;
  }

  private long[] values(Outbox outbox) {
    Field.Multiplier multiplier = vole.multiplier();
    long[] values = new long[2 * keys.size()];
    Vole.Sender.Answer next = answer(vole, outbox, 0);
    for (int batch = 0; batch < batches.count(); batch++) {
      Vole.Sender.Answer now = next;
      if (batch + 1 < batches.count()) {
        next = answer(vole, outbox, batch + 1);
      }
      vole.end(now);
      complete(outbox, batch, now);
      long[] pairs = now.pairs();
      for (int i = 0; i < batches.bins(batch); i++) {
        int bin = batches.first(batch) + i;
        int at = i * shape.width();
        Messages.Table table = table(RECEIVER, shape, bin);
        addProducts(multiplier, table.bytes(), pairs, at);
        evaluate(bin, table.attempt(), pairs, at, multiplier, values, keys.first(bin));
        progress.update("exchange keys", keys.first(bin + 1), keys.size());
      }
    }
    return values;
  }

  /** Which of this party's sorted values are in the cohort, ascending. */
  private int[] members(int count, int size) {
    int[] members = new int[size];
    int found = 0;
    for (int first = 0; first < count; first += Messages.Members.CHUNK) {
      Messages.Members message =
          links.receive(RECEIVER, Messages.Members.TYPE, Messages.Members.LIMIT);
      int due = Math.min(Messages.Members.CHUNK, count - first);
      if (message.first() != first || message.bits().length != (due + 63) / 64) {
        throw links.violation(
            RECEIVER,
            "members from %d in %d words where %d values from %d are due"
                .formatted(message.first(), message.bits().length, due, first));
      }
      for (int word = 0; word < message.bits().length; word++) {
        for (long left = message.bits()[word]; left != 0; left &= left - 1) {
          int member = first + 64 * word + Long.numberOfTrailingZeros(left);
          if (member >= count || found == size) {
            throw links.violation(
                RECEIVER,
                "member %d of %d values, %d were announced".formatted(member, count, size));
          }
          members[found++] = member;
        }
      }
    }
    if (found != size) {
      throw links.violation(RECEIVER, found + " members came, " + size + " were announced");
    }
    return members;
  }
}
