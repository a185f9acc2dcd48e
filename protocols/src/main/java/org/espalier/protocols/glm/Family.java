package org.espalier.protocols.glm;

import java.util.Locale;

/**
 * Which generalised linear model is fitted. The loss of a row with outcome y at the linear
 * predictor z is half its deviance but for a constant (McCullagh and Nelder, Generalized Linear
 * Models, 1989); all are convex in z.
 */
public enum Family {
  /** Outcomes 0 and 1, by the logit link; the loss is the log-loss. */
  LOGISTIC {
    @Override
    public boolean allows(double y) {
      return y == 0 || y == 1;
    }

    @Override
    public double mean(double z) {
      if (z >= 0) {
        return 1 / (1 + Math.exp(-z));
      }
      double e = Math.exp(z);
      return e / (1 + e);
    }

    @Override
    public double loss(double z, double y) {
      return Math.max(z, 0) + Math.log(1 + Math.exp(-Math.abs(z))) - y * z;
    }

    @Override
    double slope(double z, double y) {
      return mean(z) - y;
    }

    @Override
    double curvature(double z, double y) {
      double p = mean(z);
      return p * (1 - p);
    }

    @Override
    double saturated(double y) {
      return 0;
    }

    @Override
    double predictor(double mean) {
      return Math.log(mean / (1 - mean));
    }
  },
  /** Any numbers, by the identity link; the loss is half the squared error. */
  LINEAR {
    @Override
    public boolean allows(double y) {
      return Double.isFinite(y);
    }

    @Override
    public double mean(double z) {
      return z;
    }

    @Override
    public double loss(double z, double y) {
      return (z - y) * (z - y) / 2;
    }

    @Override
    double slope(double z, double y) {
      return z - y;
    }

    @Override
    double curvature(double z, double y) {
      return 1;
    }

    @Override
    double saturated(double y) {
      return 0;
    }

    @Override
    double predictor(double mean) {
      return mean;
    }
  },
  /** Counts or rates, 0 or more, by the log link; the loss is exp(z) − y·z. */
  POISSON {
    @Override
    public boolean allows(double y) {
      return y >= 0 && y < Double.POSITIVE_INFINITY;
    }

    @Override
    public double mean(double z) {
      return Math.exp(z);
    }

    @Override
    public double loss(double z, double y) {
      return Math.exp(z) - y * z;
    }

    @Override
    double slope(double z, double y) {
      return Math.exp(z) - y;
    }

    @Override
    double curvature(double z, double y) {
      return Math.exp(z);
    }

    @Override
    double saturated(double y) {
      return y > 0 ? y - y * Math.log(y) : 0;
    }

    @Override
    double predictor(double mean) {
      return Math.log(mean);
    }
  },
  /** Amounts above 0 whose spread grows with them, by the log link; the loss is y·exp(−z) + z. */
  GAMMA {
    @Override
    public boolean allows(double y) {
      return y > 0 && y < Double.POSITIVE_INFINITY;
    }

    @Override
    public double mean(double z) {
      return Math.exp(z);
    }

    @Override
    public double loss(double z, double y) {
      return y * Math.exp(-z) + z;
    }

    @Override
    double slope(double z, double y) {
      return 1 - y * Math.exp(-z);
    }

    @Override
    double curvature(double z, double y) {
      return y * Math.exp(-z);
    }

    @Override
    double saturated(double y) {
      return 1 + Math.log(y);
    }

    @Override
    double predictor(double mean) {
      return Math.log(mean);
    }
  };

  /** The name in job files and model slices. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The family of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Family parse(String name) {
    for (Family family : values()) {
      if (family.wireName().equals(name)) {
        return family;
      }
    }
    throw new IllegalArgumentException("no family is called " + name);
  }

  /** Whether the mean is the exponential of the linear predictor. */
  public boolean logLink() {
    return this == POISSON || this == GAMMA;
  }

  /** Whether y can be an outcome. */
  public abstract boolean allows(double y);

  /** The expected outcome at the linear predictor z. */
  public abstract double mean(double z);

  /**
   * Mean deviance: twice what a row's loss is above the loss of a prediction that equals its
   * outcome.
   *
   * @param means predicted, one a row
   * @param outcomes as many, at least 1
   */
  public double meanDeviance(double[] means, double[] outcomes) {
    double sum = 0;
    for (int i = 0; i < means.length; i++) {
      sum += loss(predictor(means[i]), outcomes[i]) - saturated(outcomes[i]);
    }
    return 2 * sum / means.length;
  }

  /**
   * Of a row, up to a constant where y alone decides it.
   *
   * @param z linear predictor
   */
  public abstract double loss(double z, double y);

  /**
   * Expected curvature of the loss at z: the Fisher information of a row in its linear predictor,
   * times the dispersion.
   */
  double information(double z) {
    return switch (this) {
      case LOGISTIC, POISSON -> curvature(z, 0);
      case LINEAR, GAMMA -> 1;
    };
  }

  /** Variance of an outcome of this mean, in units of the dispersion. */
  double variance(double mean) {
    return switch (this) {
      case LOGISTIC -> mean * (1 - mean);
      case LINEAR -> 1;
      case POISSON -> mean;
      case GAMMA -> mean * mean;
    };
  }

  /** Whether the spread of outcomes is estimated; otherwise it follows from their mean. */
  boolean hasDispersion() {
    return this == LINEAR || this == GAMMA;
  }

  /** Of the loss with respect to z. */
  abstract double slope(double z, double y);

  /** Second derivative of the loss with respect to z. */
  abstract double curvature(double z, double y);

  /** The least loss that any z has. */
  abstract double saturated(double y);

  /** The linear predictor of a mean. */
  abstract double predictor(double mean);

  /** Whether the slope is within −1 to 1 whatever the outcome. */
  boolean boundedSlope() {
    return this == LOGISTIC;
  }

  /** Largest curvature of a row, or where there is none, that of a row of average mean. */
  double maxCurvature() {
    return this == LOGISTIC ? 0.25 : 1;
  }
}
