package org.espalier.protocols.neural;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.HeContext;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.SharesCost;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * The steps of level {@code activations} with all epochs of a job, and the way to those of level
 * {@code split}. Label party first.
 */
public final class SourceCost {
  /** Dense products in units of whitening, which makes one and a half of them. */
  static final double DENSE = 1 / 1.5;

  /** Of the top of a network, for each of the first layer's outputs. */
  static final double TOP_PRODUCTS = 8;

  private final SourcePlan plan;
  private final int[] columns;
  private final Script script;
  private final Lane label;
  private final SharesCost shares;

  private SourceCost(SourcePlan plan, int[] columns) {
    this.plan = plan;
    this.columns = columns;
    this.script = new Script(columns.length);
    this.label = script.party(0);
    this.shares = new SharesCost(script, plan.context, plan.context, plan.field);
  }

  /**
   * Of preparation and training; what scores of held-out people cost is up to the network.
   *
   * @throws IllegalArgumentException if the job cannot be run at this size
   */
  public static TrainingCost of(SourceSpec spec, TrainingCost.Size size) {
    int[] columns = size.columns();
    List<Party> features = new ArrayList<>();
    for (int p = 1; p < columns.length; p++) {
      features.add(new Party("feature-" + p));
    }
    SourceJob job =
        new SourceJob(
            new Session("J-cost", new byte[32], 1),
            new Party("label"),
            features,
            size.rows(),
            spec,
            0,
            size.workspace());
    if (spec.split() != null) {
      return SplitCost.of(job, columns);
    }
    int all = Arrays.stream(columns).sum() - columns[0];
    int epochs = ActivationsTraining.allowedEpochs(job, all);
    if (epochs < 1) {
      throw new IllegalArgumentException(
          "%d units need at least %d columns of the feature parties, or accept: [span]"
              .formatted(spec.hidden(), 4 * spec.hidden()));
    }
    try (SourcePlan plan = new SourcePlan(job, new Batches(job), size(job, columns))) {
      SourceCost prepare = new SourceCost(plan, columns);
      prepare.begin();
      SourceCost train = new SourceCost(plan, columns);
      train.train(epochs);
      return new TrainingCost(
          List.of(
              new TrainingCost.Phase(
                  TrainingCost.Part.PREPARE, prepare.script, prepare.footprints(0)),
              new TrainingCost.Phase(
                  TrainingCost.Part.TRAIN, train.script, train.footprints(epochs))),
          epochs * spec.hidden());
    }
  }

  /** Of whitened columns: second moment 1, the absolute value 0.8 on average. */
  private static SourcePlan.Size size(SourceJob job, int[] columns) {
    int total = Arrays.stream(columns).sum();
    int batches = Batches.count(job.rows(), job.spec());
    double rows = Batches.mostRows(job.rows(), batches);
    double one = Math.scalb(1.0, SourceScale.FEATURE_BITS);
    double far = Math.sqrt(2 * Math.log(job.rows()));
    int most = 1;
    double rowL1 = 1;
    double reach = 0;
    double norms = 0;
    for (int p = 1; p < columns.length; p++) {
      double d = columns[p];
      double rowNorm = Math.sqrt(d) + far;
      most = Math.max(most, columns[p]);
      rowL1 = Math.max(rowL1, 0.8 * d + 0.6 * far * Math.sqrt(d));
      reach += rowNorm * 1.15 * (Math.sqrt(rows) + Math.sqrt(d));
      norms += rowNorm * SourcePlan.initialLength(columns[p], total);
    }
    return new SourcePlan.Size(
        columns[0],
        total - columns[0],
        most,
        Math.round(rowL1 * one),
        Math.round(0.8 * rows * one),
        reach,
        norms);
  }

  private void begin() {
    double rows = plan.job.rows();
    double batchRows = plan.batches.mostRows();
    for (int p = 0; p < columns.length; p++) {
      double d = columns[p];
      Lane lane = script.party(p);
      lane.compute(Work.SET_UP, 1)
          .compute(Work.WHITENING, rows * d * d)
          .compute(Work.WHITENING_ENTRY, rows * d)
          .compute(Work.ROTATION, d * d * d)
          .compute(Work.UNIFORM, rows);
      if (p > 0) {
        // Gram matrices of all batches, and their squares.
        lane.compute(Work.ROUNDING, rows * d)
            .compute(Work.WHITENING, DENSE * d * d * (rows / 2 + d * rows / batchRows));
        for (int q = 1; q < columns.length; q++) {
          if (q != p) {
            script.message(lane, script.party(q), Integer.BYTES);
          }
        }
      }
    }
    for (int p = 1; p < columns.length; p++) {
      for (int q = p + 1; q < columns.length; q++) {
        script.message(script.party(p), script.party(q), 32);
      }
      script.message(script.party(p), label, 2 * Integer.BYTES + 4 * Long.BYTES);
    }
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), 3 * Integer.BYTES + 4 * Long.BYTES);
      script.message(script.party(p), label, Integer.BYTES);
    }
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), Integer.BYTES);
    }
  }

  private void train(int epochs) {
    int left = 0;
    for (int epoch = 1; epoch <= epochs; epoch++, left--) {
      boolean supplied = left > 0;
      if (!supplied) {
        left = plan.epochsAtOnce(epochs - epoch + 1);
      }
      for (int batch = 0; batch < plan.batches.count(); batch++) {
        int rows = plan.batches.rows(batch);
        if (!supplied) {
          List<SharesCost.Owner> owners = new ArrayList<>();
          for (int p = 1; p < columns.length; p++) {
            owners.add(new SharesCost.Owner(script.party(p), columns[p], true));
          }
          shares.correlations(label, plan.shape(rows, left), owners);
        }
        step(rows);
      }
      for (int p = 1; p < columns.length; p++) {
        script.message(label, script.party(p), Integer.BYTES);
      }
    }
    for (int p = 1; p < columns.length; p++) {
      shares.residues(label, script.party(p), (long) columns[p] * plan.hidden());
    }
  }

  private void step(int rows) {
    int hidden = plan.hidden();
    long values = (long) rows * hidden;
    double moves = (double) plan.recency.length() * hidden;
    for (int p = 1; p < columns.length; p++) {
      label.compute(Work.ADDITION, (double) columns[p] * hidden);
      shares.residues(label, script.party(p), (long) columns[p] * hidden);
    }
    label.compute(Work.WHITENING, 2 * DENSE * values * (columns[0] + 1));
    for (int p = 1; p < columns.length; p++) {
      Lane lane = script.party(p);
      lane.compute(Work.WHITENING, 2 * DENSE * values * columns[p])
          .compute(Work.ADDITION, (double) values)
          .compute(Work.UNIFORM, (double) values * Math.max(1, columns.length - 1));
      for (long from = 0; from < values; from += SourceMessages.Activations.CHUNK) {
        long count = Math.min(SourceMessages.Activations.CHUNK, values - from);
        lane.compute(Work.PACKED, (double) count);
        script.message(
            lane, label, 2 * Integer.BYTES + (count * SourceMessages.Activations.BITS + 7) / 8);
        label.compute(Work.PACKED, (double) count);
      }
    }
    label
        .compute(Work.REAL_PRODUCT, TOP_PRODUCTS * values)
        .compute(Work.ROUNDING, (double) values)
        .compute(Work.ADDITION, (double) values);
    for (int p = 1; p < columns.length; p++) {
      shares.residues(label, script.party(p), values);
    }
    for (int p = 1; p < columns.length; p++) {
      label.compute(Work.ADDITION, columns[p] * moves);
      script
          .party(p)
          .compute(Work.WHITENING, 2 * DENSE * values * columns[p])
          .compute(Work.ADDITION, columns[p] * (hidden + moves));
    }
  }

  private List<Footprint> footprints(int epochs) {
    List<Footprint> all = new ArrayList<>();
    for (int p = 0; p < columns.length; p++) {
      all.add(footprint(p, epochs).plus(Footprint.passing(script, p)));
    }
    return all;
  }

  private Footprint footprint(int p, int epochs) {
    long rows = plan.job.rows();
    long batchRows = plan.batches.mostRows();
    int hidden = plan.hidden();
    long prepared = rows * columns[p] * Double.BYTES;
    HeContext context = plan.context;
    long polynomial =
        (long) context.parameters().limbs() * context.parameters().degree() * Long.BYTES;
    long native_ = 32 * polynomial;
    int ahead = epochs == 0 ? 0 : plan.epochsAtOnce(epochs);
    long vector = (long) ahead * hidden * Long.BYTES;
    if (p == 0) {
      long heap = prepared + 2 * rows * (columns[0] + 1) * Double.BYTES;
      long weights = 0;
      for (int q = 1; q < columns.length; q++) {
        weights +=
            2 * vector * columns[q] * plan.batches.count()
                + (long) plan.recency.length() * columns[q] * hidden * Long.BYTES;
      }
      return Footprint.ofHeap(heap + 2 * vector * rows + weights).plus(Footprint.ofNative(native_));
    }
    long matrix = IntegerMatrix.bytes(plan.job.rows(), columns[p]);
    boolean inFile = matrix > plan.job.workspace().memory();
    long buffers = batchRows * (2L * columns[p] + 4L * hidden) * Double.BYTES;
    long heap = prepared + buffers + vector * (rows + (long) columns[p] * plan.batches.count());
    long groups =
        ahead == 0 ? 0 : plan.shape(plan.batches.mostRows(), ahead).layout().groups(columns[p]);
    return Footprint.ofHeap(heap + (inFile ? 0 : matrix))
        .plus(inFile ? Footprint.ofFile(matrix) : Footprint.ofHeap(0))
        .plus(Footprint.ofNative(native_ + 4 * groups * polynomial));
  }
}
