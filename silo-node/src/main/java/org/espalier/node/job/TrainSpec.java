package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.PenaltyPath;
import org.espalier.protocols.neural.top.Task;
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

  /** What is suggested beyond one for each fit of a path. */
  private static final int SPARE_PASSES = 20;

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
   * @param holdout share of the cohort kept for evaluation, 0 to 0.9
   * @param reveal what the label party's operator gets of it: {@code metrics}, or {@code scores} as
   *     well, one for each person held out
   * @param thresholds probabilities at which to count who is flagged, ascending; null: 0.5, or none
   *     where the outcome is a number
   * @param folds of the cross-validation that chooses among the values of {@code model.l2}; null:
   *     none
   * @param choose by which rule: {@code best} or {@code one-standard-error}; null without folds
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record EvaluationSettings(
      BigDecimal holdout,
      String reveal,
      List<BigDecimal> thresholds,
      Integer folds,
      String choose) {
    private static final String BEST = "best";
    private static final String SPARING = "one-standard-error";
    private static final int FOLDS = 5;
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
      if (folds == null && choose != null) {
        throw new IllegalArgumentException(
            "evaluation.choose is between values of model.l2 by evaluation.folds");
      }
      if (folds != null) {
        Specs.range("evaluation.folds", folds, PenaltyPath.FEWEST_FOLDS, PenaltyPath.MOST_FOLDS);
        choose = choose == null ? BEST : choose;
        Specs.oneOf("evaluation.choose", choose, BEST, SPARING);
      }
    }

    /** Several penalties are chosen from by cross-validation, whether it is named or not. */
    private EvaluationSettings forPath() {
      return folds != null
          ? this
          : new EvaluationSettings(holdout, reveal, thresholds, FOLDS, null);
    }

    boolean sparing() {
      return SPARING.equals(choose);
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
    model = model == null ? ModelSettings.byDefault() : model;
    training = training == null ? TrainingSettings.byDefault() : training;
    evaluation =
        evaluation == null ? new EvaluationSettings(null, null, null, null, null) : evaluation;
    if (model.l2().several()) {
      evaluation = evaluation.forPath();
    }
    if (evaluation.folds() != null) {
      requirePath(model, training, evaluation);
    }
    requireLevel(model, training);
    requireStart(model, training, evaluation);
    if (!model.neural() && training.patience() != null) {
      requirePatience(model, evaluation);
    }
    model = training.level().equals(TrainingSettings.SPLIT) ? model.withBottom() : model;
    boolean sealed = training.level().equals(TrainingSettings.SEALED);
    if (evaluation.thresholds() != null && !predictsProbability(model)) {
      throw new IllegalArgumentException(
          "evaluation.thresholds are of probabilities of one label, and model.%s predicts %s"
              .formatted(
                  model.neural() ? "task: " + model.task() : "type: " + model.type(),
                  model.softmax() || Task.MULTICLASS.wireName().equals(model.task())
                      ? "several"
                      : "numbers"));
    }
    if (label.exposure() != null && !List.of("poisson", "gamma").contains(model.type())) {
      throw new IllegalArgumentException(
          "label.exposure belongs to models of type poisson and gamma, not " + model.type());
    }
    if (alignment.severalRows()) {
      requireSeveralRows(model, training, evaluation);
    }
    if (label.weight() != null && sealed && !family(model).logLink()) {
      throw new IllegalArgumentException(
          "label.weight is for level gradients, and at level sealed for models of type poisson and"
              + " gamma, not "
              + model.type());
    }
    if (training.labelPrivacy() != null && !model.type().equals(Family.LOGISTIC.wireName())) {
      throw new IllegalArgumentException(
          "training.label_privacy is for models of type logistic, not " + model.type());
    }
    if (model.classWeights() != null && !predictsProbability(model) && !model.softmax()) {
      throw new IllegalArgumentException(
          "model.class_weights belong to models of type logistic and softmax and to networks of task"
              + " binary, not "
              + (model.neural() ? model.task() : model.type()));
    }
    if (model.classWeights() != null && sealed) {
      throw new IllegalArgumentException(
          "model.class_weights are for level gradients, not for level sealed");
    }
    if (model.l1() != null && sealed) {
      throw new IllegalArgumentException(
          "model.l1 is for level gradients: whether a weight is 0 is a comparison, and at level sealed"
              + " nobody compares weights, which all parties only have shares of");
    }
    if (model.l1() != null && !training.acceptsSpan()) {
      throw new IllegalArgumentException(
          "model.l1 needs training.accept: [span]: where few weights are left, the numbers that passes"
              + " open of each person are single columns, but for scale and noise");
    }
    if (model.inference() != null && sealed) {
      throw new IllegalArgumentException(
          "model.inference is for level gradients: at level sealed nobody knows how certain single"
              + " predictions are, and standard errors are sums weighted by that");
    }
    if (model.weights().equals(ModelSettings.SHARED) && !sealed) {
      throw new IllegalArgumentException(
          "model.weights: shared is trained at level sealed, not at level " + training.level());
    }
  }

  private static void requirePath(
      ModelSettings model, TrainingSettings training, EvaluationSettings evaluation) {
    String what = "cross-validation (evaluation.folds, or several values of model.l2) ";
    if (!training.level().equals(TrainingSettings.GRADIENTS)) {
      throw new IllegalArgumentException(
          what
              + (training.level().equals(TrainingSettings.SEALED)
                  ? "is for level gradients: at level sealed nobody knows the loss of a fold, and each"
                      + " of its fits would be a training by itself"
                  : "is for regressions at level gradients"));
    }
    if (model.softmax()) {
      throw new IllegalArgumentException(what + "is for models of one score, not for softmax");
    }
    if (model.l1() != null) {
      throw new IllegalArgumentException(
          what + "and model.l1 exclude each other: its steps are of one model only");
    }
    if (model.inference() != null) {
      throw new IllegalArgumentException(
          what
              + "and model.inference exclude each other: standard errors do not hold for a penalty that"
              + " was chosen by the same people");
    }
    int fits = path(model, evaluation).fits();
    if (training.maxPasses() < fits) {
      throw new IllegalArgumentException(
          "%d values of model.l2 with %d folds are %d fits, each of which takes a pass or more: say"
                  .formatted(model.l2().values().size(), evaluation.folds(), fits)
              + " training.max_passes for all of them together, such as %d"
                  .formatted(Math.min(MAX_PASSES, fits + SPARE_PASSES)));
    }
  }

  private static void requireStart(
      ModelSettings model, TrainingSettings training, EvaluationSettings evaluation) {
    if (model.start() == null) {
      return;
    }
    if (!training.level().equals(TrainingSettings.GRADIENTS)) {
      throw new IllegalArgumentException(
          "model.start is for level gradients: at level sealed the number of passes is fixed before the"
              + " first by tolerance and columns, and a nearer beginning would not shorten it");
    }
    if (evaluation.folds() != null) {
      throw new IllegalArgumentException(
          "model.start and cross-validation (evaluation.folds, or several values of model.l2) exclude"
              + " each other: the earlier model may have been fitted on the people of a fold");
    }
    if (!model.neural() && training.patience() != null) {
      throw new IllegalArgumentException(
          "model.start and training.patience exclude each other: the earlier model may have been fitted"
              + " on people who are set aside, and their loss would tell nothing");
    }
  }

  private static void requirePatience(ModelSettings model, EvaluationSettings evaluation) {
    String what = "training.patience of a regression ";
    if (model.softmax()) {
      throw new IllegalArgumentException(what + "is for models of one score, not for softmax");
    }
    if (model.l1() != null) {
      throw new IllegalArgumentException(
          what + "and model.l1 exclude each other: its steps cannot be gone back on");
    }
    if (evaluation.folds() != null) {
      throw new IllegalArgumentException(
          what
              + "and cross-validation (evaluation.folds, or several values of model.l2) exclude each"
              + " other: with folds the penalty is chosen against overfitting, not the pass");
    }
    if (model.inference() != null) {
      throw new IllegalArgumentException(
          what
              + "and model.inference exclude each other: standard errors are those of the minimum, before"
              + " which training may end");
    }
  }

  private static PenaltyPath path(ModelSettings model, EvaluationSettings evaluation) {
    return new PenaltyPath(model.l2().path(), evaluation.folds(), evaluation.sparing());
  }

  /** Penalties of which cross-validation chooses one; null where there is none. */
  public PenaltyPath path() {
    return evaluation.folds() == null ? null : path(model, evaluation);
  }

  /** All that is computed jointly is of people: the label party alone has rows of its own. */
  private static void requireSeveralRows(
      ModelSettings model, TrainingSettings training, EvaluationSettings evaluation) {
    String all = "alignment.duplicates: all ";
    if (!training.level().equals(TrainingSettings.GRADIENTS)) {
      throw new IllegalArgumentException(
          all
              + "is for training at level gradients: at level "
              + training.level()
              + " others would compute with each row of a person and so learn how many there are");
    }
    if (model.inference() != null) {
      throw new IllegalArgumentException(
          all
              + "and model.inference exclude each other: rows of one person are not independent, and"
              + " the standard errors would be too small");
    }
    if (evaluation.holdout().signum() > 0 && !evaluation.revealsScores()) {
      throw new IllegalArgumentException(
          all
              + "needs evaluation.reveal: scores, or evaluation.holdout: 0: metrics of 20 rows may be"
              + " of fewer than 20 people");
    }
  }

  private static void requireLevel(ModelSettings model, TrainingSettings training) {
    String level = training.level();
    boolean split = level.equals(TrainingSettings.SPLIT);
    boolean network = split || level.equals(TrainingSettings.ACTIVATIONS);
    if (model.neural() && !network) {
      throw new IllegalArgumentException(
          "model.type: neural is trained at level activations or split, not at level %s: say training:"
                  .formatted(level)
              + " {level: activations, accept: [span]} if all parties agree to what it opens");
    }
    if (!model.neural() && network) {
      throw new IllegalArgumentException(
          "training.level: %s is that of model.type: neural; model.type: %s is trained at"
                  .formatted(level, model.type())
              + " level sealed or gradients");
    }
    if (model.bottom() != null && !split) {
      throw new IllegalArgumentException(
          "model.bottom belongs to level split: at level activations the first layer spans all columns");
    }
    if (model.softmax() && !training.level().equals(TrainingSettings.GRADIENTS)) {
      throw new IllegalArgumentException(
          "model.type: softmax is trained at level gradients, not at level sealed: the probabilities of"
              + " several classes depend on all their scores at once, and what is computed there on"
              + " shares is a function of one");
    }
  }

  /** Whether people count differently in training or have exposures. */
  public boolean weighted() {
    return label.weighted() || model.classWeights() != null || alignment.severalRows();
  }

  /** Whether each party gets the standard errors of its weights. */
  public boolean infers() {
    return model.inference() != null;
  }

  /** The bound on what others learn of one person's outcome, or null. */
  LabelPrivacy labelPrivacy() {
    return training.labelPrivacy() == null ? null : training.labelPrivacy().bound();
  }

  /** Whether a score is the probability of label 1. */
  private static boolean predictsProbability(ModelSettings model) {
    return model.neural()
        ? model.task().equals(Task.BINARY.wireName())
        : model.type().equals(Family.LOGISTIC.wireName());
  }

  /** Whether outcomes are 0 and 1. */
  boolean predictsProbability() {
    return predictsProbability(model);
  }

  /** Whether nobody gets weights. */
  public boolean sharesWeights() {
    return model.weights().equals(ModelSettings.SHARED);
  }

  /** All but the label party, by name. */
  List<Party> featureParties() {
    return parties.keySet().stream().filter(party -> !party.equals(label.party())).toList();
  }

  /** Of a regression: passes without a gain on people set aside after which training ends; or 0. */
  public int patience() {
    return neural() || training.patience() == null ? 0 : training.patience();
  }

  /** The same from exactly this model. */
  TrainSpec startingAt(String digest) {
    return new TrainSpec(
        kind,
        name,
        purpose,
        label,
        parties,
        match,
        alignment,
        preparation,
        model.startingAt(digest),
        training,
        evaluation);
  }

  /** Whether a network is fitted. */
  public boolean neural() {
    return model.neural();
  }

  /** Whether each of several classes has a linear predictor of its own. */
  public boolean softmax() {
    return model.softmax();
  }

  /**
   * Which linear predictor is fitted; a softmax regression is of the logistic family.
   *
   * @throws IllegalArgumentException if it is a network
   */
  public Family family() {
    return family(model);
  }

  private static Family family(ModelSettings model) {
    return model.softmax() ? Family.LOGISTIC : Family.parse(model.type());
  }

  @Override
  @JsonIgnore
  public Party labelParty() {
    return label.party();
  }
}
