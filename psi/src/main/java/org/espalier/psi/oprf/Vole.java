package org.espalier.psi.oprf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;

/**
 * Vector oblivious linear evaluation over a subfield, in batches: the receiver gets pseudorandom a
 * in GF(2^64) and c, the sender b, with c = b + Δ·a and Δ the sender's secret pair.
 *
 * <p>Silent: for each regular noise position a punctured tree of seeds (Boyle et al., CCS 2019), a
 * base correlation for the noise's value by the 128 base transfers (COPEe, Keller, Orsini, Scholl,
 * CCS 2016), and a dual code that compresses both ({@link DualCode}). The trees' transfers are
 * extended from the same base transfers (Ishai, Kilian, Nissim, Petrank, CRYPTO 2003).
 *
 * <p>A shape that is {@link VoleShape#checked} has a in GF(2^128) and is secure against parties who
 * deviate, see docs/protocols/psi-oprf.md. The receiver proves that all columns of its correction
 * hold one and the same choices and noise: it opens a universal hash of them (Roy: SoftSpokenOT,
 * CRYPTO 2022, for k = 1), with the sender's challenge taken from the correction itself. The sender
 * proves that c = b + Δ·a: both combine all results at random, masked by one more base correlation
 * (Weng, Yang, Katz, Wang: Wolverine, IEEE S&P 2021).
 */
final class Vole {
  private Vole() {}

  /** Of a challenge and of a proof: a seed and an element, or a digest. */
  static final int CHECK = 32;

  /** With which the receiver proves its correction: the sum of all columns and a digest. */
  private static final int OPENING = 48;

  /** Bytes that the receiver sends for a batch. */
  static int correctionBytes(VoleShape shape) {
    return columnBytes(shape) + (shape.checked() ? OPENING : 0);
  }

  private static int columnBytes(VoleShape shape) {
    return BaseTransfers.COUNT * shape.column() * 8;
  }

  /** Bytes that the sender answers. */
  static int treeBytes(VoleShape shape) {
    return 16 * (2 * shape.transfers() + shape.trees());
  }

  static byte[] key(byte[] binding, String use, int batch) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update(("psi-oprf/vole/" + use).getBytes(StandardCharsets.US_ASCII));
    sha256.update(binding);
    return sha256.digest(ByteBuffer.allocate(4).putInt(batch).array());
  }

  private static void encode(byte[] binding, int batch, VoleShape shape, long[] vector, int width) {
    new DualCode(key(binding, "code", batch), shape.results(), shape.length())
        .encode(vector, width);
  }

  /**
   * The pads of all transfers, in place: π(π(x) ⊕ j) ⊕ π(x) for row j, which is correlation robust
   * even if the rows were chosen (Guo, Katz, Wang, Yu, IEEE S&P 2020).
   */
  private static void pads(byte[] binding, int batch, long[] rows) {
    int count = rows.length / 2;
    Blocks blocks = Blocks.permutation(key(binding, "transfer", batch));
    long[] inner = new long[rows.length];
    blocks.hash(rows, 0, count, inner, 0);
    for (int j = 0; j < count; j++) {
      // What was added to π(x) is taken off again, so that the outer hash ends with π(x).
      rows[2 * j] ^= inner[2 * j] ^ j;
      rows[2 * j + 1] ^= inner[2 * j + 1];
    }
    blocks.hash(rows, 0, count, rows, 0);
    for (int j = 0; j < count; j++) {
      rows[2 * j] ^= j;
    }
  }

  /** Adds column {@code i} of a bit matrix to its rows of 128 bits. */
  private static void addColumn(long[] column, int i, int count, long[] rows) {
    for (int j = 0; j < count; j += Long.SIZE) {
      addBits(column[j >>> 6], i & 63, Math.min(Long.SIZE, count - j), rows, 2 * j + (i >>> 6));
    }
  }

  private static void addBits(long bits, int shift, int count, long[] rows, int at) {
    for (int j = 0; j < count; j++) {
      rows[at + 2 * j] |= (bits >>> j & 1) << shift;
    }
  }

  /** Horner's rule: one more coefficient for each base correlation. */
  private static void shiftIn(long[] column, int from, int half, int count, long[] base) {
    for (int tree = 0; tree < count; tree++) {
      base[2 * tree + half] = Field.timesX(base[2 * tree + half]) ^ column[from + tree];
    }
  }

  /** The same over GF(2^128). */
  private static void shiftInWide(long[] column, int from, int count, long[] base) {
    for (int at = 0; at < 2 * count; at += 2) {
      WideField.timesX(base, at);
      base[at] ^= column[from + at];
      base[at + 1] ^= column[from + at + 1];
    }
  }

  /** Adds what one base transfer says to all base correlations. */
  private static void shiftIn(VoleShape shape, long[] column, int i, long[] base) {
    if (shape.checked()) {
      shiftInWide(column, shape.words(), shape.trees() + 1, base);
    } else {
      shiftIn(column, shape.words(), i >>> 6, shape.trees(), base);
    }
  }

  /** What all columns of a correction are hashed with; nobody can choose it after them. */
  static long[] columnChallenge(byte[] binding, int batch, VoleShape shape, byte[] correction) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update(key(binding, "columns", batch));
    sha256.update(correction, 0, columnBytes(shape));
    long[] challenge = new long[shape.column()];
    Blocks.stream(sha256.digest(), 0).fill(challenge, 0, challenge.length);
    return challenge;
  }

  /** The digest of what the receiver has in all columns. */
  static byte[] columnDigest(byte[] binding, int batch, long[][] hashes) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update(key(binding, "opening", batch));
    byte[] bytes = new byte[16];
    for (long[] hash : hashes) {
      Blocks.write(hash, 0, 2, bytes, 0);
      sha256.update(bytes);
    }
    return sha256.digest();
  }

  /** The digest by which the sender shows that it knows what the receiver computes. */
  private static byte[] proof(byte[] binding, int batch, long[] element) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update(key(binding, "proof", batch));
    byte[] bytes = new byte[16];
    Blocks.write(element, 0, 2, bytes, 0);
    return sha256.digest(bytes);
  }

  /** In constant time: {@code chosen} is all ones or zero. */
  private static void addIf(long chosen, long[] what, long[] target) {
    for (int w = 0; w < target.length; w++) {
      target[w] ^= what[w] & chosen;
    }
  }

  private static void add(long[] what, int from, int count, long[] target, int to) {
    for (int i = 0; i < count; i++) {
      target[to + i] ^= what[from + i];
    }
  }

  /** Runs over all trees on all cores, some consecutive ones in each task. */
  private static void eachPart(VoleShape shape, IntConsumer part) {
    IntStream.range(0, parts(shape)).parallel().forEach(part);
  }

  private static int parts(VoleShape shape) {
    return Math.min(shape.trees(), 4 * Runtime.getRuntime().availableProcessors());
  }

  private static int firstTree(VoleShape shape, int part) {
    return (int) ((long) shape.trees() * part / parts(shape));
  }

  /** The levels of some trees at once, so that the cipher gets many blocks. */
  private static final class Forest {
    private static final int LEAVES = 1 << 13;

    private final VoleShape shape;
    private final Blocks left;
    private final Blocks right;

    /** Trees at once. */
    final int size;

    private long[] nodes;
    private long[] next;
    private final long[] leftNext;
    private final long[] rightNext;

    /** Sums of the even and odd nodes of the current level: 4 longs for each tree. */
    final long[] sums;

    Forest(byte[] binding, int batch, VoleShape shape) {
      this.shape = shape;
      left = Blocks.permutation(key(binding, "left", batch));
      right = Blocks.permutation(key(binding, "right", batch));
      size = Math.max(1, LEAVES / shape.block());
      nodes = new long[2 * size * shape.block()];
      next = new long[nodes.length];
      leftNext = new long[nodes.length];
      rightNext = new long[nodes.length];
      sums = new long[4 * size];
    }

    long[] nodes() {
      return nodes;
    }

    /** From the nodes of a level to those of the next, for the first {@code trees} trees. */
    void grow(int level, int trees) {
      int parents = shape.nodes(level);
      int children = shape.nodes(level + 1);
      left.hash(nodes, 0, trees * parents, leftNext, 0);
      right.hash(nodes, 0, trees * parents, rightNext, 0);
      Arrays.fill(sums, 0, 4 * trees, 0);
      for (int tree = 0; tree < trees; tree++) {
        int from = 2 * tree * parents;
        int to = 2 * tree * children;
        for (int j = 0; j < children / 2; j += Field.STEP) {
          int step = Math.min(Field.STEP, children / 2 - j);
          merge(from + 2 * j, to + 4 * j, step, 4 * tree);
        }
        if ((children & 1) != 0) {
          // An only child is its parent, and in no sum: whichever sums somebody asks for, one
          // leaf stays unknown.
          for (int w = 0; w < 2; w++) {
            next[to + 2 * children - 2 + w] = nodes[from + 2 * parents - 2 + w];
          }
        }
      }
      long[] grown = next;
      next = nodes;
      nodes = grown;
    }

    /** Puts left and right children in turn and adds them to their sums. */
    private void merge(int from, int to, int count, int sum) {
      long e0 = 0;
      long e1 = 0;
      long o0 = 0;
      long o1 = 0;
      for (int j = 0; j < count; j++) {
        long a = leftNext[from + 2 * j];
        long b = leftNext[from + 2 * j + 1];
        long c = rightNext[from + 2 * j];
        long d = rightNext[from + 2 * j + 1];
        next[to + 4 * j] = a;
        next[to + 4 * j + 1] = b;
        next[to + 4 * j + 2] = c;
        next[to + 4 * j + 3] = d;
        e0 ^= a;
        e1 ^= b;
        o0 ^= c;
        o1 ^= d;
      }
      sums[sum] ^= e0;
      sums[sum + 1] ^= e1;
      sums[sum + 2] ^= o0;
      sums[sum + 3] ^= o1;
    }
  }

  /** The party that gets a and c. */
  static final class Receiver {
    private final byte[][][] keys;
    private final byte[] binding;
    private final SecureRandom random;

    /** All that is hashed is bound to the transcript of the base transfers. */
    Receiver(BaseTransfers.Both base, SecureRandom random) {
      this.keys = base.keys();
      this.binding = base.transcript().clone();
      this.random = random;
    }

    /**
     * A batch between its two messages.
     *
     * @param correction what to send
     * @param holes the noise position in each block, secret
     * @param values the noise, one element each; if checked, one more for the check
     * @param base pairs: c for the values
     * @param pads of the transfers, two longs each
     */
    record Pending(
        int number,
        VoleShape shape,
        byte[] correction,
        int[] holes,
        long[] values,
        long[] base,
        long[] pads) {}

    /** Draws the noise of a batch; its correction is the message for the sender. */
    Pending begin(int batch, VoleShape shape) {
      Blocks own = Blocks.stream(seed(), 0);
      int[] holes = new int[shape.trees()];
      for (int tree = 0; tree < holes.length; tree++) {
        holes[tree] = random.nextInt(shape.block());
      }
      long[] values = new long[shape.values()];
      own.fill(values, 0, values.length);

      int words = shape.words();
      long[] choices = new long[words];
      for (int tree = 0; tree < holes.length; tree++) {
        for (int level = 0; level < shape.depth(); level++) {
          // The transfer brings the sum on the side that the path does not take.
          long side = ~(holes[tree] >>> (shape.depth() - 1 - level)) & 1;
          int j = tree * shape.depth() + level;
          choices[j >>> 6] |= side << j;
        }
      }

      int width = shape.column();
      long[] column = new long[width];
      System.arraycopy(choices, 0, column, 0, words);
      System.arraycopy(values, 0, column, words, values.length);
      // What is left is the check's mask.
      own.fill(column, words + values.length, width - words - values.length);
      byte[] correction = new byte[correctionBytes(shape)];
      long[] rows = new long[2 * shape.transfers()];
      long[] base = new long[2 * shape.correlations()];
      long[][] zeros = new long[BaseTransfers.COUNT][];
      long[] one = new long[width];
      Blocks stream = Blocks.stream(keys[0][0], batch);
      for (int i = BaseTransfers.COUNT - 1; i >= 0; i--) {
        long[] zero = new long[width];
        stream.restart(keys[i][0], batch);
        stream.fill(zero, 0, width);
        stream.restart(keys[i][1], batch);
        stream.fill(one, 0, width);
        addColumn(zero, i, shape.transfers(), rows);
        shiftIn(shape, zero, i, base);
        add(zero, 0, width, one, 0);
        add(column, 0, width, one, 0);
        Blocks.write(one, 0, width, correction, 8 * width * i);
        zeros[i] = zero;
      }
      if (shape.checked()) {
        open(batch, shape, column, zeros, correction);
      }
      pads(binding, batch, rows);
      return new Pending(batch, shape, correction, holes, values, base, rows);
    }

    /** Proves that all columns were changed by the same one. */
    private void open(
        int batch, VoleShape shape, long[] column, long[][] zeros, byte[] correction) {
      long[] challenge = columnChallenge(binding, batch, shape, correction);
      long[][] hashes = new long[zeros.length][];
      IntStream.range(0, zeros.length)
          .parallel()
          .forEach(i -> hashes[i] = WideField.hash(challenge, zeros[i]));
      int at = columnBytes(shape);
      Blocks.write(WideField.hash(challenge, column), 0, 2, correction, at);
      System.arraycopy(columnDigest(binding, batch, hashes), 0, correction, at + 16, 32);
    }

    private byte[] seed() {
      byte[] seed = new byte[16];
      random.nextBytes(seed);
      return seed;
    }

    /**
     * The sender's answer makes a batch complete.
     *
     * @param trees {@link Vole#treeBytes} long
     */
    Correlations end(Pending p, byte[] trees) {
      long[] answer = new long[trees.length / 8];
      Blocks.read(trees, 0, answer, 0, answer.length);
      long[] c = new long[2 * p.shape.length()];
      eachPart(p.shape, part -> grow(p, answer, part, c));
      int width = p.shape.width();
      long[] a = new long[width * p.shape.length()];
      for (int tree = 0; tree < p.holes.length; tree++) {
        int at = width * (tree * p.shape.block() + p.holes[tree]);
        System.arraycopy(p.values, width * tree, a, at, width);
      }
      encode(binding, p.number, p.shape, c, 2);
      encode(binding, p.number, p.shape, a, width);
      return new Correlations(a, c);
    }

    /**
     * What asks the sender to prove a batch that is complete.
     *
     * @param challenge for the sender, {@link Vole#CHECK} long
     * @param proof what it must answer
     */
    record Check(byte[] challenge, byte[] proof) {}

    /** A challenge is drawn only now that the sender cannot change its answer. */
    Check check(Pending p, Correlations got) {
      byte[] challenge = new byte[CHECK];
      System.arraycopy(seed(), 0, challenge, 0, 16);
      int count = p.shape.results();
      long[] a = WideField.combine(challenge, got.a(), count);
      long[] c = WideField.combine(challenge, got.c(), count);
      int last = 2 * p.shape.trees();
      add(p.values, last, 2, a, 0);
      add(p.base, last, 2, c, 0);
      Blocks.write(a, 0, 2, challenge, 16);
      return new Check(challenge, Vole.proof(binding, p.number, c));
    }

    private void grow(Pending p, long[] answer, int part, long[] c) {
      VoleShape shape = p.shape;
      Forest forest = new Forest(binding, p.number, shape);
      int end = firstTree(shape, part + 1);
      for (int first = firstTree(shape, part); first < end; first += forest.size) {
        int trees = Math.min(forest.size, end - first);
        Arrays.fill(forest.nodes(), 0, 2 * trees, 0);
        for (int level = 0; level < shape.depth(); level++) {
          forest.grow(level, trees);
          for (int tree = 0; tree < trees; tree++) {
            mend(p, forest, answer, first, tree, level);
          }
        }
        System.arraycopy(
            forest.nodes(), 0, c, 2 * first * shape.block(), 2 * trees * shape.block());
        for (int tree = 0; tree < trees; tree++) {
          int number = first + tree;
          int hole = 2 * (number * shape.block() + p.holes[number]);
          int closing = 4 * shape.transfers() + 2 * number;
          for (int w = 0; w < 2; w++) {
            c[hole + w] =
                p.base[2 * number + w]
                    ^ answer[closing + w]
                    ^ forest.sums[4 * tree + w]
                    ^ forest.sums[4 * tree + 2 + w];
          }
        }
      }
    }

    /** Clears what grew from the unknown node and fills in its sibling's place. */
    private static void mend(
        Pending p, Forest forest, long[] answer, int first, int tree, int level) {
      VoleShape shape = p.shape;
      int number = first + tree;
      int children = shape.nodes(level + 1);
      int hole = p.holes[number] >>> (shape.depth() - 1 - level);
      int sibling = hole ^ 1;
      if (sibling == children) {
        // An only child: still unknown, as its parent.
        return;
      }
      int side = sibling & 1;
      int transfer = number * shape.depth() + level;
      long[] nodes = forest.nodes();
      long[] sums = forest.sums;
      for (int w = 0; w < 2; w++) {
        int at = 2 * (tree * children + hole) + w;
        sums[4 * tree + 2 * (1 - side) + w] ^= nodes[at];
        nodes[at] = 0;
        long sum = answer[4 * transfer + 2 * side + w] ^ p.pads[2 * transfer + w];
        at = 2 * (tree * children + sibling) + w;
        long others = sums[4 * tree + 2 * side + w] ^ nodes[at];
        nodes[at] = sum ^ others;
        sums[4 * tree + 2 * side + w] = sum;
      }
    }
  }

  /** The party that has Δ and gets b. */
  static final class Sender implements AutoCloseable {
    private final byte[][] keys;
    private final long[] delta;
    private final Field.Multiplier multiplier;
    private final WideField.Multiplier wide;
    private final byte[] binding;
    private final SecureRandom random;

    /**
     * @param base transfers, chosen by the bits of {@code delta}
     * @param delta two longs
     */
    Sender(BaseTransfers.Chosen base, long[] delta, SecureRandom random) {
      this.keys = base.keys();
      this.delta = delta.clone();
      this.binding = base.transcript().clone();
      this.random = random;
      multiplier = new Field.Multiplier(delta[0], delta[1]);
      wide = new WideField.Multiplier(delta[0], delta[1]);
    }

    /** Multiplies by Δ. */
    Field.Multiplier multiplier() {
      return multiplier;
    }

    /** Multiplies elements of GF(2^128) by Δ. */
    WideField.Multiplier wideMultiplier() {
      return wide;
    }

    /** Forgets Δ. */
    @Override
    public void close() {
      Arrays.fill(delta, 0);
      multiplier.wipe();
      wide.wipe();
      for (byte[] key : keys) {
        Arrays.fill(key, (byte) 0);
      }
    }

    /**
     * A batch between the sender's first answer and its proof.
     *
     * @param message for the receiver
     * @param pairs the leaves: {@link VoleShape#length} pairs
     * @param mask b of the check
     */
    record Answer(int number, VoleShape shape, byte[] message, long[] pairs, long[] mask) {}

    /**
     * Grows the trees of a batch.
     *
     * @param correction from the receiver, {@link Vole#correctionBytes} long
     * @throws MalformedMessageException if it is checked, and does not hold the same choices and
     *     noise in all columns; nothing that depends on Δ may be sent then
     */
    Answer answer(int batch, VoleShape shape, byte[] correction) {
      int width = shape.column();
      long[] b = new long[2 * shape.length()];
      long[] zeros = new long[2 * shape.transfers()];
      long[] base = new long[2 * shape.correlations()];
      long[][] columns = new long[BaseTransfers.COUNT][];
      long[] theirs = new long[width];
      Blocks stream = Blocks.stream(keys[0], batch);
      for (int i = BaseTransfers.COUNT - 1; i >= 0; i--) {
        long[] column = new long[width];
        stream.restart(keys[i], batch);
        stream.fill(column, 0, width);
        Blocks.read(correction, 8 * width * i, theirs, 0, width);
        addIf(chosen(i), theirs, column);
        addColumn(column, i, shape.transfers(), zeros);
        shiftIn(shape, column, i, base);
        columns[i] = column;
      }
      if (shape.checked()) {
        check(batch, shape, columns, correction);
      }
      long[] ones = zeros.clone();
      for (int j = 0; j < shape.transfers(); j++) {
        ones[2 * j] ^= delta[0];
        ones[2 * j + 1] ^= delta[1];
      }
      pads(binding, batch, zeros);
      pads(binding, batch, ones);

      long[] answer = new long[treeBytes(shape) / 8];
      byte[] seed = new byte[16];
      random.nextBytes(seed);
      long[] roots = new long[2 * shape.trees()];
      Blocks.stream(seed, 0).fill(roots, 0, roots.length);
      eachPart(shape, part -> grow(batch, shape, part, roots, zeros, ones, base, answer, b));
      byte[] bytes = new byte[treeBytes(shape)];
      Blocks.write(answer, 0, answer.length, bytes, 0);
      long[] mask = shape.checked() ? Arrays.copyOfRange(base, roots.length, base.length) : null;
      return new Answer(batch, shape, bytes, b, mask);
    }

    /** All ones if the bit of Δ is set. */
    private long chosen(int i) {
      return -(delta[i >>> 6] >>> i & 1);
    }

    /** What the receiver opens must be what it had in each column, whichever of two that is. */
    private void check(int batch, VoleShape shape, long[][] columns, byte[] correction) {
      long[] challenge = columnChallenge(binding, batch, shape, correction);
      int at = columnBytes(shape);
      long[] opened = new long[2];
      Blocks.read(correction, at, opened, 0, 2);
      long[][] hashes = new long[columns.length][];
      IntStream.range(0, columns.length)
          .parallel()
          .forEach(
              i -> {
                hashes[i] = WideField.hash(challenge, columns[i]);
                addIf(chosen(i), opened, hashes[i]);
              });
      byte[] theirs = Arrays.copyOfRange(correction, at + 16, at + OPENING);
      if (!MessageDigest.isEqual(theirs, columnDigest(binding, batch, hashes))) {
        throw new MalformedMessageException(
            "the correction does not say the same in all its columns");
      }
    }

    /**
     * Proves a batch that was compressed and not changed since.
     *
     * @param challenge from the receiver, {@link Vole#CHECK} long
     * @return {@link Vole#CHECK} long
     */
    byte[] prove(Answer batch, byte[] challenge) {
      long[] element = WideField.combine(challenge, batch.pairs, batch.shape.results());
      add(batch.mask, 0, 2, element, 0);
      long[] masked = new long[2];
      Blocks.read(challenge, 16, masked, 0, 2);
      wide.addProducts(masked, 0, element, 0, 1);
      return Vole.proof(binding, batch.number, element);
    }

    private void grow(
        int batch,
        VoleShape shape,
        int part,
        long[] roots,
        long[] zeros,
        long[] ones,
        long[] base,
        long[] answer,
        long[] b) {
      Forest forest = new Forest(binding, batch, shape);
      int end = firstTree(shape, part + 1);
      for (int first = firstTree(shape, part); first < end; first += forest.size) {
        int trees = Math.min(forest.size, end - first);
        System.arraycopy(roots, 2 * first, forest.nodes(), 0, 2 * trees);
        for (int level = 0; level < shape.depth(); level++) {
          forest.grow(level, trees);
          for (int tree = 0; tree < trees; tree++) {
            int transfer = (first + tree) * shape.depth() + level;
            for (int w = 0; w < 2; w++) {
              answer[4 * transfer + w] = forest.sums[4 * tree + w] ^ zeros[2 * transfer + w];
              answer[4 * transfer + 2 + w] = forest.sums[4 * tree + 2 + w] ^ ones[2 * transfer + w];
            }
          }
        }
        System.arraycopy(
            forest.nodes(), 0, b, 2 * first * shape.block(), 2 * trees * shape.block());
        for (int tree = 0; tree < trees; tree++) {
          int number = first + tree;
          for (int w = 0; w < 2; w++) {
            answer[4 * shape.transfers() + 2 * number + w] =
                base[2 * number + w] ^ forest.sums[4 * tree + w] ^ forest.sums[4 * tree + 2 + w];
          }
        }
      }
    }

    /** Compresses the leaves of a batch: the first {@link VoleShape#results} pairs are b. */
    void end(Answer batch) {
      encode(binding, batch.number, batch.shape, batch.pairs, 2);
    }
  }
}
