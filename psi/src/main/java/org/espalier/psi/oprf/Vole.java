package org.espalier.psi.oprf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.espalier.wire.Digests;

/**
 * Vector oblivious linear evaluation over a subfield, in batches: the receiver gets pseudorandom a
 * in GF(2^64) and c, the sender b, with c = b + Δ·a and Δ the sender's secret pair.
 *
 * <p>Silent: for each regular noise position a punctured tree of seeds (Boyle et al., CCS 2019), a
 * base correlation for the noise's value by the 128 base transfers (COPEe, Keller, Orsini, Scholl,
 * CCS 2016), and a dual code that compresses both ({@link DualCode}). The trees' transfers are
 * extended from the same base transfers (Ishai, Kilian, Nissim, Petrank, CRYPTO 2003). All against
 * parties who follow the protocol.
 */
final class Vole {
  private Vole() {}

  /** Bytes that the receiver sends for a batch. */
  static int correctionBytes(VoleShape shape) {
    return BaseTransfers.COUNT * (shape.words() + shape.trees()) * 8;
  }

  /** Bytes that the sender answers. */
  static int treeBytes(VoleShape shape) {
    return 16 * (2 * shape.transfers() + shape.trees());
  }

  private static byte[] key(byte[] binding, String use, int batch) {
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
   * The pads of all transfers, in place: hashes that do not repeat even if two inputs are equal.
   */
  private static void pads(byte[] binding, int batch, long[] rows) {
    for (int j = 0; j < rows.length / 2; j++) {
      rows[2 * j] ^= j;
    }
    Blocks.permutation(key(binding, "transfer", batch)).hash(rows, 0, rows.length / 2, rows, 0);
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
          for (int w = 0; w < 2; w++) {
            long last = leftNext[from + children - 1 + w];
            next[to + 2 * children - 2 + w] = last;
            sums[4 * tree + w] ^= last;
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

    /**
     * @param keys both keys of each base transfer
     */
    Receiver(byte[][][] keys, byte[] binding, SecureRandom random) {
      this.keys = keys;
      this.binding = binding.clone();
      this.random = random;
    }

    /**
     * A batch between its two messages.
     *
     * @param correction what to send
     * @param holes the noise position in each block, secret
     * @param values the noise, one long each
     * @param base pairs: c for the noise
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
      long[] values = new long[shape.trees()];
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

      int width = words + shape.trees();
      byte[] correction = new byte[correctionBytes(shape)];
      long[] rows = new long[2 * shape.transfers()];
      long[] base = new long[2 * shape.trees()];
      long[] zero = new long[width];
      long[] one = new long[width];
      Blocks stream = Blocks.stream(keys[0][0], batch);
      for (int i = BaseTransfers.COUNT - 1; i >= 0; i--) {
        stream.restart(keys[i][0], batch);
        stream.fill(zero, 0, width);
        stream.restart(keys[i][1], batch);
        stream.fill(one, 0, width);
        addColumn(zero, i, shape.transfers(), rows);
        shiftIn(zero, words, i >>> 6, holes.length, base);
        add(zero, 0, width, one, 0);
        add(choices, 0, words, one, 0);
        add(values, 0, holes.length, one, words);
        Blocks.write(one, 0, width, correction, 8 * width * i);
      }
      pads(binding, batch, rows);
      return new Pending(batch, shape, correction, holes, values, base, rows);
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
      long[] a = new long[p.shape.length()];
      for (int tree = 0; tree < p.holes.length; tree++) {
        a[tree * p.shape.block() + p.holes[tree]] = p.values[tree];
      }
      encode(binding, p.number, p.shape, c, 2);
      encode(binding, p.number, p.shape, a, 1);
      return new Correlations(a, c);
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
      int side = sibling & 1;
      int transfer = number * shape.depth() + level;
      long[] nodes = forest.nodes();
      long[] sums = forest.sums;
      for (int w = 0; w < 2; w++) {
        int at = 2 * (tree * children + hole) + w;
        sums[4 * tree + 2 * (1 - side) + w] ^= nodes[at];
        nodes[at] = 0;
        long sum = answer[4 * transfer + 2 * side + w] ^ p.pads[2 * transfer + w];
        if (sibling < children) {
          at = 2 * (tree * children + sibling) + w;
          long others = sums[4 * tree + 2 * side + w] ^ nodes[at];
          nodes[at] = sum ^ others;
          sums[4 * tree + 2 * side + w] = sum;
        }
      }
    }
  }

  /** The party that has Δ and gets b. */
  static final class Sender implements AutoCloseable {
    private final byte[][] keys;
    private final long[] delta;
    private final Field.Multiplier multiplier;
    private final byte[] binding;
    private final SecureRandom random;

    /**
     * @param keys of the base transfers, chosen by the bits of {@code delta}
     * @param delta two longs
     */
    Sender(byte[][] keys, long[] delta, byte[] binding, SecureRandom random) {
      this.keys = keys;
      this.delta = delta.clone();
      this.binding = binding.clone();
      this.random = random;
      multiplier = new Field.Multiplier(delta[0], delta[1]);
    }

    /** Multiplies by Δ. */
    Field.Multiplier multiplier() {
      return multiplier;
    }

    /** Forgets Δ. */
    @Override
    public void close() {
      Arrays.fill(delta, 0);
      multiplier.wipe();
      for (byte[] key : keys) {
        Arrays.fill(key, (byte) 0);
      }
    }

    /**
     * Grows the trees of a batch.
     *
     * @param correction from the receiver, {@link Vole#correctionBytes} long
     * @param b takes the leaves: {@link VoleShape#length} pairs
     * @return the message for the receiver
     */
    byte[] answer(int batch, VoleShape shape, byte[] correction, long[] b) {
      int words = shape.words();
      int width = words + shape.trees();
      long[] zeros = new long[2 * shape.transfers()];
      long[] base = new long[2 * shape.trees()];
      long[] column = new long[width];
      long[] theirs = new long[width];
      Blocks stream = Blocks.stream(keys[0], batch);
      for (int i = BaseTransfers.COUNT - 1; i >= 0; i--) {
        stream.restart(keys[i], batch);
        stream.fill(column, 0, width);
        Blocks.read(correction, 8 * width * i, theirs, 0, width);
        addIf(-(delta[i >>> 6] >>> i & 1), theirs, column);
        addColumn(column, i, shape.transfers(), zeros);
        shiftIn(column, words, i >>> 6, shape.trees(), base);
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
      return bytes;
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
    void end(int batch, VoleShape shape, long[] b) {
      encode(binding, batch, shape, b, 2);
    }
  }
}
