package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** How one kind of model is trained jointly. */
interface Training {
  /** That of a job's model. */
  static Training of(TrainSpec spec) {
    return spec.neural() ? new NetworkTraining(spec) : new RegressionTraining(spec);
  }

  /**
   * What a party has in the end.
   *
   * @param logits of the training people, where training opened them to this party; or null
   */
  record Trained(ModelSlice slice, double[] logits) {}

  /** The name in the log. */
  String protocol();

  /** Numbers of each person that a pass opens, as many as it counts. */
  int numbers();

  /** What the log says before it begins. */
  ObjectNode parameters();

  /**
   * What the statements of who learns what depend on.
   *
   * @param columns prepared ones of each feature party, -1 where not known
   * @param rows of the training; -1 where not known
   * @param earlier passes on the same people; -1 where not known
   */
  Disclosure.Facts facts(Map<Party, Integer> columns, int rows, int earlier);

  /**
   * @throws IllegalArgumentException if no training is possible at this size
   */
  TrainingCost cost(TrainingCost.Size size);

  /**
   * What is wrong with the label party's outcomes, if something is.
   *
   * @throws Problem naming it
   */
  void requireOutcomes(JobRun run, Prepared prepared);

  /**
   * What is wrong with a feature party's prepared columns beyond their number, if something is.
   *
   * @throws Problem naming it
   */
  default void requireColumns(JobRun run, Prepared prepared) {}

  /** This party's role, to its slice; fills the report's {@code training}. */
  Trained train(JobRun run, Prepared prepared, Map<Party, Channel> channels);

  /** What every party's report says of a training. */
  static ObjectNode report(
      JobRun run, Prepared prepared, int passes, int weights, Map<String, Object> ran) {
    ObjectNode report = run.report().putObject("training");
    report.put("passes", passes).put("weights", weights);
    report.put("training_rows", prepared.split().training().length);
    report.put("holdout_rows", prepared.split().holdout().length);
    if (prepared.training().people() != null) {
      report.put("own_training_rows", prepared.training().rows().length);
      report.put("own_holdout_rows", prepared.holdout().rows().length);
    }
    report.set("parameters", Json.tree(ran));
    return report;
  }

  /** What makes a cohort useless. */
  static Problem untrainable(JobRun run, String why) {
    return Problem.of(Problem.Kind.JOB_FAILED, "the cohort cannot be trained on")
        .at(run.self())
        .detail(why);
  }
}
