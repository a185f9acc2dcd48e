package org.espalier.he;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.crypto.Mac;
import org.espalier.he.nativelib.Native;

/**
 * Xᵀ·[[r]] of one pass: takes every block of encrypted residuals once, then makes the one reply.
 * Not thread-safe by itself; the work inside uses all cores.
 */
public final class BackwardAccumulator extends NativeObject {
  private static final int BATCH = 16;
  private static final int MASK_KEY_BYTES = 32;
  private static final byte[] PURPOSE = "espalier reply mask 1".getBytes(StandardCharsets.US_ASCII);

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
   * <p>The mask is drawn by a pseudorandom function of the key, this store and every byte that was
   * received, so that no two different requests are ever answered under one mask, whatever the
   * caller does with its key.
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
    if (maskKey.length != MASK_KEY_BYTES) {
      throw new IllegalArgumentException("a mask key has " + MASK_KEY_BYTES + " bytes");
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
    Mac mac = Hashes.hmacSha256(maskKey);
    mac.update(PURPOSE);
    mac.update(tiles.nonce());
    mac.update(tiles.context().digest());
    mac.update(
        ByteBuffer.allocate(16)
            .putInt(tiles.columns())
            .putInt(tiles.width())
            .putInt(replyLimbs)
            .putInt(received.length)
            .flip());
    mac.update(key.digest());
    for (byte[] block : received) {
      mac.update(block);
    }
    return mac.doFinal();
  }

  /** Frees this and the blocks that it still holds. */
  @Override
  public void close() {
    waiting.forEach(NativeObject::close);
    waiting.clear();
    super.close();
  }
}
