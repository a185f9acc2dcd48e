package org.espalier.psi.oprf;

import java.security.MessageDigest;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Progress;

/** The part of the party whose values the receiver compares. */
final class SenderRun extends RuleRun {
  private final Vole.Sender vole;

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
  int[] exchange(Outbox outbox, int[] rows, Tags tags, MessageDigest digest) {
    byte[] seed = links.receive(peer, Messages.Seed.TYPE, Messages.Seed.LIMIT).seed();
    keys = new Keys(binding, seed, shape, tags.read(), rows);
    Field.Multiplier multiplier = vole.multiplier();
    long[] values = new long[2 * keys.size()];
    long[] next = answer(outbox, 0);
    for (int batch = 0; batch < batches.count(); batch++) {
      long[] pairs = next;
      if (batch + 1 < batches.count()) {
        next = answer(outbox, batch + 1);
      }
      vole.end(batchNumber(batch), batches.shape(batch), pairs);
      for (int i = 0; i < batches.bins(batch); i++) {
        int bin = batches.first(batch) + i;
        int at = i * shape.width();
        Messages.Table table = table(bin);
        addProducts(multiplier, table.bytes(), pairs, at);
        evaluate(bin, table.attempt(), pairs, at, multiplier, values);
        progress.update("exchange keys", keys.first(bin + 1), keys.size());
      }
    }

    Outputs own = new Outputs(values, code.low());
    for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
      outbox.send(own.chunk(code, first));
      progress.update("compare", first, code.buckets());
    }
    outbox.close();
    int size = verdict();
    int[] members = members(own.size(), size);
    links.join();
    return cohort(own, members, digest);
  }

  private long[] answer(Outbox outbox, int batch) {
    VoleShape batchShape = batches.shape(batch);
    byte[] correction = batch(Messages.Batch.CORRECTION, batch, Vole.correctionBytes(batchShape));
    long[] pairs = new long[2 * batchShape.length()];
    byte[] trees = vole.answer(batchNumber(batch), batchShape, correction, pairs);
    outbox.send(new Messages.Batch(Messages.Batch.TREES, batchNumber(batch), trees));
    return pairs;
  }

  private Messages.Table table(int bin) {
    Messages.Table table = links.receive(peer, Messages.Table.TYPE, Messages.Table.limit(shape));
    if (table.bin() != bin || table.bytes().length != 8 * shape.width()) {
      throw links.violation(
          peer,
          "bin %d of %d bytes where bin %d of %d bytes is due"
              .formatted(table.bin(), table.bytes().length, bin, 8 * shape.width()));
    }
    return table;
  }

  /** From b to b + Δ·t, where t is what the receiver sent. */
  private void addProducts(Field.Multiplier multiplier, byte[] bytes, long[] pairs, int at) {
    long[] table = new long[shape.width()];
    Blocks.read(bytes, 0, table, 0, table.length);
    for (int i = 0; i < table.length; i++) {
      multiplier.addProduct(table[i], pairs, 2 * (at + i));
    }
  }

  private int verdict() {
    RunMessages.Verdict verdict =
        links.receive(peer, RunMessages.Verdict.TYPE, RunMessages.Verdict.LIMIT);
    if (verdict.rule() != number) {
      throw links.violation(
          peer, "sent the verdict of rule " + verdict.rule() + " where rule " + number + " is due");
    }
    int minimum = job.policy().minIntersection();
    if (verdict.size() == RunMessages.Verdict.BELOW_MINIMUM && number == 0) {
      links.join();
      throw AlignmentException.BelowMinimum.seenByFirst(minimum, -1);
    }
    int least = number == 0 ? minimum : 0;
    if (verdict.size() < least || verdict.size() > smallest) {
      throw links.violation(
          peer, "found %d people, must be %d to %d".formatted(verdict.size(), least, smallest));
    }
    return verdict.size();
  }

  /** Which of this party's sorted values are in the cohort, ascending. */
  private int[] members(int count, int size) {
    int[] members = new int[size];
    int found = 0;
    for (int first = 0; first < count; first += Messages.Members.CHUNK) {
      Messages.Members message = links.receive(peer, Messages.Members.TYPE, Messages.Members.LIMIT);
      int due = Math.min(Messages.Members.CHUNK, count - first);
      if (message.first() != first || message.bits().length != (due + 63) / 64) {
        throw links.violation(
            peer,
            "members from %d in %d words where %d values from %d are due"
                .formatted(message.first(), message.bits().length, due, first));
      }
      for (int word = 0; word < message.bits().length; word++) {
        for (long left = message.bits()[word]; left != 0; left &= left - 1) {
          int member = first + 64 * word + Long.numberOfTrailingZeros(left);
          if (member >= count || found == size) {
            throw links.violation(
                peer, "member %d of %d values, %d were announced".formatted(member, count, size));
          }
          members[found++] = member;
        }
      }
    }
    if (found != size) {
      throw links.violation(peer, found + " members came, " + size + " were announced");
    }
    return members;
  }
}
