package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * What a training costs, from its settings and its size alone.
 *
 * @param phases one after the other
 * @param passes how many it has
 */
public record TrainingCost(List<Phase> phases, int passes) {
  public TrainingCost {
    phases = List.copyOf(phases);
  }

  /**
   * Of a job.
   *
   * @param rows of the cohort to train on
   * @param holdout people to evaluate the model on, 0 or more
   * @param columns prepared columns of each party, label party first; at least one of each other
   * @param workspace where a party keeps its slice
   */
  public record Size(int rows, int holdout, int[] columns, Workspace workspace) {
    public Size {
      columns = columns.clone();
      if (holdout < 0) {
        throw new IllegalArgumentException("fewer than no rows to evaluate on");
      }
      if (columns.length < 2
          || columns[0] < 0
          || Arrays.stream(columns).skip(1).anyMatch(c -> c < 1)) {
        throw new IllegalArgumentException(
            "columns of " + Arrays.toString(columns) + " are not those of a training");
      }
    }

    int parties() {
      return columns.length;
    }
  }

  /** What follows each other, and does not overlap. */
  public enum Part {
    /** Whitening, quantising, agreement on what is trained. */
    PREPARE,
    /** The passes, to the weights or the shares of them. */
    TRAIN,
    /** Joint scores of the people that were held out. */
    EVALUATE
  }

  /**
   * One of them.
   *
   * @param script every party's steps, label party first, then the feature parties by name
   * @param footprints what each party holds, with its prepared columns, but not what they were
   *     prepared from
   */
  public record Phase(Part part, Script script, List<Footprint> footprints) {
    public Phase {
      footprints = List.copyOf(footprints);
    }
  }

  /** Everything after each other. */
  public Script script() {
    return Script.inTurn(phases.stream().map(Phase::script).toList());
  }

  /** What a party holds at the fullest moment of all phases. */
  public Footprint footprint(int party) {
    return phases.stream()
        .map(phase -> phase.footprints().get(party))
        .reduce(Footprint::max)
        .orElseThrow();
  }

  /**
   * What the data decide between.
   *
   * @param least at level {@code gradients} with the fewest passes that trainings have needed;
   *     otherwise as expected
   * @param expected see {@link TrainingCost#of(TrainingSpec, Size)}
   * @param most at level {@code gradients} with the most passes that trainings have needed;
   *     otherwise with the first stage run once more, as it is where columns of different parties
   *     are much correlated and the outcome is weak, or few people lie far from the others
   */
  public record Range(TrainingCost least, TrainingCost expected, TrainingCost most) {}

  /**
   * The steps of a training that goes to the end of its schedule, no stage run again; at level
   * {@code gradients}, where the data decide when it ends, of one with a usual number of passes.
   *
   * @throws IllegalArgumentException if the level cannot be run at this size
   */
  public static TrainingCost of(TrainingSpec spec, Size size) {
    return spec.level() == Level.SEALED
        ? SealedCost.of(job(spec, size), size, false)
        : of(spec, size, GradientsCost.expectedPasses(spec, size.columns()));
  }

  /** The same with everything in memory and nobody held out. */
  public static TrainingCost of(TrainingSpec spec, int rows, int[] columns) {
    return of(spec, new Size(rows, 0, columns, Workspace.inMemory()));
  }

  /**
   * From the least to the most.
   *
   * @throws IllegalArgumentException if the level cannot be run at this size
   */
  public static Range range(TrainingSpec spec, Size size) {
    TrainingCost expected = of(spec, size);
    return spec.level() == Level.SEALED
        ? new Range(expected, expected, SealedCost.of(job(spec, size), size, true))
        : new Range(
            of(spec, size, GradientsCost.fewestPasses(spec, size.columns())),
            expected,
            of(spec, size, GradientsCost.mostPasses(spec, size.columns())));
  }

  /** Of a training at level {@code gradients} with so many passes. */
  public static TrainingCost of(TrainingSpec spec, Size size, int passes) {
    return GradientsCost.of(job(spec, size), size, passes);
  }

  /** No step depends on the names or on the session. */
  private static TrainingJob job(TrainingSpec spec, Size size) {
    List<Party> features = new ArrayList<>();
    for (int p = 1; p < size.parties(); p++) {
      features.add(new Party("feature-" + p));
    }
    return new TrainingJob(
        new Session("J-cost", new byte[32], 1),
        new Party("label"),
        features,
        size.rows(),
        spec,
        0,
        size.workspace(),
        PassStore.NONE,
        spec.path() == null
            ? null
            : Folds.of(size.rows(), spec.path().folds(), new byte[Long.BYTES]),
        null);
  }
}
