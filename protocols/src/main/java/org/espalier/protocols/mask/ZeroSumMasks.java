package org.espalier.protocols.mask;

import java.util.Map;
import java.util.TreeMap;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * Pairwise pseudorandom masks that add up to zero over the feature parties, so that whoever
 * receives all masked vectors learns their sum and nothing else (Bonawitz et al., CCS 2017, without
 * drop-out recovery). With two or more honest feature parties a single party's vector is hidden
 * even from the receiver together with all others; with one feature party the sum <em>is</em> its
 * vector.
 *
 * <p>Every mask is bound to the job, the purpose and the bytes that the receiver sent before: a
 * receiver that sends different requests to different parties gets masks that do not cancel.
 */
public final class ZeroSumMasks {
  private final Party self;
  private final byte[] session;
  private final Map<Party, Prf> pairs;

  private ZeroSumMasks(Party self, byte[] session, Map<Party, Prf> pairs) {
    this.self = self;
    this.session = session;
    this.pairs = pairs;
  }

  record PairSeed(byte[] seed) implements Message {
    static final MessageType<PairSeed> TYPE =
        new MessageType<>(40, "pair seed", in -> new PairSeed(in.getRaw("seed", 32)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(seed, 0, 32);
    }

    @Override
    public String toString() {
      return "PairSeed[hidden]";
    }
  }

  /**
   * Agrees on one seed with every other feature party over the authenticated, encrypted channel:
   * the party whose name sorts first chooses.
   *
   * @param others one channel to each other feature party; may be empty
   */
  public static ZeroSumMasks agree(Session session, Party self, Map<Party, Channel> others) {
    Map<Party, Prf> pairs = new TreeMap<>();
    others.forEach(
        (peer, channel) -> {
          if (self.compareTo(peer) < 0) {
            byte[] seed = Prg.freshSeed();
            channel.send(new PairSeed(seed));
            pairs.put(peer, new Prf(seed));
          }
        });
    others.forEach(
        (peer, channel) -> {
          if (self.compareTo(peer) > 0) {
            pairs.put(peer, new Prf(channel.receive(PairSeed.TYPE, 32).seed()));
          }
        });
    return new ZeroSumMasks(self, session.bind("zero-sum masks"), pairs);
  }

  /**
   * Masks from seeds that were agreed before, each over an authenticated, encrypted channel.
   *
   * @param seeds 32 secret bytes shared with each other feature party; may be empty
   */
  public static ZeroSumMasks of(Session session, Party self, Map<Party, byte[]> seeds) {
    Map<Party, Prf> pairs = new TreeMap<>();
    seeds.forEach((peer, seed) -> pairs.put(peer, new Prf(seed)));
    return new ZeroSumMasks(self, session.bind("zero-sum masks"), pairs);
  }

  /**
   * Adds this party's mask in place.
   *
   * @param values residues modulo 2^bits
   * @param bits 1 to 64
   * @param binding bytes that every feature party must have received alike
   */
  public void apply(long[] values, int bits, String purpose, long number, byte[] binding) {
    long mask = bits == 64 ? -1L : (1L << bits) - 1;
    pairs.forEach(
        (peer, prf) -> {
          Prg prg = new Prg(prf.seed(purpose, number, session, binding));
          boolean plus = self.compareTo(peer) < 0;
          for (int i = 0; i < values.length; i++) {
            long m = prg.nextLong();
            values[i] = (plus ? values[i] + m : values[i] - m) & mask;
          }
        });
    if (pairs.isEmpty()) {
      for (int i = 0; i < values.length; i++) {
        values[i] &= mask;
      }
    }
  }

  /**
   * The same modulo any number.
   *
   * @param values residues, 0 to modulus − 1
   * @param modulus 2 to 2^62
   */
  public void applyModulo(
      long[] values, long modulus, String purpose, long number, byte[] binding) {
    pairs.forEach(
        (peer, prf) -> {
          Prg prg = new Prg(prf.seed(purpose, number, session, binding));
          boolean plus = self.compareTo(peer) < 0;
          for (int i = 0; i < values.length; i++) {
            long m = prg.below(modulus);
            long sum = values[i] + (plus ? m : modulus - m);
            values[i] = sum >= modulus ? sum - modulus : sum;
          }
        });
  }
}
