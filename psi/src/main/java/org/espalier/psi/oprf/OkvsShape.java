package org.espalier.psi.oprf;

/**
 * The sizes of an oblivious key-value store: keys fall into bins at random, each bin is a garbled
 * cuckoo table of weight 3 with a binary dense part (Raghuraman, Rindal: Blazing Fast PSI from
 * Improved OKVS and Subfield VOLE, CCS 2022, section 4 and appendix; ePrint 2022/320).
 *
 * <p>Failures have probability below 2^-40 in all, half of it for each kind:
 *
 * <ul>
 *   <li>a bin gets more than {@code capacity} keys: Chernoff's bound on the binomial distribution,
 *       P[X ≥ c] ≤ exp(-n·D(c/n ‖ 1/bins)), times the number of bins;
 *   <li>a bin cannot be encoded: RR22's fitted λ = λ_e(n)·e + b for expansion e, from experiments
 *       up to n = 2^18 (slope from log2 λ_e = 0.555 log2 n + 0.093 w³ - 1.01 w² + 2.925 w - 0.133
 *       with w = log2 3, λ = -9.2 at e = 1.223), a dense part of λ bits and one more for each row
 *       that may exceed, λ / log2(e n).
 * </ul>
 *
 * @param keys that are encoded, 1 or more
 * @param capacity keys in a bin at most
 * @param sparse positions of a bin that keys choose three of
 * @param dense positions of a bin that a key takes a random subset of, a multiple of 8
 */
record OkvsShape(int keys, int bins, int capacity, int sparse, int dense) {
  /** Keys in a bin on average: its tables stay in a core's second-level cache. */
  private static final int MEAN = 1 << 16;

  /** Expansions of smaller tables were not measured. */
  private static final int FEWEST = 1 << 10;

  private static final double STATISTICAL = 40;

  /** At weight 3 (log2 3 is 1.585). */
  private static final double WEIGHT = Math.log(3) / Math.log(2);

  static OkvsShape of(int keys) {
    return of(keys, bins(keys));
  }

  /** Bins of a store that is not divided as a larger one is. */
  static int bins(int keys) {
    return (keys + MEAN - 1) / MEAN;
  }

  static OkvsShape of(int keys, int bins) {
    int capacity = bins == 1 ? keys : capacity(keys, bins);
    double log2Bins = log2(bins);
    double lambda = STATISTICAL + 1 + log2Bins;
    double n = Math.max(FEWEST, capacity);
    double expansion = expansion(n, lambda);
    int dense = (int) Math.ceil(lambda) + (int) Math.floor(lambda / log2(expansion * n));
    return new OkvsShape(keys, bins, capacity, (int) Math.ceil(expansion * n), (dense + 7) & ~7);
  }

  /** Positions for each key of a bin with {@code n}, such that encoding fails with 2^-lambda. */
  static double expansion(double n, double lambda) {
    double slope =
        Math.pow(
            2,
            0.555 * log2(n)
                + 0.093 * Math.pow(WEIGHT, 3)
                - 1.01 * Math.pow(WEIGHT, 2)
                + 2.925 * WEIGHT
                - 0.133);
    return 1.223 + (lambda + 9.2) / slope;
  }

  /** The least c for which all bins have at most c keys but with probability 2^-41. */
  private static int capacity(int keys, int bins) {
    double bound = -(STATISTICAL + 1 + log2(bins)) * Math.log(2);
    double p = 1.0 / bins;
    int low = (int) Math.ceil(keys * p);
    int high = keys;
    while (low < high) {
      int c = low + (high - low) / 2;
      if (logTail(keys, p, c + 1) <= bound) {
        high = c;
      } else {
        low = c + 1;
      }
    }
    return low;
  }

  /** Chernoff's bound on log P[X ≥ c] for X binomial with mean n·p ≤ c. */
  private static double logTail(double n, double p, double c) {
    double q = c / n;
    if (q >= 1) {
      return c > n ? Double.NEGATIVE_INFINITY : n * Math.log(p);
    }
    return -n * (q * Math.log(q / p) + (1 - q) * Math.log((1 - q) / (1 - p)));
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  /** Positions of a bin. */
  int width() {
    return sparse + dense;
  }

  /** Positions of all bins. */
  long size() {
    return (long) bins * width();
  }

  /**
   * How many keys a store of this size holds at most, whoever made it: n' with C(q, n') · |F|^(m -
   * n') below 2^-40, m being the positions and q the keys whose hashes were ever computed. Among
   * all |F|^m stores, any n' of q keys fit one with probability |F|^-n' (Garimella, Pinkas,
   * Rosulek, Trieu, Yanai, CRYPTO 2021, lemma on overfitting).
   *
   * @param field bits of an element, more than {@code queries} plus 2
   * @param queries log2 of q
   */
  long mostKeys(int field, int queries) {
    double most = size();
    // With C(q, n') at most (e·q/n')^n'; the fixed point is reached from below and quickly.
    for (int i = 0; i < 100; i++) {
      most =
          (field * (double) size() + STATISTICAL) / (field - queries - log2(Math.E) + log2(most));
    }
    return (long) Math.ceil(most);
  }
}
