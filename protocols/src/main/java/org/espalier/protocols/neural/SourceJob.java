package org.espalier.protocols.neural;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * One training run as every party sees it.
 *
 * @param session binds all randomness to the agreed job and attempt
 * @param label the party that holds the outcome
 * @param featureParties the others, at least one, each with at least one column
 * @param rows n, training rows in the common order of the cohort
 * @param earlierPasses numbers of each person opened in earlier attempts and jobs on these people
 *     by this party's own count, 0 or more; the strictest count holds
 * @param workspace this party's own
 */
public record SourceJob(
    Session session,
    Party label,
    List<Party> featureParties,
    int rows,
    SourceSpec spec,
    int earlierPasses,
    Workspace workspace) {
  /** Fewer steps leave final weights that are nearly a single gradient. */
  static final int FEWEST_STEPS = 10;

  public SourceJob {
    Objects.requireNonNull(session);
    Objects.requireNonNull(workspace);
    featureParties = featureParties.stream().sorted().toList();
    if (featureParties.isEmpty() || featureParties.contains(label)) {
      throw new IllegalArgumentException(
          "a job needs a label party and at least one other party with features");
    }
    if (rows < 32) {
      throw new IllegalArgumentException("a cohort of " + rows + " rows cannot be trained on");
    }
    if (earlierPasses < 0) {
      throw new IllegalArgumentException("a count of " + earlierPasses + " earlier passes");
    }
    if ((long) Batches.count(rows, spec) * spec.epochs() < FEWEST_STEPS) {
      throw new IllegalArgumentException(
          "%d epochs of %d batches are fewer than %d steps: their weights would tell too much of single outcomes"
              .formatted(spec.epochs(), Batches.count(rows, spec), FEWEST_STEPS));
    }
  }

  /** With everything in memory. */
  public SourceJob(
      Session session,
      Party label,
      List<Party> featureParties,
      int rows,
      SourceSpec spec,
      int earlierPasses) {
    this(session, label, featureParties, rows, spec, earlierPasses, Workspace.inMemory());
  }

  /**
   * @throws IllegalArgumentException if what the label party brings does not fit
   */
  void requireLabel(Map<Party, Channel> channels, Matrix own) {
    requireRows(own);
    if (!channels.keySet().equals(Set.copyOf(featureParties))) {
      throw new IllegalArgumentException("the channels do not fit the job");
    }
  }

  /**
   * @throws IllegalArgumentException if what a feature party brings does not fit
   */
  void requireFeature(Matrix own) {
    requireRows(own);
    if (own.columns() < 1) {
      throw new IllegalArgumentException("a feature party needs at least one column");
    }
  }

  private void requireRows(Matrix own) {
    if (own.rows() != rows) {
      throw new IllegalArgumentException("the matrix has " + own.rows() + " rows, the job " + rows);
    }
  }
}
