package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.privacy.LabelPrivacy;
import org.espalier.wire.Party;

/** Fit a model on the people that all parties know. */
public record TrainSpec(
    String kind,
    String name,
    String purpose,
    Label label,
    SortedMap<Party, Source> parties,
    List<List<KeyPart>> match,
    AlignmentSettings alignment,
    PreparationSettings preparation,
    ModelSettings model,
    TrainingSettings training,
    EvaluationSettings evaluation)
    implements JobSpec {
  static final int MAX_PASSES = 200;
  static final String SEALED = "sealed";
  static final String GRADIENTS = "gradients";
  static final String SPAN = "span";
  static final String OWN = "own";
  static final String SHARED = "shared";
  static final String METRICS = "metrics";
  public static final String SCORES = "scores";

  /**
   * Where the outcome is.
   *
   * @param weight column that says how much each row counts, or null
   * @param exposure column of what each row's outcome is proportional to, such as years insured, or
   *     null; its logarithm is the row's offset
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Label(Party party, String column, String weight, String exposure) {
    public Label {
      if (party == null || column == null) {
        throw new IllegalArgumentException("label needs a party and a column");
      }
    }

    /** Whether rows count differently or have exposures. */
    public boolean weighted() {
      return weight != null || exposure != null;
    }
  }

  /**
   * @param impute missing numbers become the mean, missing categories one of their own
   * @param minPerCategory rarer categories are merged, so that no column singles out a person
   */
  public record PreparationSettings(Boolean impute, Boolean standardise, Integer minPerCategory) {
    public PreparationSettings {
      impute = impute == null || impute;
      standardise = standardise == null || standardise;
      minPerCategory = minPerCategory == null ? 10 : minPerCategory;
      Specs.range("preparation.min_per_category", minPerCategory, 3, Integer.MAX_VALUE);
    }
  }

  /**
   * @param type the name of a {@link Family}
   * @param l2 factor of half the squared norm of the weights, added to the mean loss
   * @param weights {@code own}: each party gets those of its columns; {@code shared}, at level
   *     {@code sealed} only: nobody gets any, scores are computed jointly
   * @param classWeights how much people with either outcome count; null: all the same
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record ModelSettings(
      String type, BigDecimal l2, String weights, ClassWeights classWeights) {
    public ModelSettings {
      weights = weights == null ? OWN : weights;
      Specs.oneOf("model.weights", weights, OWN, SHARED);
      type = type == null ? Family.LOGISTIC.wireName() : type;
      l2 = l2 == null ? new BigDecimal("0.01") : l2;
      Specs.oneOf(
          "model.type",
          type,
          Arrays.stream(Family.values()).map(Family::wireName).toArray(String[]::new));
      if (l2.signum() <= 0 || l2.compareTo(new BigDecimal("100")) > 0) {
        throw new IllegalArgumentException("model.l2 is above 0 and at most 100, not " + l2);
      }
    }
  }

  /**
   * What training may disclose and how long it may take. A setting that the level does not know is
   * refused, so that nobody relies on it.
   *
   * @param level disclosure level: {@code sealed} or {@code gradients}
   * @param maxPasses at most so many passes; null, at {@code sealed} only: the level's own schedule
   * @param tolerance training stops when the objective is estimated to be this near its optimum;
   *     null, at {@code sealed} only: when the level's own schedule ends
   * @param accept what the parties knowingly accept beyond the default policy: {@code span}; empty
   *     at {@code sealed}
   * @param minFeaturesPerParty prepared columns that a feature party must bring: a pass opens one
   *     combination of them; null at {@code sealed}
   * @param labelPrivacy bound on what others learn of one person's outcome, at {@code sealed} only;
   *     null: none
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record TrainingSettings(
      String level,
      Integer maxPasses,
      BigDecimal tolerance,
      List<String> accept,
      Integer minFeaturesPerParty,
      LabelPrivacySettings labelPrivacy) {
    public TrainingSettings {
      level = level == null ? SEALED : level;
      accept = accept == null ? List.of() : List.copyOf(accept);
      Specs.oneOf("training.level", level, SEALED, GRADIENTS);
      if (level.equals(GRADIENTS)) {
        maxPasses = maxPasses == null ? 15 : maxPasses;
        tolerance = tolerance == null ? new BigDecimal("0.000001") : tolerance;
        accept.forEach(item -> Specs.oneOf("training.accept", item, SPAN));
        minFeaturesPerParty = minFeaturesPerParty == null ? 3 : minFeaturesPerParty;
        Specs.range("training.min_features_per_party", minFeaturesPerParty, 2, Integer.MAX_VALUE);
        if (labelPrivacy != null) {
          throw new IllegalArgumentException(
              "training.label_privacy belongs to level sealed: at level gradients feature parties"
                  + " learn every pass's gradient");
        }
      } else if (!accept.isEmpty()) {
        throw foreign("accept", "there is nothing to accept where no pass is opened");
      } else if (minFeaturesPerParty != null) {
        throw foreign("min_features_per_party", "no combination of a party's columns is opened");
      }
      if (maxPasses != null) {
        Specs.range("training.max_passes", maxPasses, 1, MAX_PASSES);
      }
      if (tolerance != null
          && (tolerance.compareTo(new BigDecimal("1e-12")) < 0
              || tolerance.compareTo(BigDecimal.ONE) > 0)) {
        throw new IllegalArgumentException("training.tolerance is 1e-12 to 1, not " + tolerance);
      }
    }

    private static IllegalArgumentException foreign(String key, String why) {
      return new IllegalArgumentException(
          "training.%s belongs to level %s; at level %s %s".formatted(key, GRADIENTS, SEALED, why));
    }

    /** Whether passes on the same people add up and are limited. */
    boolean countsPasses() {
      return level.equals(GRADIENTS);
    }

    boolean acceptsSpan() {
      return accept.contains(SPAN);
    }
  }

  /**
   * Label differential privacy, see {@link LabelPrivacy}.
   *
   * @param epsilon required
   * @param delta null: a millionth
   * @param clip null: 2
   */
  public record LabelPrivacySettings(BigDecimal epsilon, BigDecimal delta, BigDecimal clip) {
    public LabelPrivacySettings {
      if (epsilon == null) {
        throw new IllegalArgumentException("training.label_privacy needs an epsilon, such as 1");
      }
      delta = delta == null ? new BigDecimal("0.000001") : delta;
      clip = clip == null ? new BigDecimal("2") : clip;
      new LabelPrivacy(epsilon.doubleValue(), delta.doubleValue(), clip.doubleValue());
    }

    LabelPrivacy bound() {
      return new LabelPrivacy(epsilon.doubleValue(), delta.doubleValue(), clip.doubleValue());
    }
  }

  /**
   * @param holdout share of the cohort kept for evaluation, 0 to 0.9
   * @param reveal what the label party's operator gets of it: {@code metrics}, or {@code scores} as
   *     well, one for each person held out
   * @param thresholds probabilities at which to count who is flagged, ascending; null: 0.5, or none
   *     where the outcome is a number
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record EvaluationSettings(BigDecimal holdout, String reveal, List<BigDecimal> thresholds) {
    private static final int MOST_THRESHOLDS = 10;
    private static final int THRESHOLD_DIGITS = 3;
    private static final double DEFAULT_THRESHOLD = 0.5;

    public EvaluationSettings {
      holdout = holdout == null ? new BigDecimal("0.2") : holdout;
      reveal = reveal == null ? METRICS : reveal;
      if (holdout.signum() < 0 || holdout.compareTo(new BigDecimal("0.9")) > 0) {
        throw new IllegalArgumentException("evaluation.holdout is 0 to 0.9, not " + holdout);
      }
      Specs.oneOf("evaluation.reveal", reveal, METRICS, SCORES);
      if (reveal.equals(SCORES) && holdout.signum() == 0) {
        throw new IllegalArgumentException(
            "evaluation.reveal: scores needs people held out, and evaluation.holdout is 0");
      }
      if (thresholds != null) {
        thresholds = List.copyOf(thresholds);
        requireThresholds(thresholds);
      }
    }

    /** So few and coarse that they do not tell scores by themselves. */
    private static void requireThresholds(List<BigDecimal> thresholds) {
      BigDecimal last = BigDecimal.ZERO;
      for (BigDecimal threshold : thresholds) {
        if (threshold.compareTo(last) <= 0
            || threshold.compareTo(BigDecimal.ONE) >= 0
            || threshold.stripTrailingZeros().scale() > THRESHOLD_DIGITS) {
          throw new IllegalArgumentException(
              "evaluation.thresholds are between 0 and 1, ascending, with at most %d decimals; not %s"
                  .formatted(THRESHOLD_DIGITS, threshold));
        }
        last = threshold;
      }
      if (thresholds.size() > MOST_THRESHOLDS) {
        throw new IllegalArgumentException(
            "evaluation.thresholds are at most " + MOST_THRESHOLDS + ", not " + thresholds.size());
      }
    }

    /** Where confusion matrices are made of probabilities. */
    double[] cuts() {
      return thresholds == null
          ? new double[] {DEFAULT_THRESHOLD}
          : thresholds.stream().mapToDouble(BigDecimal::doubleValue).toArray();
    }

    boolean revealsScores() {
      return reveal.equals(SCORES);
    }
  }

  public TrainSpec {
    kind = "train";
    if (label == null) {
      throw new IllegalArgumentException("label is missing");
    }
    Specs.common(name, purpose, label.party(), parties, match);
    parties = Collections.unmodifiableSortedMap(new TreeMap<>(parties));
    match = match.stream().map(List::copyOf).toList();
    alignment = Specs.alignment(alignment, parties, match);
    preparation = preparation == null ? new PreparationSettings(null, null, null) : preparation;
    model = model == null ? new ModelSettings(null, null, null, null) : model;
    training =
        training == null ? new TrainingSettings(null, null, null, null, null, null) : training;
    evaluation = evaluation == null ? new EvaluationSettings(null, null, null) : evaluation;
    Family family = Family.parse(model.type());
    if (evaluation.thresholds() != null && family != Family.LOGISTIC) {
      throw new IllegalArgumentException(
          "evaluation.thresholds are of probabilities, and model.type: "
              + model.type()
              + " predicts numbers");
    }
    if (!family.at(Level.parse(training.level()))) {
      throw new IllegalArgumentException(
          "model.type: %s is trained at level gradients, not at level sealed"
              .formatted(model.type()));
    }
    if (label.exposure() != null && family != Family.POISSON && family != Family.GAMMA) {
      throw new IllegalArgumentException(
          "label.exposure belongs to models of type poisson and gamma, not " + model.type());
    }
    if (label.weighted() && training.level().equals(SEALED)) {
      throw new IllegalArgumentException(
          "label.%s is for level gradients, not for level sealed"
              .formatted(label.weight() == null ? "exposure" : "weight"));
    }
    if (training.labelPrivacy() != null && family != Family.LOGISTIC) {
      throw new IllegalArgumentException(
          "training.label_privacy is for models of type logistic, not " + model.type());
    }
    if (model.classWeights() != null && family != Family.LOGISTIC) {
      throw new IllegalArgumentException(
          "model.class_weights belong to models of type logistic, not " + model.type());
    }
    if (model.classWeights() != null && training.level().equals(SEALED)) {
      throw new IllegalArgumentException(
          "model.class_weights are for level gradients, not for level sealed");
    }
    if (model.weights().equals(SHARED) && training.level().equals(GRADIENTS)) {
      throw new IllegalArgumentException(
          "model.weights: shared is trained at level sealed, not at level gradients");
    }
  }

  /** Whether people count differently in training or have exposures. */
  public boolean weighted() {
    return label.weighted() || model.classWeights() != null;
  }

  /** Whether nobody gets weights. */
  public boolean sharesWeights() {
    return model.weights().equals(SHARED);
  }

  /** The bound on what others learn of one person's outcome, or null. */
  LabelPrivacy labelPrivacy() {
    return training.labelPrivacy() == null ? null : training.labelPrivacy().bound();
  }

  /** Which model is fitted. */
  public Family family() {
    return Family.parse(model.type());
  }

  @Override
  @JsonIgnore
  public Party labelParty() {
    return label.party();
  }
}
