package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.espalier.he.HeContext;
import org.espalier.he.LaneLayout;
import org.espalier.he.Parameters;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.SharedSeries;

/** What the parties of {@link SealedTraining} hold at the same time. Label party first. */
final class SealedMemory {
  /** Ciphertexts that are made or used at once. */
  private static final int BATCH = 16;

  /** Vectors of residues of a pass beside the prepared ones: shares, masked ones, what came. */
  private static final int PASS_VECTORS = 8;

  /** Matrices of columns² while a slice is whitened. */
  private static final int SQUARES = 6;

  private final TrainingJob job;
  private final TrainingCost.Size size;
  private final SealedPlan plan;
  private final HeContext matrix;
  private final HeContext slots;
  private final Map<Part, Long> supply = new HashMap<>();
  private long mostSupply;
  private int mostVectors;

  SealedMemory(
      TrainingJob job, TrainingCost.Size size, SealedPlan plan, HeContext matrix, HeContext slots) {
    this.job = job;
    this.size = size;
    this.plan = plan;
    this.matrix = matrix;
    this.slots = slots;
  }

  /** Halves of so many products are made; those of before are there until then. */
  void prepares(Part part, int vectors) {
    long now = (long) vectors * part.rows() * Long.BYTES;
    long before = supply.values().stream().mapToLong(Long::longValue).sum();
    mostSupply = Math.max(mostSupply, before + now);
    mostVectors = Math.max(mostVectors, vectors);
    supply.put(part, now);
  }

  /**
   * Of each party.
   *
   * @param script of the part
   */
  List<Footprint> of(TrainingCost.Part part, Script script) {
    List<Footprint> all = new ArrayList<>();
    for (int p = 0; p < size.parties(); p++) {
      Footprint held =
          switch (part) {
            case PREPARE -> prepare(p);
            case TRAIN -> train(p);
            case EVALUATE -> evaluate(p);
          };
      all.add(held.plus(Footprint.passing(script, p)));
    }
    return all;
  }

  private int columns(int party) {
    return plan.shapes.get(party).columns();
  }

  /**
   * Prepared columns; and at the label party outcomes, what they are compared with, factors, of a
   * log link offsets.
   */
  private long data(int party) {
    int outcomes = party > 0 ? 0 : job.spec().family().logLink() ? 4 : 3;
    return (long) job.rows() * Double.BYTES * (size.columns()[party] + outcomes);
  }

  /** Orders of the rows, whitening, and the slice unless it lies in a file. */
  private Footprint slice(int party) {
    long features = size.columns()[party];
    long heap =
        data(party)
            + (long) job.rows() * Integer.BYTES * (party == 0 ? 2 : 1)
            + features * features * Double.BYTES;
    long bytes = IntegerMatrix.bytes(job.rows() + plan.penaltyRows, columns(party));
    return Footprint.ofHeap(heap)
        .plus(Footprint.ofNative(contexts()))
        .plus(
            bytes <= job.workspace().memory() ? Footprint.ofHeap(bytes) : Footprint.ofFile(bytes));
  }

  /** Roots of unity and their quotients, for each prime. */
  private long contexts() {
    return 16 * (polynomial(matrix) + polynomial(slots));
  }

  /** Residues modulo all primes. */
  private static long polynomial(HeContext context) {
    Parameters p = context.parameters();
    return (long) p.limbs() * p.degree() * Long.BYTES;
  }

  private Footprint prepare(int party) {
    long features = size.columns()[party];
    long chunk = (long) IntegerMatrix.CHUNK_ROWS * columns(party);
    return slice(party)
        .plus(
            Footprint.ofHeap(
                SQUARES * features * features * Double.BYTES
                    + chunk * (Short.BYTES + 2 * Double.BYTES)));
  }

  private Footprint train(int party) {
    long rows = Math.max(plan.sample.rows(), plan.rest.rows());
    long gradients = 0;
    for (int p = 0; p < size.parties(); p++) {
      gradients += party == p || party == 0 || (party == 1 && p == 0) ? columns(p) : 0;
    }
    // Vectors of the holder's own, a half for each owner, a half of its own slice's product.
    int halves = party == 0 ? size.parties() + 1 : party == 1 ? 3 : 1;
    return slice(party)
        .plus(Footprint.ofNative(Math.max(products(party), series(party))))
        .plus(
            Footprint.ofHeap(
                mostSupply * halves
                    + gradients * plan.totalPasses() * Long.BYTES
                    + PASS_VECTORS * rows * Long.BYTES
                    + seriesHeap(party)));
  }

  /** Ciphertexts of {@link Correlations}: of all groups of columns, their sums, and a batch. */
  private long products(int party) {
    LaneLayout layout = plan.heldByLabel(plan.sample, Math.max(1, mostVectors)).layout();
    long groups = layout.groups(columns(party));
    return (2 * (2 * groups) + 2 * BATCH + groups) * polynomial(matrix);
  }

  private SharedSeries.Layout widest() {
    return plan.layout(plan.rest.cohort() > 0 ? plan.rest : plan.sample, Opening.SPREAD_AND_LOSS);
  }

  /** A block's sines and cosines as the compute parties read them. */
  private long series(int party) {
    return party > 1 ? 0 : 2L * widest().ciphertexts(0) * polynomial(slots);
  }

  /** The same as they come, those that are sent, and the factors that they are multiplied by. */
  private long seriesHeap(int party) {
    if (party > 1) {
      return 0;
    }
    SharedSeries.Layout layout = widest();
    return layout.ciphertexts(0)
        * (2L * slots.ciphertextBytes() + (long) layout.slots() * Integer.BYTES);
  }

  private Footprint evaluate(int party) {
    long heap = data(party) + (long) size.holdout() * Double.BYTES * (size.columns()[party] + 2);
    return Footprint.ofHeap(heap)
        .plus(Footprint.ofNative(job.spec().sharedWeights() ? contexts() : 0));
  }
}
