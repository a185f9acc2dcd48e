package org.espalier.protocols.predict;

import java.util.Collection;
import java.util.List;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.wire.Digests;
import org.espalier.wire.Encoder;

/**
 * {@link JointLogits} for one person at a time: every feature party answers a request with its part
 * of that person's logit under {@linkplain ZeroSumMasks zero-sum masks}, and the label party adds
 * the answers up. What is learnt is the same: with two or more honest feature parties the sum of
 * their parts and nothing else; with one its part, exactly.
 *
 * <p>Masks are bound to the request, its place in it and whom it asks for. The same request asked
 * again therefore has the same answer and tells nothing new, a label party that asks several
 * feature parties differently gets numbers that do not add up, and no two different requests share
 * a mask. What a mask cannot prevent: feature parties that hold different seeds give a sum without
 * meaning. Their answers say which seeds they used, and the label party compares that first.
 */
public final class OnlineLogits {
  /** Bits of an answer. */
  public static final int BITS = Ring.LOGITS.bits();

  private static final String PURPOSE = "online logit";

  private OnlineLogits() {}

  /**
   * What all feature parties must have been asked alike: 32 bytes.
   *
   * @param request names the request among all of the serving
   * @param person its place in the request
   * @param keys for each match rule the tag of the person's key, or null where it has none
   */
  public static byte[] binding(String request, int person, List<byte[]> keys) {
    Encoder out = new Encoder().putString(PURPOSE).putString(request).putInt(person);
    out.putInt(keys.size());
    for (byte[] key : keys) {
      out.putBytes(key == null ? new byte[0] : key);
    }
    return Digests.sha256().digest(out.toByteArray());
  }

  /**
   * A feature party's answer: its part, masked.
   *
   * @param part finite
   * @param featureParties all of them, this one included
   * @return a residue of {@link #BITS} bits
   * @throws Ring.RangeError if the sum over all feature parties might leave the range of ±2^17
   */
  public static long masked(
      ZeroSumMasks masks, double part, int featureParties, int person, byte[] binding) {
    long[] residue = {Ring.LOGITS.encode(part, featureParties, "a logit")};
    masks.apply(residue, BITS, PURPOSE, person, binding);
    return residue[0];
  }

  /**
   * The logit, within 2^-31 per feature party of the real sum.
   *
   * @param own the label party's part, intercept included
   * @param answers one of each feature party
   */
  public static double sum(double own, Collection<Long> answers) {
    long sum = 0;
    for (long answer : answers) {
      sum = Ring.LOGITS.add(sum, answer);
    }
    return own + Ring.LOGITS.decode(sum);
  }
}
