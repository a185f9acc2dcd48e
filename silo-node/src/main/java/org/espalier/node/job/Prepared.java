package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.Split;

/**
 * What this party brings to training, and to evaluation.
 *
 * @param split of people
 * @param training own rows of those who are trained on
 * @param holdout own rows of the others
 * @param matrix of the training rows
 * @param folds of the people trained on; null without cross-validation
 */
record Prepared(
    CohortData data,
    Split split,
    OwnRows.Part training,
    OwnRows.Part holdout,
    Preparation preparation,
    Matrix matrix,
    Folds folds,
    Prepared.Earlier earlier) {
  double[] labels(OwnRows.Part part) {
    return part.of(data.labels());
  }

  /** What training is to know of rows beside features. */
  Outcomes outcomes(ClassWeights classWeights) {
    return outcomes(classWeights, List.of());
  }

  /**
   * The same.
   *
   * @param classes that outcomes are, which then are numbered from 0; empty where they are not
   */
  Outcomes outcomes(ClassWeights classWeights, List<Double> classes) {
    double[] exposures = training.of(data.exposures());
    Outcomes outcomes =
        new Outcomes(
            classes.isEmpty()
                ? labels(training)
                : Arrays.stream(labels(training)).map(classes::indexOf).toArray(),
            training.of(data.weights()),
            exposures == null ? null : Arrays.stream(exposures).map(Math::log).toArray(),
            training.people());
    return classWeights == null ? outcomes : classWeights.apply(outcomes, classes);
  }

  static double[] of(int[] rows, double[] values) {
    return values == null ? null : Arrays.stream(rows).mapToDouble(row -> values[row]).toArray();
  }

  /**
   * Passes on the same people in earlier attempts and jobs.
   *
   * @param people null at levels where passes do not count
   * @param limit they count against the limit of this attempt
   * @param passes their number when this attempt began
   * @param epochs these are what the policy limits, and not passes on the same people
   * @param facts what the log is to hold of each further one
   */
  record Earlier(
      Openings.People people, boolean limit, int passes, boolean epochs, ObjectNode facts) {
    static Earlier of(JobRun run, Dataset dataset, TrainSpec spec) {
      if (!spec.training().countsPasses()) {
        return new Earlier(null, false, 0, false, Json.object());
      }
      Openings openings = run.context().openings();
      Openings.People people = openings.people(dataset, spec.parties().keySet());
      ObjectNode facts =
          run.jobFacts()
              .put("phase_name", TrainFlow.TRAIN)
              .setAll(PhaseFacts.of(Training.of(spec).protocol(), "1", Json.object()));
      PhaseFacts.input(facts, run, dataset, List.of());
      // The label party opens gradients to their owners, these their joint logits to it.
      ArrayNode recipients = facts.putArray("recipients");
      if (run.self().equals(spec.labelParty())) {
        run.job().others(run.self()).forEach(party -> recipients.add(party.name()));
      } else {
        recipients.add(spec.labelParty().name());
      }
      return new Earlier(
          people,
          !spec.training().acceptsSpan(),
          openings.passesBefore(people, run.session()),
          spec.neural(),
          facts);
    }

    /**
     * Counts a pass of this attempt, before anything of it leaves the node.
     *
     * @param numbers that it opens of each person
     */
    void count(JobRun run, int pass, int numbers) {
      if (people != null) {
        Integer most = epochs ? null : run.context().policy().training().maxPasses();
        run.context()
            .openings()
            .count(people, run.session(), facts, pass, numbers, limit, passes, most);
      }
    }
  }
}
