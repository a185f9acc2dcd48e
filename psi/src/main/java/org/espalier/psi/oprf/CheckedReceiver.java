package org.espalier.psi.oprf;

import java.security.MessageDigest;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.run.Links;
import org.espalier.wire.Progress;

/** The receiver of two parties either of which may deviate. */
final class CheckedReceiver extends ReceiverRun {
  private CheckedFunction function;

  /** The sender's commitment to its part of the coin. */
  private byte[] commitment;

  /** What the sender must say about the last batch; null before the first. */
  private byte[] proof;

  CheckedReceiver(
      Links links,
      AlignmentJob job,
      int number,
      int largestBatch,
      Progress progress,
      Vole.Receiver vole) {
    super(links, job, number, largestBatch, progress, vole);
  }

  @Override
  boolean checked() {
    return true;
  }

  private byte[] coin() {
    Messages.Coin coin = links.receive(SENDER, Messages.Coin.TYPE, Messages.Coin.LIMIT);
    return coin.bytes();
  }

  @Override
  void begin(byte[] seed) {
    function = new CheckedFunction(this, seed);
    commitment = coin();
  }

  /**
   * The proof of a batch is awaited when the next one has come: the sender proves while this party
   * encodes.
   */
  @Override
  void complete(
      Outbox outbox, int batch, Vole.Receiver.Pending pending, Correlations correlations) {
    Vole.Receiver.Check check = vole.check(pending, correlations);
    outbox.send(
        new Messages.Batch(Messages.Batch.CHALLENGE, batchNumber(batch), check.challenge()));
    awaitProof(batch - 1);
    proof = check.proof();
  }

  private void awaitProof(int batch) {
    if (batch >= 0
        && !MessageDigest.isEqual(proof, batch(SENDER, Messages.Batch.PROOF, batch, Vole.CHECK))) {
      throw links.violation(
          SENDER,
          "batch %d: its correlations are not those that it answered with".formatted(batch));
    }
  }

  @Override
  int encode(BinEncoder.Scratch scratch, int bin) {
    return scratch.encodeWide(bin, function.values(bin));
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
    function.decode(bin, attempt, pairs, at, null, values, to);
  }

  @Override
  long[] finish(Outbox outbox, long[] values) {
    byte[] own = new byte[CheckedFunction.COIN];
    random.nextBytes(own);
    outbox.send(new Messages.Coin(own));
    // Before anything is compared: what follows depends on what the sender made of this party's
    // correlations.
    awaitProof(batches.count() - 1);
    byte[] theirs = coin();
    if (!MessageDigest.isEqual(commitment, function.commitment(theirs))) {
      throw links.violation(SENDER, "shows another coin than it had tossed");
    }
    return function.finish(values, own, theirs);
  }
}
