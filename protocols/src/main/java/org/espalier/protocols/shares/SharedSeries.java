package org.espalier.protocols.shares;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
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
 * the shares. For each block of rows one side holds the key: it encrypts the sines and cosines of
 * the harmonics of its share in SIMD slots; the other side multiplies each by its own sines,
 * cosines and coefficients, adds up, masks over the full width and returns one ciphertext. All
 * factors are rounded stochastically to few bits, which leaves the result exact as an integer and
 * unbiased.
 *
 * <p>The blocks are dealt out between the two sides, since ciphertexts are far longer than replies:
 * so both directions of the line are used, and both processors. Each side sends the ciphertexts of
 * its next block before its reply on the other's present one.
 *
 * <p>Where the rows are few, several harmonics share a ciphertext, one segment of slots each.
 *
 * <p>Adversary: a key holder learns nothing, whatever it sends (perfect masks); the other side sees
 * ciphertexts. Either can make the result wrong. Source of the series: Squirrel (USENIX Security
 * 2023).
 *
 * <p>An object is one side's end of a stage: one key of each side, drawn when it is first needed.
 */
public final class SharedSeries implements AutoCloseable {
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
    /** From so many ciphertexts on it pays to halve a block: each half has a reply of its own. */
    private static final int HALVED_FACTORS = 6;

    /** Full ciphertexts of rows before the last block or, where they are halved, last two. */
    private int whole() {
      return (rows - 1) / slots;
    }

    /** Rows after those. */
    private int last() {
      return rows - whole() * slots;
    }

    /**
     * Whether the last rows are two blocks: where no side has one more than the other, and the
     * halves are short enough to put several vectors into a ciphertext.
     */
    private boolean halved() {
      int last = last();
      return whole() % 2 == 0
          && last > 1
          && factors((last + 1) / 2) < factors(last)
          && factors(last) >= HALVED_FACTORS;
    }

    int blocks() {
      return whole() + (halved() ? 2 : 1);
    }

    int firstRow(int block) {
      return block <= whole() ? block * slots : whole() * slots + rowsIn(whole());
    }

    int rowsIn(int block) {
      if (block < whole()) {
        return slots;
      }
      if (!halved()) {
        return last();
      }
      int half = (last() + 1) / 2;
      return block == whole() ? half : last() - half;
    }

    /**
     * Vectors that lie beside each other in a ciphertext where the rows are few; a power of two.
     */
    int segments(int block) {
      return beside(rowsIn(block));
    }

    private int beside(int count) {
      return Integer.highestOneBit(slots / count);
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
    public int ciphertexts(int block) {
      return factors(rowsIn(block));
    }

    private int factors(int count) {
      return (vectors() + beside(count) - 1) / beside(count);
    }

    /**
     * The blocks of which one side holds the key, in order: each block is the side's that has fewer
     * ciphertexts so far.
     *
     * @param first whether of the first side
     */
    int[] heldBy(boolean first) {
      long ahead = 0;
      int count = 0;
      int[] held = new int[blocks()];
      for (int block = 0; block < held.length; block++) {
        boolean ofFirst = ahead <= 0;
        ahead += ofFirst ? ciphertexts(block) : -ciphertexts(block);
        if (ofFirst == first) {
          held[count++] = block;
        }
      }
      return Arrays.copyOf(held, count);
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

  private final HeContext context;
  private final PrimeField field;
  private final Channel other;
  private final int replyLimbs;
  private final boolean first;
  private final SeedRegistry seeds = new SeedRegistry();
  private final byte[] maskKey = Prg.freshSeed();
  private KeyPair key;
  private PublicKey theirKey;

  /**
   * @param replyLimbs primes at which replies are sent
   * @param first the same party at both ends, whose block is the first
   */
  public SharedSeries(
      HeContext context, PrimeField field, Channel other, int replyLimbs, boolean first) {
    this.context = context;
    this.field = field;
    this.other = other;
    this.replyLimbs = replyLimbs;
    this.first = first;
  }

  /**
   * One evaluation; both sides give the same functions.
   *
   * @param z own share, one residue a row
   * @param rowFunctions those that give a share a row, each a list of terms on disjoint rows
   * @param sums the same, summed over the rows
   * @throws WireException if the other side breaks the protocol, stops or is gone
   */
  public Shares evaluate(
      Layout layout, long[] z, List<List<Term>> rowFunctions, List<List<Term>> sums) {
    return new Evaluation(layout, z, rowFunctions, sums).run();
  }

  @Override
  public void close() {
    if (key != null) {
      key.close();
    }
    if (theirKey != null) {
      theirKey.close();
    }
    Arrays.fill(maskKey, (byte) 0);
  }

  /**
   * A thread of its own sends; this one receives, answers what the other side encrypted and opens
   * what it answered. Operands of block i + 1 go before the replies on block i, both ways.
   */
  private final class Evaluation {
    /** Ends the sender where there will be no more replies. */
    private static final byte[] NO_MORE = {};

    private final Layout layout;
    private final long[] z;
    private final List<List<Term>> rowFunctions;
    private final List<List<Term>> sums;
    private final int[] held;
    private final int[] theirs;
    private final long[][] rows;
    private final long[] totals;
    private final List<SlotAccumulator> summed = new ArrayList<>();
    private final BlockingQueue<byte[]> replies = new LinkedBlockingQueue<>();
    private int received;
    private int opened;

    Evaluation(Layout layout, long[] z, List<List<Term>> rowFunctions, List<List<Term>> sums) {
      this.layout = layout;
      this.z = z;
      this.rowFunctions = rowFunctions;
      this.sums = sums;
      this.held = layout.heldBy(first);
      this.theirs = layout.heldBy(!first);
      this.rows = new long[rowFunctions.size()][layout.rows()];
      this.totals = new long[sums.size()];
    }

    Shares run() {
      boolean newKey = held.length > 0 && key == null;
      if (newKey) {
        key = context.generateKey();
      }
      try {
        Sending sending = new Sending("ciphertexts", List.of(other), () -> send(newKey));
        sums.forEach(function -> summed.add(context.slots()));
        receive();
        sending.finish();
      } finally {
        replies.add(NO_MORE);
        summed.forEach(SlotAccumulator::close);
      }
      return new Shares(rows, totals);
    }

    private void receive() {
      if (theirs.length > 0 && theirKey == null) {
        theirKey = Messages.StageKey.receive(other, context, seeds);
      }
      byte[][] operands = operands(0);
      for (int i = 0; i < Math.max(held.length, theirs.length); i++) {
        if (i < theirs.length) {
          answer(theirs[i], operands);
        }
        operands = operands(i + 1);
        if (i < held.length) {
          for (long[] shares : rows) {
            add(field, layout, open(), held[i], shares);
          }
        }
      }
      for (int s = 0; s < totals.length; s++) {
        if (theirs.length > 0) {
          totals[s] = field.add(totals[s], sum(field, reply(summed.get(s))));
        }
      }
      for (int s = 0; s < totals.length; s++) {
        if (held.length > 0) {
          totals[s] = field.add(totals[s], sum(field, open()));
        }
      }
    }

    /** The ciphertexts of the other side's block, or nothing after the last. */
    private byte[][] operands(int index) {
      byte[][] operands = new byte[index < theirs.length ? layout.ciphertexts(theirs[index]) : 0][];
      for (int c = 0; c < operands.length; c++) {
        operands[c] = Messages.Operand.receive(other, context, received++);
      }
      return operands;
    }

    private void answer(int block, byte[][] operands) {
      List<EncryptedBlock> factors = Messages.checked(other, () -> read(operands));
      try {
        Waves waves = new Waves(field, layout, z, block);
        for (int f = 0; f < rows.length; f++) {
          try (SlotAccumulator products = context.slots()) {
            products.add(factors, waves.factors(rowFunctions.get(f)));
            add(field, layout, reply(products), block, rows[f]);
          }
        }
        for (int s = 0; s < totals.length; s++) {
          summed.get(s).add(factors, waves.factors(sums.get(s)));
        }
      } finally {
        factors.forEach(EncryptedBlock::close);
      }
    }

    private List<EncryptedBlock> read(byte[][] bytes) {
      List<EncryptedBlock> all = Collections.synchronizedList(new ArrayList<>());
      try {
        EncryptedBlock[] read = new EncryptedBlock[bytes.length];
        IntStream.range(0, bytes.length)
            .parallel()
            .forEach(
                c -> {
                  read[c] = context.readSlots(bytes[c], seeds);
                  all.add(read[c]);
                });
        return Arrays.asList(read);
      } catch (IllegalArgumentException e) {
        all.forEach(EncryptedBlock::close);
        throw e;
      }
    }

    /** Hands a masked reply to the sender; returns this side's shares. */
    private long[] reply(SlotAccumulator products) {
      MaskedReply masked = products.finish(theirKey, maskKey, replyLimbs);
      replies.add(masked.wire());
      return masked.shares();
    }

    private long[] open() {
      byte[] reply = Messages.Reply.receive(other, opened++, context.slotReplyBytes(replyLimbs));
      return Messages.checked(other, () -> key.openSlots(reply, replyLimbs));
    }

    private void send(boolean newKey) {
      if (newKey) {
        other.send(new Messages.StageKey(key.publicKey()));
      }
      int sent = sendOperands(0, 0);
      int replied = 0;
      for (int i = 0; i < Math.max(held.length, theirs.length); i++) {
        sent = sendOperands(i + 1, sent);
        replied = sendReplies(i < theirs.length ? rows.length : 0, replied);
      }
      sendReplies(theirs.length > 0 ? totals.length : 0, replied);
    }

    private int sendOperands(int index, int sent) {
      if (index < held.length) {
        for (byte[] ciphertext : encrypted(held[index])) {
          other.send(new Messages.Operand(sent++, ciphertext));
        }
      }
      return sent;
    }

    private int sendReplies(int count, int replied) {
      for (int i = 0; i < count; i++) {
        other.send(new Messages.Reply(replied++, next()));
      }
      return replied;
    }

    private byte[] next() {
      try {
        byte[] reply = replies.take();
        if (reply == NO_MORE) {
          throw new CancellationException();
        }
        return reply;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CancellationException();
      }
    }

    private byte[][] encrypted(int block) {
      int count = layout.rowsIn(block);
      double[] angles = angles(field, layout, z, layout.firstRow(block), count);
      int segments = layout.segments(block);
      int stride = layout.stride(block);
      return IntStream.range(0, layout.ciphertexts(block))
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
                          (int) coins.roundStochastically(Math.scalb(value, layout.holderBits()));
                    }
                  }
                }
                byte[] ciphertext = key.encryptSlots(values, 0, values.length);
                Arrays.fill(values, 0);
                return ciphertext;
              })
          .toArray(byte[][]::new);
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
      int[] plain = new int[layout.ciphertexts(block) * slots];
      IntStream.range(0, layout.ciphertexts(block))
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
      double unit = Math.scalb(term.scale(), layout.otherBits());
      double sine = unit * term.series().sines()[k - 1];
      double cosine = unit * term.series().cosines()[k - 1];
      int end = Math.min(count, term.to() - first);
      for (int i = Math.max(0, term.from() - first); i < end; i++) {
        double angle = k * angles[i];
        double factor =
            (sine == 0 ? 0 : sine * (meetsSine ? Math.cos(angle) : Math.sin(angle)))
                + (cosine == 0 ? 0 : cosine * (meetsSine ? -Math.sin(angle) : Math.cos(angle)));
        plain[at + i] = Math.toIntExact(coins.roundStochastically(factor));
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
