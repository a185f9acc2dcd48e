package org.espalier.he;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.nativelib.Native;

/**
 * Σ_j [[a_j]] ⊙ p_j, slot by slot, of encrypted vectors and small plaintext integers; one reply
 * with all slots. Not thread-safe by itself; the work inside uses all cores.
 */
public final class SlotAccumulator extends NativeObject {
  private final HeContext context;
  private final byte[] nonce = MaskSeed.nonce();
  private final List<byte[]> received = new ArrayList<>();

  SlotAccumulator(HeContext context) {
    super(context.with(Native::slotSum));
    this.context = context;
  }

  /**
   * Adds products.
   *
   * @param factors encrypted slots; not closed here
   * @param plain factors × N small integers, row-major
   */
  public void add(List<EncryptedBlock> factors, int[] plain) {
    factors.forEach(factor -> received.add(factor.digest()));
    with(
        handle -> {
          Native.addSlots(handle, MatrixEvaluator.handles(factors), plain);
          return null;
        });
  }

  /**
   * The sum.
   *
   * @param maskKey 32 secret bytes
   * @return shares in slot order
   */
  public MaskedReply finish(PublicKey key, byte[] maskKey, int replyLimbs) {
    MaskSeed mask = new MaskSeed(maskKey, nonce, context, key, received.size(), replyLimbs);
    received.forEach(mask::with);
    byte[] seed = mask.draw();
    long[] shares = new long[context.parameters().degree()];
    try {
      byte[] payload =
          with(handle -> key.with(pk -> Native.finishSlots(handle, pk, seed, replyLimbs, shares)));
      return new MaskedReply(Header.with(Header.SLOT_REPLY, context.digest(), payload), shares);
    } finally {
      Arrays.fill(seed, (byte) 0);
    }
  }
}
