package org.espalier.he;

import java.util.ArrayList;
import java.util.List;
import org.espalier.he.nativelib.Native;

/**
 * Xᵀ·[[r]] of one pass: takes every block of encrypted residuals once, then makes the one reply.
 * Not thread-safe by itself; the work inside uses all cores.
 */
public final class BackwardAccumulator extends NativeObject {
  private static final int BATCH = 16;

  private final TileStore tiles;
  private final List<EncryptedBlock> waiting = new ArrayList<>(BATCH);
  private final List<Long> waitingIndex = new ArrayList<>(BATCH);

  BackwardAccumulator(TileStore tiles) {
    super(Native.accumulator(tiles.handle()));
    this.tiles = tiles;
  }

  /**
   * Takes one block, which is closed once it has been used.
   *
   * @throws IllegalArgumentException if the block is out of range or was added before
   */
  public void add(int block, EncryptedBlock residuals) {
    if (residuals.context() != tiles.context()) {
      throw new IllegalArgumentException("the ciphertext belongs to another context");
    }
    waiting.add(residuals);
    waitingIndex.add((long) block);
    if (waiting.size() == BATCH) {
      flush();
    }
  }

  private void flush() {
    if (waiting.isEmpty()) {
      return;
    }
    try {
      Native.add(
          handle(),
          waitingIndex.stream().mapToLong(Long::longValue).toArray(),
          waiting.stream().mapToLong(NativeObject::handle).toArray());
    } finally {
      waiting.forEach(NativeObject::close);
      waiting.clear();
      waitingIndex.clear();
    }
  }

  /**
   * A reply that may be sent, and this party's shares.
   *
   * @param wire what the key holder gets: nothing in it depends on X except through the sum that
   *     needs both sides' shares
   * @param shares one residue modulo t a column: decrypted value + share = true result
   */
  public record MaskedReply(byte[] wire, long[] shares) {}

  /**
   * Makes the reply, protected in the only allowed order: a fresh public-key encryption of zero is
   * added, so that c1 hides the products with the key holder's randomness; every wanted coefficient
   * of c0 gets a mask uniform in the whole of Z_q, so that it is uniform whatever was received;
   * then the modulus is switched, and only c1 and the wanted coefficients of c0 leave.
   *
   * @param maskSeed 32 secret bytes, bound to the request, never used for another
   * @param replyLimbs 1 or 2
   * @throws IllegalArgumentException if a block is missing
   */
  public MaskedReply finish(PublicKey key, byte[] maskSeed, int replyLimbs) {
    flush();
    if (key.context() != tiles.context()) {
      throw new IllegalArgumentException("the public key belongs to another context");
    }
    long[] shares = new long[tiles.columns()];
    byte[] payload = Native.finish(handle(), key.handle(), maskSeed, replyLimbs, shares);
    return new MaskedReply(Header.with(Header.REPLY, tiles.context().digest(), payload), shares);
  }
}
