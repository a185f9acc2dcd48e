package org.espalier.protocols.shares;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.MaskedReply;
import org.espalier.he.PublicKey;
import org.espalier.he.SeedRegistry;
import org.espalier.he.SlotAccumulator;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Channel;
import org.espalier.wire.WireException;

/**
 * Functions of a shared vector z = z_A + z_B modulo t, as shares: one round trip, nothing opened.
 *
 * <p>The frequencies of a {@link Series} are multiples of 1/t, so that it does not see the wrap of
 * the shares. The key holder encrypts the sines and cosines of the harmonics of its share in SIMD
 * slots; the other side multiplies each by its own sines, cosines and coefficients, adds up, masks
 * over the full width and returns one ciphertext. All factors are rounded stochastically to few
 * bits, which leaves the result exact as an integer and unbiased.
 *
 * <p>Where the rows are few, several harmonics share a ciphertext, one segment of slots each.
 *
 * <p>Adversary: the key holder learns nothing, whatever it sends (perfect masks); the other side
 * sees ciphertexts. Either can make the result wrong. Source of the series: Squirrel (USENIX
 * Security 2023).
 */
public final class SharedSeries {
  private SharedSeries() {}

  /**
   * How rows and harmonics lie in slots.
   *
   * @param slots N
   * @param rows of the vector
   * @param spectrum the harmonics that are sent
   * @param multiplier M: the period is t/M units of z
   * @param holderBits bits after the point of the key holder's factors
   * @param otherBits of the other side's; results have the sum of both after the point
   */
  public record Layout(
      int slots, int rows, Spectrum spectrum, int multiplier, int holderBits, int otherBits) {
    public int blocks() {
      return (rows + slots - 1) / slots;
    }

    int firstRow(int block) {
      return block * slots;
    }

    int rowsIn(int block) {
      return Math.min(slots, rows - firstRow(block));
    }

    /**
     * Vectors that lie beside each other in a ciphertext where the rows are few; a power of two.
     */
    int segments(int block) {
      return Integer.highestOneBit(slots / rowsIn(block));
    }

    /** Slots from one segment to the next. */
    int stride(int block) {
      return slots / segments(block);
    }

    /** A sine and a cosine for each harmonic. */
    int vectors() {
      return 2 * spectrum.size();
    }

    /** Which harmonic a vector belongs to. */
    int harmonic(int vector) {
      return spectrum.harmonic(vector / 2);
    }

    /** Ciphertexts of a block: all sines and cosines. */
    public int factors(int block) {
      return (vectors() + segments(block) - 1) / segments(block);
    }
  }

  /**
   * A series on a run of rows; its constant is public and left to the caller.
   *
   * @param scale multiplies the series
   * @param from first row
   * @param to one past the last
   */
  public record Term(Series series, double scale, int from, int to) {}

  /**
   * Shares of one side.
   *
   * @param rows functions × rows
   * @param sums one for each function that is summed over its rows
   */
  public record Shares(long[][] rows, long[] sums) {}

  /** The key holder's end of a stage: one key, used for the passes of the stage. */
  public static final class Holder implements AutoCloseable {
    private final HeContext context;
    private final PrimeField field;
    private final Channel other;
    private final int replyLimbs;
    private final KeyPair key;

    /** Draws a key and sends its public half. */
    public Holder(HeContext context, PrimeField field, Channel other, int replyLimbs) {
      this.context = context;
      this.field = field;
      this.other = other;
      this.replyLimbs = replyLimbs;
      this.key = context.generateKey();
      other.send(new Messages.StageKey(key.publicKey()));
    }

    /**
     * One evaluation.
     *
     * @param z own share, one residue a row
     * @param rowFunctions how many functions give a share a row
     * @param sums how many are summed over the rows
     */
    public Shares evaluate(Layout layout, long[] z, int rowFunctions, int sums) {
      long[][] rows = new long[rowFunctions][layout.rows()];
      long[] totals = new long[sums];
      Sending sending = new Sending("ciphertexts", List.of(other), () -> send(layout, z));
      long bytes = context.slotReplyBytes(replyLimbs);
      int number = 0;
      for (int block = 0; block < layout.blocks(); block++) {
        for (int f = 0; f < rowFunctions; f++) {
          add(field, layout, open(number++, bytes), block, rows[f]);
        }
      }
      for (int s = 0; s < sums; s++) {
        totals[s] = sum(field, open(number++, bytes));
      }
      sending.finish();
      return new Shares(rows, totals);
    }

    private long[] open(int number, long bytes) {
      byte[] reply = Messages.Reply.receive(other, number, bytes);
      return Messages.checked(other, () -> key.openSlots(reply, replyLimbs));
    }

    private void send(Layout layout, long[] z) {
      int number = 0;
      for (int block = 0; block < layout.blocks(); block++) {
        int first = layout.firstRow(block);
        int count = layout.rowsIn(block);
        double[] angles = angles(field, layout, z, first, count);
        int segments = layout.segments(block);
        int stride = layout.stride(block);
        byte[][] ciphertexts =
            IntStream.range(0, layout.factors(block))
                .parallel()
                .mapToObj(
                    c -> {
                      Prg coins = Prg.fresh();
                      int[] values = new int[layout.slots()];
                      for (int g = 0; g < segments; g++) {
                        int vector = c * segments + g;
                        if (vector < layout.vectors()) {
                          int k = layout.harmonic(vector);
                          int at = g * stride;
                          for (int i = 0; i < count; i++) {
                            double value =
                                vector % 2 == 0 ? Math.sin(k * angles[i]) : Math.cos(k * angles[i]);
                            values[at + i] =
                                (int)
                                    coins.roundStochastically(
                                        Math.scalb(value, layout.holderBits()));
                          }
                        }
                      }
                      byte[] ciphertext = key.encryptSlots(values, 0, values.length);
                      Arrays.fill(values, 0);
                      return ciphertext;
                    })
                .toArray(byte[][]::new);
        for (byte[] ciphertext : ciphertexts) {
          other.send(new Messages.Operand(number++, ciphertext));
        }
      }
    }

    @Override
    public void close() {
      key.close();
    }
  }

  /** The other end of a stage: has the functions. */
  public static final class Evaluator implements AutoCloseable {
    private final HeContext context;
    private final PrimeField field;
    private final Channel holder;
    private final int replyLimbs;
    private final SeedRegistry seeds = new SeedRegistry();
    private final byte[] maskKey = Prg.freshSeed();
    private final PublicKey key;

    /** Receives the holder's public key. */
    public Evaluator(HeContext context, PrimeField field, Channel holder, int replyLimbs) {
      this.context = context;
      this.field = field;
      this.holder = holder;
      this.replyLimbs = replyLimbs;
      this.key = Messages.StageKey.receive(holder, context, seeds);
    }

    /**
     * One evaluation.
     *
     * @param z own share, one residue a row
     * @param rowFunctions each a list of terms on disjoint rows
     * @param sums the same, summed over the rows
     */
    public Shares evaluate(
        Layout layout, long[] z, List<List<Term>> rowFunctions, List<List<Term>> sums) {
      long[][] rows = new long[rowFunctions.size()][layout.rows()];
      long[] totals = new long[sums.size()];
      List<SlotAccumulator> summed = new ArrayList<>();
      try {
        sums.forEach(function -> summed.add(context.slots()));
        int number = 0;
        int reply = 0;
        for (int block = 0; block < layout.blocks(); block++) {
          List<EncryptedBlock> factors = receive(layout, block, number);
          number += layout.factors(block);
          try {
            Waves waves = new Waves(field, layout, z, block);
            for (int f = 0; f < rowFunctions.size(); f++) {
              try (SlotAccumulator products = context.slots()) {
                products.add(factors, waves.factors(rowFunctions.get(f)));
                MaskedReply masked = products.finish(key, maskKey, replyLimbs);
                holder.send(new Messages.Reply(reply++, masked.wire()));
                add(field, layout, masked.shares(), block, rows[f]);
              }
            }
            for (int s = 0; s < sums.size(); s++) {
              summed.get(s).add(factors, waves.factors(sums.get(s)));
            }
          } finally {
            factors.forEach(EncryptedBlock::close);
          }
        }
        for (int s = 0; s < sums.size(); s++) {
          MaskedReply masked = summed.get(s).finish(key, maskKey, replyLimbs);
          holder.send(new Messages.Reply(reply++, masked.wire()));
          totals[s] = sum(field, masked.shares());
        }
      } catch (IllegalArgumentException e) {
        throw new WireException.ProtocolViolation(holder.peer(), e.getMessage(), e);
      } finally {
        summed.forEach(SlotAccumulator::close);
      }
      return new Shares(rows, totals);
    }

    private List<EncryptedBlock> receive(Layout layout, int block, int number) {
      byte[][] bytes = new byte[layout.factors(block)][];
      for (int c = 0; c < bytes.length; c++) {
        bytes[c] = Messages.Operand.receive(holder, context, number + c);
      }
      List<EncryptedBlock> factors = Collections.synchronizedList(new ArrayList<>());
      try {
        EncryptedBlock[] read = new EncryptedBlock[bytes.length];
        IntStream.range(0, bytes.length)
            .parallel()
            .forEach(
                c -> {
                  read[c] = context.readSlots(bytes[c], seeds);
                  factors.add(read[c]);
                });
        return Arrays.asList(read);
      } catch (IllegalArgumentException e) {
        factors.forEach(EncryptedBlock::close);
        throw e;
      }
    }

    @Override
    public void close() {
      key.close();
      Arrays.fill(maskKey, (byte) 0);
    }
  }

  /** One block's sines and cosines of the evaluator's share. */
  private static final class Waves {
    private final Layout layout;
    private final int block;
    private final int first;
    private final int count;
    private final double[] angles;

    Waves(PrimeField field, Layout layout, long[] z, int block) {
      this.layout = layout;
      this.block = block;
      this.first = layout.firstRow(block);
      this.count = layout.rowsIn(block);
      this.angles = SharedSeries.angles(field, layout, z, first, count);
    }

    /** The plaintext that belongs to each ciphertext of the block, factors × slots. */
    int[] factors(List<Term> function) {
      int segments = layout.segments(block);
      int slots = layout.slots();
      int[] plain = new int[layout.factors(block) * slots];
      IntStream.range(0, layout.factors(block))
          .parallel()
          .forEach(
              c -> {
                Prg coins = Prg.fresh();
                for (int g = 0; g < segments; g++) {
                  int vector = c * segments + g;
                  if (vector < layout.vectors()) {
                    for (Term term : function) {
                      fill(coins, term, vector, plain, c * slots + g * layout.stride(block));
                    }
                  }
                }
              });
      return plain;
    }

    /**
     * sin(α+β) = sin α·cos β + cos α·sin β, cos(α+β) = cos α·cos β − sin α·sin β: the even vectors
     * meet the holder's sines, the odd ones its cosines.
     */
    private void fill(Prg coins, Term term, int vector, int[] plain, int at) {
      int k = layout.harmonic(vector);
      if (k > term.series().harmonics()) {
        return;
      }
      boolean meetsSine = vector % 2 == 0;
      boolean odd = term.series().odd();
      double coefficient =
          Math.scalb(term.scale() * term.series().coefficients()[k - 1], layout.otherBits())
              * (!odd && meetsSine ? -1 : 1);
      boolean sine = odd != meetsSine;
      int end = Math.min(count, term.to() - first);
      for (int i = Math.max(0, term.from() - first); i < end; i++) {
        double wave = sine ? Math.sin(k * angles[i]) : Math.cos(k * angles[i]);
        plain[at + i] = (int) coins.roundStochastically(coefficient * wave);
      }
    }
  }

  private static double[] angles(PrimeField field, Layout layout, long[] z, int first, int count) {
    double[] angles = new double[count];
    for (int i = 0; i < count; i++) {
      angles[i] = 2 * Math.PI * field.multiply(z[first + i], layout.multiplier()) / field.modulus();
    }
    return angles;
  }

  private static void add(PrimeField field, Layout layout, long[] slots, int block, long[] out) {
    int first = layout.firstRow(block);
    int count = layout.rowsIn(block);
    for (int g = 0; g < layout.segments(block); g++) {
      for (int i = 0; i < count; i++) {
        out[first + i] = field.add(out[first + i], slots[g * layout.stride(block) + i]);
      }
    }
  }

  private static long sum(PrimeField field, long[] slots) {
    long total = 0;
    for (long slot : slots) {
      total = field.add(total, slot);
    }
    return total;
  }
}
