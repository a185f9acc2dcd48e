package org.espalier.protocols.glm;

import java.util.Objects;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.privacy.LabelPrivacy;

/**
 * What is fitted: a generalised linear model minimising mean loss + l2/2·‖w‖² over the prepared
 * (standardised) features, intercept unpenalised.
 *
 * @param family the loss
 * @param level what training may disclose
 * @param l2 penalty on the prepared features' weights, above 0: it makes the optimum unique
 * @param maxPasses 1 to 200
 * @param tolerance training stops when the estimated distance of the objective from its minimum is
 *     at most this, 1e-12 to 1; but in a family other than logistic in units of what a model
 *     without features leaves unexplained (half its mean deviance; linear: half the variance), at
 *     level sealed and with a log link in its unit: that of {@code SealedOutcome.Magnitude}
 * @param acceptSpan both sides accept in writing more passes than a quarter of the feature parties'
 *     columns; see {@code Disclosure}
 * @param sharedWeights at level {@code sealed}: nobody gets weights, scores are computed jointly
 * @param weighted at level {@code gradients}: rows have weights or offsets, which the label party
 *     knows ({@link Outcomes})
 * @param labelPrivacy bound on what others learn of one person's outcome, of a logistic model at
 *     level {@code sealed}; or null
 * @param inference at level {@code gradients}: every party gets the standard errors of its weights
 *     ({@link Inference})
 * @param l1 at level {@code gradients}: factor of the weights' absolute values, 0 or more, added to
 *     the objective; some weights then are exactly 0
 * @param path at level {@code gradients}: penalties of which cross-validation chooses one, {@code
 *     l2} being the weakest; or null. {@code maxPasses} is of all its fits together
 * @param classes 0, or of the logistic family at level {@code gradients}: outcomes are so many
 *     classes, {@value #FEWEST_CLASSES} to {@value #MOST_CLASSES}, numbered from 0. This is softmax
 *     regression: each class has a linear predictor of its own, the loss is −ln of the true one's
 *     probability, and the penalty is on all of them alike
 * @param warmStart at level {@code gradients}: the first pass opens what each feature party's
 *     weights of an earlier model say of everybody, in the place of a gradient
 * @param patience at level {@code gradients}: the label party sets a tenth of the people aside;
 *     training ends when their loss has not fallen for so many passes, and the weights are those of
 *     the pass after which it was least. 0: nobody is set aside
 */
public record TrainingSpec(
    Family family,
    Level level,
    double l2,
    int maxPasses,
    double tolerance,
    boolean acceptSpan,
    boolean sharedWeights,
    boolean weighted,
    LabelPrivacy labelPrivacy,
    boolean inference,
    double l1,
    PenaltyPath path,
    int classes,
    boolean warmStart,
    int patience) {
  /** The most classes of a softmax regression. */
  public static final int MOST_CLASSES = 20;

  /** With fewer classes the outcomes are 0 and 1. */
  public static final int FEWEST_CLASSES = 3;

  static final int MAX_PASSES = 200;
  static final double MAX_L2 = 100;
  private static final double MAX_L1 = 1e9;
  private static final double MIN_RIDGE = 1e-6;

  /** One in so many people is set aside. */
  private static final int SET_ASIDE = 10;

  /** Fewer tell too little of a loss, and their mean too much of them. */
  private static final int FEWEST_SET_ASIDE = 20;

  /** By how many bits the largest of unbounded residuals is expected to exceed a typical one. */
  private static final int SPARE_BITS = 3;

  /** Logistic regression. */
  public TrainingSpec(Level level, double l2, int maxPasses, double tolerance, boolean acceptSpan) {
    this(Family.LOGISTIC, level, l2, maxPasses, tolerance, acceptSpan);
  }

  /** Rows of equal weight; each party gets its weights. */
  public TrainingSpec(
      Family family, Level level, double l2, int maxPasses, double tolerance, boolean acceptSpan) {
    this(family, level, l2, maxPasses, tolerance, acceptSpan, false, false);
  }

  /** Nothing bounds what outcomes tell, and there are no standard errors. */
  public TrainingSpec(
      Family family,
      Level level,
      double l2,
      int maxPasses,
      double tolerance,
      boolean acceptSpan,
      boolean sharedWeights,
      boolean weighted) {
    this(
        family,
        level,
        l2,
        maxPasses,
        tolerance,
        acceptSpan,
        sharedWeights,
        weighted,
        null,
        false,
        0);
  }

  /** Of one linear predictor and one penalty. */
  public TrainingSpec(
      Family family,
      Level level,
      double l2,
      int maxPasses,
      double tolerance,
      boolean acceptSpan,
      boolean sharedWeights,
      boolean weighted,
      LabelPrivacy labelPrivacy,
      boolean inference,
      double l1) {
    this(
        family,
        level,
        l2,
        maxPasses,
        tolerance,
        acceptSpan,
        sharedWeights,
        weighted,
        labelPrivacy,
        inference,
        l1,
        null,
        0,
        false,
        0);
  }

  /** The same with standard errors. */
  public TrainingSpec withInference() {
    return with(l2, true, l1, path, classes, warmStart, patience);
  }

  /** The same with so large a factor of the weights' absolute values. */
  public TrainingSpec withL1(double factor) {
    return with(l2, inference, factor, path, classes, warmStart, patience);
  }

  /** The same with the penalty that cross-validation chooses. */
  public TrainingSpec withPath(PenaltyPath penalties) {
    return with(penalties.weakest(), inference, l1, penalties, classes, warmStart, patience);
  }

  /** The same of so many classes. */
  public TrainingSpec withClasses(int count) {
    return with(l2, inference, l1, path, count, warmStart, patience);
  }

  /** The same with another penalty. */
  TrainingSpec withL2(double factor) {
    return with(factor, inference, l1, path, classes, warmStart, patience);
  }

  /** The same from an earlier model. */
  public TrainingSpec withWarmStart() {
    return with(l2, inference, l1, path, classes, true, patience);
  }

  /** The same with people set aside, until so many passes in a row gained nothing on them. */
  public TrainingSpec withPatience(int passes) {
    return with(l2, inference, l1, path, classes, warmStart, passes);
  }

  private TrainingSpec with(
      double ridge,
      boolean errors,
      double factor,
      PenaltyPath penalties,
      int ofClasses,
      boolean warm,
      int patient) {
    return new TrainingSpec(
        family,
        level,
        ridge,
        maxPasses,
        tolerance,
        acceptSpan,
        sharedWeights,
        weighted,
        labelPrivacy,
        errors,
        factor,
        penalties,
        ofClasses,
        warm,
        patient);
  }

  public TrainingSpec {
    Objects.requireNonNull(family);
    Objects.requireNonNull(level);
    if (level == Level.ACTIVATIONS || level == Level.SPLIT) {
      throw new IllegalArgumentException(
          "level %s is for networks, a regression needs %s or %s"
              .formatted(level.wireName(), Level.SEALED.wireName(), Level.GRADIENTS.wireName()));
    }
    if (level == Level.SEALED && weighted && !family.logLink()) {
      throw new IllegalArgumentException(
          "rows with weights or offsets need level " + Level.GRADIENTS.wireName());
    }
    if (sharedWeights && level != Level.SEALED) {
      throw new IllegalArgumentException("shared weights need level " + Level.SEALED.wireName());
    }
    if (labelPrivacy != null && (level != Level.SEALED || family != Family.LOGISTIC)) {
      throw new IllegalArgumentException(
          "label privacy is for logistic models at level " + Level.SEALED.wireName());
    }
    if (inference && level != Level.GRADIENTS) {
      throw new IllegalArgumentException(
          "standard errors need level " + Level.GRADIENTS.wireName());
    }
    if (!(l1 >= 0 && l1 <= MAX_L1)) {
      throw new IllegalArgumentException("l1 must be 0 or more, got " + l1);
    }
    if (l1 > 0 && (level != Level.GRADIENTS || inference)) {
      throw new IllegalArgumentException(
          inference
              ? "weights that a penalty sets to 0 have no standard errors"
              : "a penalty on absolute weights needs level " + Level.GRADIENTS.wireName());
    }
    if (classes != 0) {
      requireClasses(family, level, classes, inference || l1 > 0 || path != null);
    }
    if (!(l2 > 0 && l2 <= MAX_L2)) {
      throw new IllegalArgumentException("l2 must be above 0 and at most 100, got " + l2);
    }
    if (maxPasses < 1 || maxPasses > MAX_PASSES) {
      throw new IllegalArgumentException(
          "max passes must be in 1.." + MAX_PASSES + ", got " + maxPasses);
    }
    if (path != null) {
      requirePath(path, level, l2, maxPasses, inference || l1 > 0);
    }
    if (patience < 0 || patience > MAX_PASSES) {
      throw new IllegalArgumentException(
          "patience must be in 0.." + MAX_PASSES + ", got " + patience);
    }
    if ((warmStart || patience > 0)
        && (level != Level.GRADIENTS || l1 > 0 || path != null || classes != 0)) {
      throw new IllegalArgumentException(
          "%s is of one linear predictor at level %s, without penalty on absolute weights and path of"
                  .formatted(
                      warmStart ? "a warm start" : "early stopping", Level.GRADIENTS.wireName())
              + " penalties");
    }
    if (patience > 0 && (warmStart || inference)) {
      throw new IllegalArgumentException(
          warmStart
              ? "the earlier model may have been fitted on people who are to be set aside"
              : "short of the minimum there are no standard errors");
    }
    if (!(tolerance >= 1e-12 && tolerance <= 1)) {
      throw new IllegalArgumentException("tolerance must be in 1e-12..1, got " + tolerance);
    }
  }

  private static void requirePath(
      PenaltyPath path, Level level, double l2, int maxPasses, boolean other) {
    if (level != Level.GRADIENTS || other) {
      throw new IllegalArgumentException(
          other
              ? "a path of penalties has neither standard errors nor a penalty on absolute weights"
              : "a path of penalties needs level " + Level.GRADIENTS.wireName());
    }
    if (l2 != path.weakest()) {
      throw new IllegalArgumentException("l2 is not the weakest penalty of the path");
    }
    if (maxPasses < path.fits()) {
      throw new IllegalArgumentException(
          "%d fits take a pass each, and max passes is %d".formatted(path.fits(), maxPasses));
    }
  }

  /** Passes without which nothing is begun. */
  int fewestPasses() {
    return path == null ? 1 : path.fits();
  }

  private static void requireClasses(Family family, Level level, int classes, boolean more) {
    if (classes < FEWEST_CLASSES || classes > MOST_CLASSES) {
      throw new IllegalArgumentException(
          "softmax regression is of %d to %d classes, not %d"
              .formatted(FEWEST_CLASSES, MOST_CLASSES, classes));
    }
    if (family != Family.LOGISTIC || level != Level.GRADIENTS || more) {
      throw new IllegalArgumentException(
          "softmax regression is of the logistic family at level %s, without standard errors, penalty"
                  .formatted(Level.GRADIENTS.wireName())
              + " on absolute weights and path of penalties");
    }
  }

  /** Whether y can be an outcome. */
  boolean allows(double y) {
    return classes == 0 ? family.allows(y) : y == Math.rint(y) && y >= 0 && y < classes;
  }

  /**
   * How many people the label party sets aside of so many.
   *
   * @throws IllegalArgumentException if they are too few
   */
  public int setAside(int people) {
    if (patience == 0) {
      return 0;
    }
    int aside = people / SET_ASIDE;
    if (aside < FEWEST_SET_ASIDE) {
      throw new IllegalArgumentException(
          "one in %d of %,d training people are set aside for early stopping, and %d are needed: train"
                  .formatted(SET_ASIDE, people, FEWEST_SET_ASIDE)
              + " without it, or on more people");
    }
    return aside;
  }

  /** Numbers of each person that a pass opens. */
  public int opened() {
    return Math.max(1, classes - 1);
  }

  /** Whether residuals are within −1 to 1 by themselves, so that nobody has to be told a bound. */
  public boolean boundedResiduals() {
    return family.boundedSlope() && !weighted;
  }

  /** That residuals take beyond those of a plain logistic model. */
  int spareBits() {
    return boundedResiduals() ? 0 : SPARE_BITS;
  }

  /** The whitening's: it makes loss and penalty together curve equally in all directions. */
  double ridge() {
    // Of K classes that are equally likely the curvature is 1/K.
    return classes == 0 ? ridge(l2) : Math.max(MIN_RIDGE, l2 * classes);
  }

  /** That which a penalty of a path would take, were it the only one. */
  double ridge(double penalty) {
    return Math.max(MIN_RIDGE, penalty / family.maxCurvature());
  }
}
