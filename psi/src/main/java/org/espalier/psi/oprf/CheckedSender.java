package org.espalier.psi.oprf;

import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.wire.Progress;

/** The sender of two parties either of which may deviate. */
final class CheckedSender extends SenderRun {
  private final byte[] coin = new byte[CheckedFunction.COIN];
  private CheckedFunction function;

  CheckedSender(
      Links links,
      AlignmentJob job,
      int number,
      int largestBatch,
      Progress progress,
      Vole.Sender vole) {
    super(links, job, number, largestBatch, progress, vole);
  }

  @Override
  boolean checked() {
    return true;
  }

  @Override
  void begin(Outbox outbox) {
    random.nextBytes(coin);
    outbox.send(new Messages.Coin(CheckedFunction.commitment(this, coin)));
  }

  @Override
  void seeded(byte[] seed) {
    function = new CheckedFunction(this, seed);
  }

  @Override
  void complete(Outbox outbox, int batch, Vole.Sender.Answer answer) {
    byte[] challenge = batch(RECEIVER, Messages.Batch.CHALLENGE, batch, Vole.CHECK);
    outbox.send(
        new Messages.Batch(
            Messages.Batch.PROOF, batchNumber(batch), vole.prove(answer, challenge)));
  }

  @Override
  void addProducts(Field.Multiplier multiplier, byte[] bytes, long[] pairs, int at) {
    long[] table = new long[2 * shape.width()];
    Blocks.read(bytes, 0, table, 0, table.length);
    vole.wideMultiplier().addProducts(table, 0, pairs, at, shape.width());
  }

  @Override
  void evaluate(
      int bin,
      int attempt,
      long[] pairs,
      int at,
      Field.Multiplier multiplier,
      long[] values,
      int to) {
    function.decode(bin, attempt, pairs, at, vole.wideMultiplier(), values, to);
  }

  @Override
  long[] finish(Outbox outbox, long[] values) {
    byte[] theirs = links.receive(RECEIVER, Messages.Coin.TYPE, Messages.Coin.LIMIT).bytes();
    outbox.send(new Messages.Coin(coin));
    return function.finish(values, theirs, coin);
  }
}
