package org.espalier.protocols.glm;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * One training run as every party sees it.
 *
 * @param session binds all randomness to the agreed job and attempt
 * @param label the party that holds the outcome
 * @param featureParties the others, at least one, each with at least one column
 * @param rows n, training rows in the common order of the cohort
 * @param earlierPasses passes on these people in earlier attempts and jobs by this party's own
 *     count, 0 or more; parties may count differently, and the strictest count holds
 * @param workspace this party's own
 * @param passes where this party keeps what passes left it, at levels that can go on from there
 * @param folds of the people, where the job has a path of penalties; else null
 * @param start with a warm start, at a feature party its weights to begin with, one per own
 *     prepared column; else null
 */
public record TrainingJob(
    Session session,
    Party label,
    List<Party> featureParties,
    int rows,
    TrainingSpec spec,
    int earlierPasses,
    Workspace workspace,
    PassStore passes,
    Folds folds,
    double[] start) {
  /** A first attempt, with everything in memory and nothing kept. */
  public TrainingJob(
      Session session,
      Party label,
      List<Party> featureParties,
      int rows,
      TrainingSpec spec,
      int earlierPasses) {
    this(
        session,
        label,
        featureParties,
        rows,
        spec,
        earlierPasses,
        Workspace.inMemory(),
        PassStore.NONE,
        null,
        null);
  }

  public TrainingJob {
    Objects.requireNonNull(workspace);
    Objects.requireNonNull(passes);
    featureParties = featureParties.stream().sorted().toList();
    if (featureParties.isEmpty() || featureParties.contains(label)) {
      throw new IllegalArgumentException(
          "a job needs a label party and at least one other party with features");
    }
    if (rows < 2) {
      throw new IllegalArgumentException("a cohort of " + rows + " rows cannot be trained on");
    }
    int due = spec.path() == null ? 0 : spec.path().folds();
    if (due != (folds == null ? 0 : folds.count()) || (due > 0 && folds.people() != rows)) {
      throw new IllegalArgumentException("the folds are not those of the job");
    }
    spec.setAside(rows);
    if (start != null && !(spec.warmStart() && Arrays.stream(start).allMatch(Double::isFinite))) {
      throw new IllegalArgumentException("the job does not begin at such weights");
    }
    if (earlierPasses < 0) {
      throw new IllegalArgumentException("a count of " + earlierPasses + " earlier passes");
    }
  }

  /** The same job in another attempt. */
  TrainingJob with(Session other) {
    return with(other, spec);
  }

  /** The same with another specification. */
  TrainingJob with(TrainingSpec other) {
    return with(session, other);
  }

  private TrainingJob with(Session attempt, TrainingSpec asked) {
    return new TrainingJob(
        attempt,
        label,
        featureParties,
        rows,
        asked,
        earlierPasses,
        workspace,
        passes,
        folds,
        start);
  }

  /**
   * Of the smallest group of people by which two gradients differ: all, or a fold, whose people are
   * in one fit and not in another.
   */
  int fewestRows() {
    return folds == null ? fitted() : folds.size(folds.count() - 1);
  }

  /** People in the fit, where nobody is left out as a fold. */
  int fitted() {
    return rows - spec.setAside(rows);
  }
}
