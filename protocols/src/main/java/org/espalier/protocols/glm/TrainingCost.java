package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.disclosure.Level;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * What a training costs, from its settings and its size alone.
 *
 * @param script every party's steps, label party first, then the feature parties by name
 * @param passes how many it has
 */
public record TrainingCost(Script script, int passes) {
  /**
   * The steps of a training that goes to the end of its schedule; at level {@code gradients}, where
   * the data decide when it ends, of one with {@link GradientsCost#expectedPasses}.
   *
   * @param rows of the cohort to train on
   * @param columns prepared columns of each party, label party first; at least one of each other
   * @throws IllegalArgumentException if the level cannot be run at this size
   */
  public static TrainingCost of(TrainingSpec spec, int rows, int[] columns) {
    return of(spec, rows, columns, GradientsCost.expectedPasses(spec, columns));
  }

  /**
   * @param passes of a training at level {@code gradients}
   */
  static TrainingCost of(TrainingSpec spec, int rows, int[] columns, int passes) {
    if (columns.length < 2 || Arrays.stream(columns).skip(1).anyMatch(c -> c < 1)) {
      throw new IllegalArgumentException(
          "columns of " + Arrays.toString(columns) + " are not those of a training");
    }
    TrainingJob job = job(spec, rows, columns.length);
    return spec.level() == Level.SEALED
        ? SealedCost.of(job, columns)
        : new TrainingCost(GradientsCost.of(job, columns, passes), passes);
  }

  /** No step depends on the names or on the session. */
  private static TrainingJob job(TrainingSpec spec, int rows, int parties) {
    List<Party> features = new ArrayList<>();
    for (int p = 1; p < parties; p++) {
      features.add(new Party("feature-" + p));
    }
    return new TrainingJob(
        new Session("J-cost", new byte[32], 1), new Party("label"), features, rows, spec, 0);
  }
}
