package org.espalier.protocols.glm;

import java.util.Arrays;

/**
 * The label party's outcome.
 *
 * <p>With the log link everything is a Poisson regression of a number on an exposure. A gamma
 * regression is one whose numbers are 1 and whose exposures are the outcomes, with all weights
 * turned round: y·exp(−z) + z = exp(ln y + (−z)) − (−z). A row's weight is a factor of both.
 *
 * @param targets what a row's function of the logit is compared with: y − ½, the standardised
 *     outcome, or of a log link the number, in the job's unit
 * @param offsets what is added to a row's logit: of a log link the logarithm of its exposure by the
 *     mean one; else null
 * @param factors by which a row's logit enters its opened loss: minus the target, of a log link
 *     bounded
 * @param mean of the outcome, of a log link the intercept without features; 0 for the logistic
 *     family
 * @param spread standard deviation of the outcome, 1 for other families than the linear one
 */
record SealedOutcome(
    double[] targets, double[] offsets, double[] factors, double mean, double spread) {
  /**
   * Offsets below this are this, e^-6 = 1/400: what they lack is counted as if all weights were 0.
   */
  static final double LEAST_OFFSET = -6;

  /**
   * @param job of a log link in the unit of its {@link Magnitude}
   */
  static SealedOutcome of(TrainingJob job, Outcomes outcomes, Magnitude magnitude) {
    return switch (job.spec().family()) {
      case LOGISTIC -> logistic(outcomes.values());
      case LINEAR -> linear(outcomes.values());
      case POISSON, GAMMA -> logLink(job.spec().family(), outcomes, magnitude);
    };
  }

  private static SealedOutcome logistic(double[] labels) {
    return plain(Arrays.stream(labels).map(label -> label - 0.5).toArray(), 0, 1);
  }

  private static SealedOutcome linear(double[] labels) {
    double mean = Arrays.stream(labels).average().orElse(0);
    double variance = 0;
    for (double label : labels) {
      variance += (label - mean) * (label - mean) / labels.length;
    }
    double spread = Math.sqrt(variance);
    if (!(spread > 0 && spread < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "the outcome is the same for everybody or not a finite number");
    }
    double[] targets = Arrays.stream(labels).map(label -> (label - mean) / spread).toArray();
    return plain(targets, mean, spread);
  }

  private static SealedOutcome plain(double[] targets, double mean, double spread) {
    double[] factors = Arrays.stream(targets).map(t -> -t).toArray();
    return new SealedOutcome(targets, null, factors, mean, spread);
  }

  private static SealedOutcome logLink(Family family, Outcomes outcomes, Magnitude magnitude) {
    int n = outcomes.rows();
    double[] targets = new double[n];
    double[] offsets = offsets(family, outcomes, magnitude.exponent());
    double[] factors = new double[n];
    for (int i = 0; i < n; i++) {
      targets[i] = Math.scalb(number(family, outcomes, i), -magnitude.exponent());
      factors[i] = -Math.min(targets[i], SealedPlan.OUTCOME_LIMIT);
      double least = Math.max(offsets[i], LEAST_OFFSET);
      targets[i] += Math.exp(least) - Math.exp(offsets[i]);
      offsets[i] = least;
    }
    return new SealedOutcome(targets, offsets, factors, outcomes.nullIntercept(family), 1);
  }

  private static double number(Family family, Outcomes outcomes, int row) {
    return outcomes.weight(row) * (family == Family.GAMMA ? 1 : outcomes.values()[row]);
  }

  /** Logarithms of what is expected of each row without features, in units of 2^exponent. */
  private static double[] offsets(Family family, Outcomes outcomes, int exponent) {
    double intercept = outcomes.nullIntercept(family);
    double[] offsets = new double[outcomes.rows()];
    for (int i = 0; i < offsets.length; i++) {
      double expected = intercept + outcomes.offset(i);
      offsets[i] =
          Math.log(outcomes.weight(i))
              + (family == Family.GAMMA ? Math.log(outcomes.values()[i]) - expected : expected)
              - exponent * Math.log(2);
    }
    return offsets;
  }

  /**
   * What all parties have to know of the outcomes of a log link.
   *
   * @param exponent the loss is measured in units of 2^exponent, the mean outcome but for less than
   *     a factor of √2; 0 for the gamma family, whose loss has no unit
   * @param far whether a row begins near the end of the narrower range; up to {@link
   *     SealedRange#FEW} rows, which begin with the wider one in any case, nothing is said of it
   */
  record Magnitude(int exponent, boolean far) {
    /** No mean beyond 2^±this. */
    static final int MOST = 60;

    /** Where the narrower range would not do; and the wider one. */
    private static final double NEAR_FIRST = 3;

    private static final double NEAR_WIDEST = 5.5;

    static final Magnitude NONE = new Magnitude(0, false);

    Magnitude {
      if (Math.abs(exponent) > MOST) {
        throw new IllegalArgumentException("a mean outcome of 2^" + exponent);
      }
    }

    /**
     * @throws IllegalArgumentException if all outcomes are the same, or one is too large
     */
    static Magnitude of(Family family, Outcomes outcomes) {
      if (!family.logLink()) {
        return NONE;
      }
      outcomes.unit(family);
      double mean = 0;
      for (int i = 0; i < outcomes.rows(); i++) {
        mean += number(family, outcomes, i) / outcomes.rows();
      }
      int exponent = (int) Math.rint(Math.log(mean) / Math.log(2));
      double largest = Arrays.stream(offsets(family, outcomes, exponent)).max().orElseThrow();
      if (largest > NEAR_WIDEST) {
        throw new IllegalArgumentException(
            "a row's %s is about %.0f times the mean, and level sealed holds up to about %.0f times;"
                    .formatted(
                        family == Family.GAMMA
                            ? "outcome, by its exposure and times its weight,"
                            : "exposure, times its weight,",
                        Math.exp(largest),
                        Math.exp(NEAR_WIDEST))
                + " use level gradients");
      }
      return new Magnitude(exponent, outcomes.rows() > SealedRange.FEW && largest > NEAR_FIRST);
    }

    /**
     * The job in its unit, in which the penalty counts differently.
     *
     * @throws IllegalArgumentException if it counts too much or too little
     */
    TrainingJob in(TrainingJob job) {
      double l2 = Math.scalb(job.spec().l2(), -exponent);
      if (!(l2 > 0 && l2 <= TrainingSpec.MAX_L2)) {
        throw new IllegalArgumentException(
            "an l2 of %s does not fit a mean outcome of about 2^%d"
                .formatted(job.spec().l2(), exponent));
      }
      return exponent == 0 ? job : job.with(job.spec().withL2(l2));
    }

    /** Which range a job begins with. */
    SealedRange range(TrainingJob job) {
      return SealedRange.first(job.spec().family(), job.rows(), job.spec().l2(), far);
    }
  }
}
