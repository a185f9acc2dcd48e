package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.protocols.predict.SharedWeights;

/**
 * What the label party holds at the end.
 *
 * @param weights one per own prepared feature; none where they are shared
 * @param intercept 0 where weights are shared, and of a softmax regression
 * @param intercepts of a softmax regression one for each class, adding up to 0; else null. Its
 *     weights are one for each class and own prepared feature, feature by feature
 * @param end why training stopped
 * @param gap how far the objective may still be from its minimum
 * @param findings what whoever uses the model should know of the training, in plain words, and what
 *     to do about it; empty if all is well
 * @param parametersRun what actually ran, for the audit log and the receipt
 * @param shared instead of weights and intercept, or null
 * @param trainingLogits of the training people, one per row, as training opened them to this party;
 *     null at levels that open none, and of a softmax regression
 * @param inference standard errors of weights and intercept; null if they were not asked for or, by
 *     {@code findings}, could not be had
 * @param path what cross-validation said of each penalty; null without a path
 * @param earlyStop which fit it is of those between passes; null where it is the last one
 */
public record LabelOutcome(
    double[] weights,
    double intercept,
    double[] intercepts,
    List<PassReport> passes,
    End end,
    RemainingGap gap,
    List<String> findings,
    Map<String, Object> parametersRun,
    SharedWeights shared,
    double[] trainingLogits,
    Inference inference,
    PenaltyPath.Result path,
    EarlyStop earlyStop) {
  /** Of the last fit, about which nothing more is known. */
  LabelOutcome(
      double[] weights,
      double intercept,
      double[] intercepts,
      List<PassReport> passes,
      End end,
      RemainingGap gap,
      List<String> findings,
      Map<String, Object> parametersRun,
      SharedWeights shared,
      double[] trainingLogits) {
    this(
        weights,
        intercept,
        intercepts,
        passes,
        end,
        gap,
        findings,
        parametersRun,
        shared,
        trainingLogits,
        null,
        null,
        null);
  }

  /** The same, chosen by people who were set aside. */
  LabelOutcome with(EarlyStop stop) {
    Map<String, Object> ran = new LinkedHashMap<>(parametersRun);
    ran.put("kept_pass", stop.pass());
    String finding =
        stop.pass() == 0
            ? "the people set aside are best predicted by the label party's columns alone: those of"
                + " others have weights of 0"
            : null;
    return with(finding, Collections.unmodifiableMap(ran), inference, path, stop);
  }

  /**
   * @param errors null: there are none, which is a finding
   */
  LabelOutcome with(Inference errors) {
    String finding = errors == null ? StandardErrors.NONE : null;
    return with(finding, parametersRun, errors, path, earlyStop);
  }

  /**
   * @param finding of the path; null if all is well
   */
  LabelOutcome with(PenaltyPath.Result result, Map<String, Object> ran, String finding) {
    return with(finding, ran, inference, result, earlyStop);
  }

  private LabelOutcome with(
      String finding,
      Map<String, Object> ran,
      Inference errors,
      PenaltyPath.Result result,
      EarlyStop stop) {
    List<String> found = new ArrayList<>(findings);
    if (finding != null) {
      found.add(finding);
    }
    return new LabelOutcome(
        weights,
        intercept,
        intercepts,
        passes,
        end,
        gap,
        List.copyOf(found),
        ran,
        shared,
        trainingLogits,
        errors,
        result,
        stop);
  }

  /** Why training stopped. */
  public enum End {
    /** The estimated distance from the optimum reached the tolerance. */
    TOLERANCE("the objective is within the tolerance of its minimum"),
    /** The noise on the opened logits allows no further progress. */
    NOISE("the noise on the opened logits allows no further progress"),
    /** The loss of the people set aside had stopped falling. */
    PATIENCE("the loss of the training people set aside had stopped falling"),
    /** The level's whole schedule was run. */
    SCHEDULE("the whole schedule of passes was run"),
    /**
     * The level's whole schedule was run, and the loss has still fallen by more than the tolerance.
     */
    FALLING("the whole schedule of passes was run, and the loss was still falling"),
    /** The job's maximum of passes was run. */
    MAX_PASSES("the agreed number of passes was run"),
    /** One more pass would have disclosed more than the parties accepted. */
    DISCLOSURE("one more pass would disclose more than was accepted (accept: span allows it)");

    private final String text;

    End(String text) {
      this.text = text;
    }

    public String text() {
      return text;
    }

    /** As near the optimum as a level without a schedule can come. */
    boolean reached() {
      return this == TOLERANCE || this == NOISE;
    }
  }

  /**
   * Whether the result is as near the optimum as this level can bring it, or as the job wants it.
   */
  public boolean converged() {
    return end.reached() || end == End.SCHEDULE || end == End.PATIENCE;
  }
}
