package org.espalier.he;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.nativelib.Native;

/**
 * Xᵀ·[[r]] of one pass: takes every block of encrypted residuals once, then makes the one reply.
 * Not thread-safe by itself; the work inside uses all cores.
 */
public final class BackwardAccumulator extends NativeObject {
  private static final int BATCH = 16;

  private final TileStore tiles;
  private final byte[][] received;
  private final List<EncryptedBlock> waiting = new ArrayList<>(BATCH);
  private final List<Long> waitingIndex = new ArrayList<>(BATCH);

  BackwardAccumulator(TileStore tiles) {
    super(tiles.with(Native::accumulator));
    this.tiles = tiles;
    this.received = new byte[tiles.blocks()][];
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
    if (block < 0 || block >= received.length || received[block] != null) {
      throw new IllegalArgumentException("block " + block + " does not exist or was added before");
    }
    received[block] = residuals.digest();
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
      long[] blocks = waitingIndex.stream().mapToLong(Long::longValue).toArray();
      long[] ciphertexts = waiting.stream().mapToLong(NativeObject::handle).toArray();
      with(
          handle -> {
            Native.add(handle, blocks, ciphertexts);
            return null;
          });
    } finally {
      waiting.forEach(NativeObject::close);
      waiting.clear();
      waitingIndex.clear();
    }
  }

  /**
   * Makes the reply, protected in the only allowed order: a fresh public-key encryption of zero is
   * added, so that c1 hides the products with the key holder's randomness; every wanted coefficient
   * of c0 gets a mask uniform in the whole of Z_q, so that it is uniform whatever was received;
   * then the modulus is switched, and only c1 and the wanted coefficients of c0 leave.
   *
   * @param maskKey 32 secret bytes
   * @param replyLimbs 1 or 2
   * @throws IllegalArgumentException if a block is missing
   */
  public MaskedReply finish(PublicKey key, byte[] maskKey, int replyLimbs) {
    flush();
    if (key.context() != tiles.context()) {
      throw new IllegalArgumentException("the public key belongs to another context");
    }
    for (int block = 0; block < received.length; block++) {
      if (received[block] == null) {
        throw new IllegalArgumentException("block " + block + " is missing");
      }
    }
    long[] shares = new long[tiles.columns()];
    byte[] seed = maskSeed(key, maskKey, replyLimbs);
    byte[] payload;
    try {
      payload = with(handle -> key.with(pk -> Native.finish(handle, pk, seed, replyLimbs, shares)));
    } finally {
      Arrays.fill(seed, (byte) 0);
    }
    return new MaskedReply(Header.with(Header.REPLY, tiles.context().digest(), payload), shares);
  }

  private byte[] maskSeed(PublicKey key, byte[] maskKey, int replyLimbs) {
    MaskSeed seed =
        new MaskSeed(
            maskKey,
            tiles.nonce(),
            tiles.context(),
            key,
            tiles.columns(),
            tiles.width(),
            replyLimbs,
            received.length);
    for (byte[] block : received) {
      seed.with(block);
    }
    return seed.draw();
  }

  /** Frees this and the blocks that it still holds. */
  @Override
  public void close() {
    waiting.forEach(NativeObject::close);
    waiting.clear();
    super.close();
  }
}
