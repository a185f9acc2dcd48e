package org.espalier.he;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.espalier.he.nativelib.Native;

/**
 * Finds the cheapest parameters that carry a {@link Workload} exactly, at 128 bits of security or
 * more. Each inequality is a method; {@link #verify} lets the evaluating party check what the key
 * holder proposes.
 */
public final class ParameterChooser {
  /** SEAL's centred binomial sampler stays within ±21. */
  static final long ERROR_BOUND = 21;

  private static final int[] DEGREES = {4096, 8192, 16384, 32768};
  private static final int MIN_PLAIN_BITS = 20;
  private static final int LEAST_LIMB_BITS = 33;

  // (degree, bits, skip) → prime: each takes the native side about a millisecond to find.
  private static final Map<List<Integer>, Long> PRIMES = new ConcurrentHashMap<>();

  // Cost model of one pass: seconds per byte at 100 MB/s each way, per N·limb encrypted or opened.
  private static final double SECONDS_PER_BYTE = 1e-8;
  private static final double SECONDS_PER_COEFFICIENT = 6e-8;

  private ParameterChooser() {}

  /**
   * What was chosen.
   *
   * @param width c, columns a tile
   * @param replyLimbs primes that a reply keeps, 1 or 2
   */
  public record Choice(Parameters parameters, int width, int replyLimbs) {
    /** Rows that one ciphertext carries: N/c. */
    public int rowsPerBlock() {
      return parameters.degree() / width;
    }

    public int blocks(int rows) {
      return (rows + rowsPerBlock() - 1) / rowsPerBlock();
    }
  }

  /**
   * The cheapest choice by bytes and time of a pass.
   *
   * @throws RangeException if no parameters satisfy every inequality
   */
  public static Choice choose(Workload w) {
    Choice best = null;
    double bestCost = Double.POSITIVE_INFINITY;
    for (int degree : DEGREES) {
      int plainBits = plainBits(w.resultBound(), degree);
      if (plainBits < 0) {
        continue;
      }
      long plain = prime(degree, plainBits, 0);
      for (Modulus modulus : moduli(plainBits)) {
        if (Parameters.securityBits(degree, modulus.bits()) < 128
            || !keySurvives(degree, modulus.bits(), plain, totalColumns(w))) {
          continue;
        }
        int switched = modulus.first() > plainBits + SWITCH_MARGIN_BITS ? 1 : 2;
        for (int replyLimbs = Math.min(switched, modulus.limbs());
            replyLimbs <= modulus.limbs();
            replyLimbs++) {
          for (int width = 1; width <= 64; width *= 2) {
            // The exact inequalities come last: they need the primes, which take time to find.
            double cost = cost(w, degree, modulus, width, replyLimbs);
            if (cost >= bestCost || !modulus.mayFit(w, width, degree, plainBits)) {
              continue;
            }
            long[] primes = modulus.primes(degree, plain);
            if (primes.length > 0
                && noiseFits(w, width, degree, primes, plain)
                && (replyLimbs == primes.length || switchFits(primes[0], plain))) {
              bestCost = cost;
              best = new Choice(new Parameters(degree, primes, plain), width, replyLimbs);
            }
          }
        }
      }
    }
    if (best == null) {
      throw new RangeException(
          "no parameters with 128-bit security carry results up to "
              + w.resultBound()
              + " with columns of absolute sum "
              + w.columnL1()
              + " for "
              + totalColumns(w)
              + " columns: use fewer columns or fewer rows");
    }
    verify(w, best);
    return best;
  }

  /**
   * The sizes of q's primes.
   *
   * @param first bits of the prime that replies keep
   * @param second bits of one that only brings room for noise; 0 where q is one prime ≡ 1 modulo t
   */
  private record Modulus(int first, int second) {
    int bits() {
      return first + second;
    }

    int limbs() {
      return second == 0 ? 1 : 2;
    }

    /** False only where the noise is too large for primes of these sizes. */
    boolean mayFit(Workload w, int width, int degree, int plainBits) {
      double noise =
          second == 0
              ? twiceLikelyNoise(w, width, degree) / 2
              : noiseBound(tileL1(w, width), degree);
      return log2(noise) <= bits() - plainBits;
    }

    /** None if there are none. */
    long[] primes(int degree, long plain) {
      if (second == 0) {
        long only = congruentPrime(degree, first, plain);
        return only == 0 ? new long[0] : new long[] {only};
      }
      return new long[] {prime(degree, first, 0), prime(degree, second, second == first ? 1 : 0)};
    }
  }

  private static List<Modulus> moduli(int plainBits) {
    int least = Math.max(LEAST_LIMB_BITS, plainBits + 1);
    List<Modulus> all = new ArrayList<>();
    for (int first = least; first <= 60; first++) {
      all.add(new Modulus(first, 0));
    }
    for (int first = least; first <= 60; first++) {
      for (int second = least; second <= first; second++) {
        all.add(new Modulus(first, second));
      }
    }
    return all;
  }

  /** The largest prime of so many bits that is 1 modulo 2N and modulo t, or 0. */
  private static long congruentPrime(int degree, int bits, long plain) {
    // t is 1 modulo 2N, hence prime to it; below 2^60 the product does not overflow if it fits.
    double step = 2.0 * degree * plain;
    if (step >= Math.scalb(1.0, bits)) {
      return 0;
    }
    long by = 2L * degree * plain;
    for (long q = ((1L << bits) - 1) / by * by + 1; q >= 1L << (bits - 1); q -= by) {
      if (q < 1L << bits && BigInteger.valueOf(q).isProbablePrime(64)) {
        return q;
      }
    }
    return 0;
  }

  /**
   * Checks every inequality for a choice, whoever made it.
   *
   * @throws RangeException naming the inequality that fails and its numbers
   */
  public static void verify(Workload w, Choice choice) {
    Parameters p = choice.parameters();
    if (choice.width() < 1
        || choice.width() > 64
        || Integer.bitCount(choice.width()) != 1
        || choice.replyLimbs() < 1
        || choice.replyLimbs() > p.limbs()) {
      throw new RangeException("tile width or reply form is not one that exists");
    }
    if (!resultFits(w.resultBound(), p.plain())) {
      throw new RangeException(
          "result bound " + w.resultBound() + " exceeds (t-1)/2 with t = " + p.plain());
    }
    if (!noiseFits(w, choice.width(), p.degree(), p.primes(), p.plain())) {
      throw new RangeException(
          "noise up to 2^"
              + Math.round(log2(noiseBound(tileL1(w, choice.width()), p.degree())))
              + " exceeds half of q/t, where q has "
              + p.modulusBits()
              + " bits and t = "
              + p.plain());
    }
    if (!keySurvives(p.degree(), p.modulusBits(), p.plain(), totalColumns(w))) {
      throw new RangeException(
          totalColumns(w)
              + " answers modulo t = "
              + p.plain()
              + " could tell so much of a key of "
              + p.degree()
              + " coefficients that less than 128 bits remain");
    }
    if (choice.replyLimbs() < p.limbs() && !switchFits(p.primes()[0], p.plain())) {
      throw new RangeException("one prime of q leaves no room for the switching noise");
    }
  }

  private static final int SWITCH_MARGIN_BITS = 8;

  private static long prime(int degree, int bits, int skip) {
    return PRIMES.computeIfAbsent(
        List.of(degree, bits, skip), k -> Native.primeBelow(degree, bits, skip));
  }

  /** |result| + 1 ≤ (t−1)/2: the centred residue is the integer result, off by a unit or not. */
  static boolean resultFits(long bound, long plain) {
    return bound < (plain - 1) / 2;
  }

  /**
   * Whoever sends replies can have the key holder decrypt something else instead: each of its
   * answers then tells at most log2 t bits of the ternary key, as if log2 t / log2 3 of its
   * coefficients were known. What is left must still be a 128-bit instance: log q ≤ limit(N)·(N −
   * known)/N, the standard's limit being proportional to the dimension.
   *
   * @param columns answers that all evaluators get under one key
   */
  static boolean keySurvives(int degree, int modulusBits, long plain, long columns) {
    return keySurvives(degree, modulusBits, columns * log2((double) plain));
  }

  /**
   * The same.
   *
   * @param bits that all answers under one key tell
   */
  static boolean keySurvives(int degree, int modulusBits, double bits) {
    double known = Math.ceil(bits / log2(3));
    return modulusBits <= Parameters.modulusLimit(degree) * (degree - known) / degree;
  }

  private static long totalColumns(Workload w) {
    long total = 0;
    for (int columns : w.columns()) {
      total += columns;
    }
    return total;
  }

  /**
   * The errors of a ciphertext are dense, so that a wanted coefficient collects those of all
   * columns that share its tile: at most width·‖x‖₁.
   */
  private static long tileL1(Workload w, int width) {
    return Math.multiplyExact(w.columnL1(), (long) width);
  }

  /**
   * Bound on the noise of a masked reply before the mask's own part: every fresh coefficient is off
   * by at most 21 + ½ and is multiplied by the columns of a tile, plus one public-key encryption of
   * zero with ternary coins: 21.5·‖x‖₁ + 21·(2N + 1).
   */
  static double noiseBound(long tileL1, int degree) {
    return (ERROR_BOUND + 0.5) * tileL1 + ERROR_BOUND * (2.0 * degree + 1);
  }

  /** noise ≤ q/2t for the worst case or, where q ≡ 1 modulo t, the likely one. */
  private static boolean noiseFits(Workload w, int width, int degree, long[] primes, long plain) {
    double likely = twiceLikelyNoise(w, width, degree);
    return noiseFits(tileL1(w, width), degree, primes, plain)
        || (Parameters.product(primes).mod(BigInteger.valueOf(plain)).equals(BigInteger.ONE)
            && likely < 1L << 60
            && carries(primes, plain, BigInteger.valueOf((long) likely)));
  }

  /**
   * noise ≤ q/2t, exactly: (43·‖x‖₁ + 42·(2N + 1))·t ≤ q. With the full-width mask a share is then
   * off by at most one unit, with probability noise/(q/t).
   */
  static boolean noiseFits(long tileL1, int degree, long[] primes, long plain) {
    BigInteger twiceNoise =
        BigInteger.valueOf(tileL1)
            .multiply(BigInteger.valueOf(2 * ERROR_BOUND + 1))
            .add(BigInteger.valueOf(zeroEncryption(degree)));
    return carries(primes, plain, twiceNoise);
  }

  private static boolean carries(long[] primes, long plain, BigInteger twiceNoise) {
    return twiceNoise.multiply(BigInteger.valueOf(plain)).compareTo(Parameters.product(primes))
        <= 0;
  }

  /** Twice what a public-key encryption of zero with ternary coins adds: 42·(2N + 1). */
  private static long zeroEncryption(int degree) {
    return 2 * ERROR_BOUND * (2L * degree + 1);
  }

  /** Deviations that a sum of errors stays within but for a probability of 2e^-50 = 2^-71. */
  private static final int DEVIATIONS = 10;

  /**
   * Twice the noise of a masked reply, for q ≡ 1 modulo t, but with probability 2^-71 for each of
   * its values. An error is 42 centred coins, each ±½: sums of errors times integers x have tails
   * like a normal variable's of variance 10.5·Σx² (Hoeffding 1963). The plaintext r·(q − 1)/t is
   * off by r/t, so that the sum over a tile's columns is off by less than width/2.
   */
  private static double twiceLikelyNoise(Workload w, int width, int degree) {
    double deviation = Math.sqrt(ERROR_BOUND / 2.0 * width * w.columnSquares()) * (1 + 1e-12);
    return Math.ceil(2 * DEVIATIONS * deviation) + width + zeroEncryption(degree);
  }

  /**
   * q₁/2t ≥ 2^8, at least 8 standard deviations √(N/18) of the rounding noise of a modulus switch,
   * exactly: t ≤ q₁/2^9.
   */
  static boolean switchFits(long firstPrime, long plain) {
    return plain <= firstPrime >> (SWITCH_MARGIN_BITS + 1);
  }

  /** Bits of the smallest offered t that holds the bound, or -1. */
  static int plainBits(long bound, int degree) {
    for (int bits = MIN_PLAIN_BITS; bits <= 58; bits++) {
      if (bound < 1L << (bits - 1) && resultFits(bound, prime(degree, bits, 0))) {
        return bits;
      }
    }
    return -1;
  }

  private static double cost(Workload w, int degree, Modulus modulus, int width, int replyLimbs) {
    int rows = degree / width;
    int replyBits = replyLimbs == modulus.limbs() ? modulus.bits() : modulus.first();
    long blocks = (w.rows() + rows - 1L) / rows;
    double seconds = blocks * modulus.limbs() * degree * SECONDS_PER_COEFFICIENT;
    double bytes = 0;
    for (int columns : w.columns()) {
      long groups = (columns + width - 1L) / width;
      bytes += blocks * (64 + (double) degree * modulus.bits() / 8);
      bytes += groups * (degree * replyBits / 8.0) + columns * replyBits / 8.0;
      seconds += groups * replyLimbs * degree * SECONDS_PER_COEFFICIENT;
      // The kernel itself: a transform and two products for every coefficient of every tile.
      seconds += blocks * groups * modulus.limbs() * degree * 2.5e-9;
    }
    return seconds + bytes * SECONDS_PER_BYTE;
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }
}
