package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
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

  /** Where the outcome is. */
  public record Label(Party party, String column) {
    public Label {
      if (party == null || column == null) {
        throw new IllegalArgumentException("label needs a party and a column");
      }
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
   * @param type {@code logistic}
   * @param l2 factor of half the squared norm of the weights, added to the mean loss
   */
  public record ModelSettings(String type, BigDecimal l2) {
    public ModelSettings {
      type = type == null ? "logistic" : type;
      l2 = l2 == null ? new BigDecimal("0.01") : l2;
      Specs.oneOf("model.type", type, "logistic");
      if (l2.signum() <= 0 || l2.compareTo(new BigDecimal("100")) > 0) {
        throw new IllegalArgumentException("model.l2 is above 0 and at most 100, not " + l2);
      }
    }
  }

  /**
   * @param level disclosure level; {@code gradients} is the one there is
   * @param tolerance training stops when the objective is estimated to be this near its optimum
   * @param accept what the parties knowingly accept beyond the default policy: {@code span}
   */
  public record TrainingSettings(
      String level, Integer maxPasses, BigDecimal tolerance, List<String> accept) {
    public TrainingSettings {
      level = level == null ? "gradients" : level;
      maxPasses = maxPasses == null ? 15 : maxPasses;
      tolerance = tolerance == null ? new BigDecimal("0.000001") : tolerance;
      accept = accept == null ? List.of() : List.copyOf(accept);
      Specs.oneOf("training.level", level, "gradients");
      Specs.range("training.max_passes", maxPasses, 1, 200);
      if (tolerance.compareTo(new BigDecimal("1e-12")) < 0
          || tolerance.compareTo(BigDecimal.ONE) > 0) {
        throw new IllegalArgumentException("training.tolerance is 1e-12 to 1, not " + tolerance);
      }
      accept.forEach(item -> Specs.oneOf("training.accept", item, "span"));
    }
  }

  /**
   * @param holdout share of the cohort kept for evaluation, 0 to 0.9
   */
  public record EvaluationSettings(BigDecimal holdout) {
    public EvaluationSettings {
      holdout = holdout == null ? new BigDecimal("0.2") : holdout;
      if (holdout.signum() < 0 || holdout.compareTo(new BigDecimal("0.9")) > 0) {
        throw new IllegalArgumentException("evaluation.holdout is 0 to 0.9, not " + holdout);
      }
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
    alignment = alignment == null ? new AlignmentSettings(null, null, null) : alignment;
    preparation = preparation == null ? new PreparationSettings(null, null, null) : preparation;
    model = model == null ? new ModelSettings(null, null) : model;
    training = training == null ? new TrainingSettings(null, null, null, null) : training;
    evaluation = evaluation == null ? new EvaluationSettings(null) : evaluation;
  }

  @Override
  @JsonIgnore
  public Party labelParty() {
    return label.party();
  }
}
