package org.espalier.psi.oprf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.MessageDigest;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.espalier.wire.Digests;

/**
 * What both parties do alike where either may deviate: values of keys in GF(2^128), and the
 * function's last hash, which takes the key itself and a coin that both tossed (Rindal, Schoppmann:
 * VOLE-PSI, EUROCRYPT 2021).
 */
final class CheckedFunction {
  /** Bytes of either party's part of the coin. */
  static final int COIN = Messages.Coin.LIMIT;

  /** What the last hash takes: the rule's key, a masked sum, and 128 bits of the key. */
  private static final int INPUT = 48;

  private final RuleRun run;
  private final Keys keys;
  private final OkvsShape shape;
  private final byte[] valueKey;
  private final Queue<Scratch> scratches = new ConcurrentLinkedQueue<>();

  /**
   * @param run with its keys
   * @param seed that the receiver drew
   */
  CheckedFunction(RuleRun run, byte[] seed) {
    this.run = run;
    keys = run.keys;
    shape = run.shape;
    valueKey = run.key("value", seed);
  }

  /** What one core needs. */
  private final class Scratch {
    final Keys.Hashes hashes = keys.new Hashes(shape, Keys.SLICE);
    final Blocks values = Blocks.permutation(valueKey);
    final long[] factors = new long[2 * Keys.SLICE];
  }

  /** The values that the keys of a bin must decode to, two longs each. */
  long[] values(int bin) {
    int first = keys.first(bin);
    int count = keys.first(bin + 1) - first;
    long[] values = new long[2 * count];
    keys.hash(Blocks.permutation(valueKey), first, count, values, 0);
    return values;
  }

  /**
   * Decodes the keys of a bin: at the receiver Σ c, at the sender Σ (b + Δ·t) + Δ·h, which are
   * equal for a key that both have.
   *
   * @param multiplier the sender's
   * @param sums takes two longs for each key
   * @param to place of the bin's first
   */
  void decode(
      int bin,
      int attempt,
      long[] pairs,
      int at,
      WideField.Multiplier multiplier,
      long[] sums,
      int to) {
    long[] subsets = Okvs.subsetSums(shape, pairs, at);
    int base = keys.first(bin);
    run.inSlices(
        base,
        keys.first(bin + 1),
        (from, count) -> {
          Scratch scratch = scratches.poll();
          if (scratch == null) {
            scratch = new Scratch();
          }
          scratch.hashes.load(from, count, attempt);
          int target = to + from - base;
          Okvs.decode(shape, scratch.hashes, count, subsets, pairs, at, sums, 2 * target);
          if (multiplier != null) {
            keys.hash(scratch.values, from, count, scratch.factors, 0);
            multiplier.addProducts(scratch.factors, 0, sums, target, count);
          }
          scratches.add(scratch);
        });
  }

  /** What binds a party to its part of the coin. */
  byte[] commitment(byte[] coin) {
    return commitment(run, coin);
  }

  static byte[] commitment(RuleRun run, byte[] coin) {
    return run.key("coin", coin);
  }

  /**
   * From sums to the function's values, in place.
   *
   * @param receiver its part of the coin
   * @param sender its part
   * @return for each key, two longs more of the same hash, which are never sent: who knows them for
   *     a value of the other party knew its key
   */
  long[] finish(long[] sums, byte[] receiver, byte[] sender) {
    long[] coin = new long[2];
    long[] other = new long[2];
    Blocks.read(receiver, 0, coin, 0, 2);
    Blocks.read(sender, 0, other, 0, 2);
    coin[0] ^= other[0];
    coin[1] ^= other[1];
    byte[] label = run.key("output", "checked".getBytes(StandardCharsets.US_ASCII));
    long[] secrets = new long[sums.length];
    run.inSlices(0, keys.size(), (from, count) -> hash(from, count, coin, label, sums, secrets));
    return secrets;
  }

  private void hash(int from, int count, long[] coin, byte[] label, long[] sums, long[] secrets) {
    MessageDigest sha256 = Digests.sha256();
    byte[] output = new byte[sha256.getDigestLength()];
    ByteBuffer in = ByteBuffer.allocate(INPUT).put(label, 0, 16);
    ByteBuffer out = ByteBuffer.wrap(output);
    try {
      for (int i = from; i < from + count; i++) {
        in.putLong(16, sums[2 * i] ^ coin[0]).putLong(24, sums[2 * i + 1] ^ coin[1]);
        in.putLong(32, keys.tag(i, 0)).putLong(40, keys.tag(i, 1));
        sha256.update(in.array());
        sha256.digest(output, 0, output.length);
        sums[2 * i] = out.getLong(0);
        sums[2 * i + 1] = out.getLong(8);
        secrets[2 * i] = out.getLong(16);
        secrets[2 * i + 1] = out.getLong(24);
      }
    } catch (DigestException e) {
      throw new IllegalStateException(e);
    }
  }
}
