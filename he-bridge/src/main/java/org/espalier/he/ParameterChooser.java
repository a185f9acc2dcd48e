package org.espalier.he;

import java.math.BigInteger;
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
      int least = Math.max(LEAST_LIMB_BITS, plainBits + 1);
      long plain = prime(degree, plainBits, 0);
      // The first prime is the one that replies keep; the second only brings room for noise.
      for (int bits = least; bits <= 60; bits++) {
        for (int second = least; second <= bits; second++) {
          int modulusBits = bits + second;
          if (Parameters.securityBits(degree, modulusBits) < 128
              || !keySurvives(degree, modulusBits, plain, totalColumns(w))) {
            continue;
          }
          for (int replyLimbs = bits > plainBits + SWITCH_MARGIN_BITS ? 1 : 2;
              replyLimbs <= 2;
              replyLimbs++) {
            int replyBits = replyLimbs == 1 ? bits : modulusBits;
            for (int width = 1; width <= 64; width *= 2) {
              // The exact inequalities come last: they need the primes, which take time to find.
              double cost = cost(w, degree, modulusBits, width, replyLimbs, replyBits);
              if (cost >= bestCost
                  || log2(noiseBound(tileL1(w, width), degree)) > modulusBits - plainBits) {
                continue;
              }
              long[] primes = {
                prime(degree, bits, 0), prime(degree, second, second == bits ? 1 : 0)
              };
              if (noiseFits(tileL1(w, width), degree, primes, plain)
                  && (replyLimbs == 2 || switchFits(primes[0], plain))) {
                bestCost = cost;
                best = new Choice(new Parameters(degree, primes, plain), width, replyLimbs);
              }
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
    long tileL1 = tileL1(w, choice.width());
    if (!noiseFits(tileL1, p.degree(), p.primes(), p.plain())) {
      throw new RangeException(
          "noise up to 2^"
              + Math.round(log2(noiseBound(tileL1, p.degree())))
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

  /**
   * noise ≤ q/2t, exactly: (43·‖x‖₁ + 42·(2N + 1))·t ≤ q. With the full-width mask a share is then
   * off by at most one unit, with probability noise/(q/t).
   */
  static boolean noiseFits(long tileL1, int degree, long[] primes, long plain) {
    BigInteger twiceNoise =
        BigInteger.valueOf(tileL1)
            .multiply(BigInteger.valueOf(2 * ERROR_BOUND + 1))
            .add(BigInteger.valueOf(2 * ERROR_BOUND * (2L * degree + 1)));
    BigInteger q = BigInteger.ONE;
    for (long prime : primes) {
      q = q.multiply(BigInteger.valueOf(prime));
    }
    return twiceNoise.multiply(BigInteger.valueOf(plain)).compareTo(q) <= 0;
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

  private static double cost(
      Workload w, int degree, int modulusBits, int width, int replyLimbs, int replyBits) {
    int rows = degree / width;
    long blocks = (w.rows() + rows - 1L) / rows;
    double seconds = blocks * 2.0 * degree * SECONDS_PER_COEFFICIENT;
    double bytes = 0;
    for (int columns : w.columns()) {
      long groups = (columns + width - 1L) / width;
      bytes += blocks * (64 + (double) degree * modulusBits / 8);
      bytes += groups * (degree * replyBits / 8.0) + columns * replyBits / 8.0;
      seconds += groups * replyLimbs * degree * SECONDS_PER_COEFFICIENT;
      // The kernel itself: two products for every coefficient of every tile.
      seconds += blocks * groups * 2.0 * degree * 1e-9;
    }
    return seconds + bytes * SECONDS_PER_BYTE;
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }
}
