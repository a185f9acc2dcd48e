package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * How many passes a {@code sealed} training has, and for how small a curvature its steps are made;
 * from public sizes alone.
 *
 * <p>What takes long are directions in which columns of two parties say nearly the same: each
 * party's columns are whitened, those of all together are not. Where both measure the same things,
 * each column with an error of its own, the curvature of the difference is smaller the more columns
 * there are: by 1/(1 + d/4) if a thing adds a quarter of the error's variance to each column. In a
 * first stage, whose logits grow most, Nesterov's method takes what the loss mainly depends on.
 * What then remains lies in those directions, and Chebyshev's iteration brings it down evenly from
 * the largest to the least of the curvatures that it is made for: after K passes by 1/cosh θ, where
 * least/largest = (θ/2K)² ({@link Momentum}).
 *
 * @param stages first to last
 * @param leastCurvature of the iteration after the first stage, divided by the largest
 * @param wanted passes over the sample which the tolerance asks for at these sizes, of which a
 *     job's maximum may leave fewer
 */
record SealedSchedule(List<Stage> stages, double leastCurvature, int wanted) {
  /**
   * A run of passes with the same keys.
   *
   * @param passes over the sample
   * @param corrected whether there is a pass over the rest after the first of them
   */
  record Stage(int passes, boolean corrected) {
    int allPasses() {
      return passes + (corrected ? 1 : 0);
    }
  }

  private static final int STAGE = 15;
  private static final int SAMPLED_STAGE = 8;

  /** Passes after the first stage, at most. */
  private static final int MOST = 135;

  /** What a thing that parties have in common adds to a column, by the variance of its own part. */
  private static final double COMMON = 0.25;

  /** Largest curvature for each party by that of one whitened column alone. */
  private static final double LOGISTIC_RATIO = 4;

  private static final double LINEAR_RATIO = 0.75;
  private static final double LOG_LINK_RATIO = 2;

  /** Up to this ratio of curvatures the first stage suffices. */
  private static final double NARROW = 32;

  /** What the first stage leaves: four times of it in the objective; in simulation 2e-3. */
  private static final double LEFT = 8e-3;

  private static final double LEAST_DAMPING = 1;

  /** No tolerance asks for more: 1e-6. */
  private static final double ASKED_DAMPING = 4.5;

  private static final double MOST_DAMPING = 6;

  /** Each correction of a sample shifts what the iteration tends to: it has to forget. */
  private static final double LEAST_SAMPLED_DAMPING = 3.5;

  private static final double MOST_SAMPLED_DAMPING = 4.5;

  SealedSchedule {
    stages = List.copyOf(stages);
  }

  /**
   * A schedule.
   *
   * @param columns with a penalty, of each party
   * @param sampled whether most passes see a sample
   */
  static SealedSchedule of(TrainingJob job, List<Integer> columns, boolean sampled) {
    double ratio = ratio(job.spec().family(), columns);
    double tolerance = job.spec().tolerance();
    int stages;
    int passes;
    double damping;
    if (sampled) {
      double asked = 1.5 * Math.sqrt(0.75 * ratio) / SAMPLED_STAGE;
      stages =
          tolerance >= 1e-3
              ? (int) Math.max(2, Math.ceil(asked * 2 / 3))
              : (int) Math.max(3, Math.ceil(asked));
      passes = SAMPLED_STAGE;
      damping =
          within(
              2 * stages * passes / Math.sqrt(ratio / 2),
              LEAST_SAMPLED_DAMPING,
              MOST_SAMPLED_DAMPING);
    } else {
      double least = within(0.5 * Math.log(LEFT / tolerance), LEAST_DAMPING, ASKED_DAMPING);
      int asked = ratio <= NARROW ? 0 : (int) Math.ceil(least / 2 * Math.sqrt(ratio));
      int all = Math.min(MOST, Math.max(asked, fewest(job, tolerance)));
      stages = (all + STAGE - 1) / STAGE;
      passes = stages == 0 ? 0 : (all + stages - 1) / stages;
      damping = within(2 * stages * passes / Math.sqrt(ratio), LEAST_DAMPING, MOST_DAMPING);
    }
    List<Stage> all = new ArrayList<>();
    all.add(new Stage(sampled ? SAMPLED_STAGE : STAGE, false));
    for (int i = 0; i < stages; i++) {
      all.add(new Stage(passes, sampled));
    }
    double root = damping / (2 * Math.max(1, stages * passes));
    return new SealedSchedule(
        first(all, job.spec().maxPasses()),
        root * root,
        all.stream().mapToInt(Stage::allPasses).sum());
  }

  /** As many as a maximum of passes allows. */
  private static List<Stage> first(List<Stage> all, int maxPasses) {
    List<Stage> stages = new ArrayList<>();
    int left = maxPasses;
    for (Stage stage : all) {
      int passes = Math.min(stage.passes(), left - (stage.corrected() ? 1 : 0));
      if (passes > 0) {
        Stage some = new Stage(passes, stage.corrected());
        stages.add(some);
        left -= some.allPasses();
      }
    }
    return stages;
  }

  /** After the first stage, however narrow the slices are. */
  private static int fewest(TrainingJob job, double tolerance) {
    if (SealedScale.many(job.rows())) {
      return STAGE;
    }
    int most = job.rows() > SealedScale.SMALL_ROWS ? 4 : 9;
    // Steps of a log link are short: scores that spread little need more of them.
    int least = job.spec().family().logLink() && tolerance < 1e-3 ? 1 : 0;
    return STAGE
        * (tolerance >= 1e-4 ? least : tolerance >= 1e-5 ? 1 : tolerance >= 1e-6 ? 3 : most);
  }

  /** The largest curvature by the least that is foreseen. */
  private static double ratio(Family family, List<Integer> columns) {
    double ratio =
        switch (family) {
          case LOGISTIC -> LOGISTIC_RATIO;
          case LINEAR -> LINEAR_RATIO;
          case POISSON, GAMMA -> LOG_LINK_RATIO;
        };
    return ratio * columns.size() * likeness(columns);
  }

  /**
   * By what the curvature of a difference between what two parties' columns say may well be smaller
   * than that of one column.
   *
   * @param columns of each party, two or more
   */
  static double likeness(List<Integer> columns) {
    List<Integer> widest = columns.stream().sorted(Comparator.reverseOrder()).toList();
    double harmonic = 2.0 / (1.0 / widest.get(0) + 1.0 / widest.get(1));
    return 1 + COMMON * harmonic;
  }

  /**
   * Where steps have to be half as long: more passes for the same range of curvatures, unless they
   * are more than allowed.
   */
  SealedSchedule slower(int maxPasses) {
    int later = stages.stream().skip(1).mapToInt(Stage::passes).sum();
    double factor = Math.max(1, Math.min(Math.sqrt(2), (double) MOST / Math.max(1, later)));
    List<Stage> longer = new ArrayList<>();
    for (Stage stage : stages) {
      int passes = (int) Math.ceil(stage.passes() * factor);
      longer.add(longer.isEmpty() ? stage : new Stage(passes, stage.corrected()));
    }
    int total = longer.stream().mapToInt(Stage::allPasses).sum();
    return new SealedSchedule(
        total <= maxPasses ? longer : stages, leastCurvature / 2, Math.max(total, wanted));
  }

  private static double within(double value, double least, double most) {
    return Math.max(least, Math.min(most, value));
  }

  /** Of all stages, over the sample and over the rest. */
  int totalPasses() {
    return stages.stream().mapToInt(Stage::allPasses).sum();
  }

  /**
   * Over how many of the last iterates the weights are averaged: rounding noise averages out, the
   * more of it the fewer rows there are; but an average holds back what still moves.
   */
  int averaged(int rows) {
    int passes = stages.get(stages.size() - 1).passes();
    return rows <= SealedScale.SMALL_ROWS || stages.size() == 1 ? totalPasses() / 3 : passes / 2;
  }

  /** Whether all passes are there that the tolerance asks for. */
  boolean whole() {
    return totalPasses() >= wanted;
  }
}
