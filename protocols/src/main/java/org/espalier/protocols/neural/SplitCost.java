package org.espalier.protocols.neural;

import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.neural.top.Bottom;

/** The steps of level {@code split} with all epochs of a job. Label party first. */
final class SplitCost {
  private final SourceJob job;
  private final Batches batches;
  private final int[] columns;
  private final Script script;
  private final Lane label;

  private SplitCost(SourceJob job, int[] columns) {
    this.job = job;
    this.batches = new Batches(job);
    this.columns = columns;
    this.script = new Script(columns.length);
    this.label = script.party(0);
  }

  static TrainingCost of(SourceJob job, int[] columns) {
    SplitCost cost = new SplitCost(job, columns);
    cost.begin();
    for (int epoch = 1; epoch <= job.spec().epochs(); epoch++) {
      cost.epoch();
    }
    List<Footprint> all = new ArrayList<>();
    for (int p = 0; p < columns.length; p++) {
      all.add(cost.footprint(p).plus(Footprint.passing(cost.script, p)));
    }
    return new TrainingCost(
        List.of(new TrainingCost.Phase(TrainingCost.Part.TRAIN, cost.script, all)),
        job.spec().passes());
  }

  private void begin() {
    for (int p = 1; p < columns.length; p++) {
      for (int q = p + 1; q < columns.length; q++) {
        script.message(script.party(p), script.party(q), 32);
      }
      script.message(script.party(p), label, 2 * Integer.BYTES);
    }
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), 2 * Integer.BYTES);
    }
  }

  private void epoch() {
    for (int batch = 0; batch < batches.count(); batch++) {
      int rows = batches.rows(batch);
      long values = (long) rows * job.spec().hidden();
      SplitSpec split = job.spec().split();
      for (int p = 1; p < columns.length; p++) {
        Lane lane = script.party(p);
        lane.compute(Work.WHITENING, SourceCost.DENSE * rows * weights(p))
            .compute(Work.UNIFORM, noise(split.activationNoise(), values))
            .compute(Work.UNIFORM, (double) values * (columns.length - 2))
            .compute(Work.ROUNDING, (double) values);
        values(lane, label, values);
      }
      label
          .compute(Work.WHITENING, 3 * SourceCost.DENSE * rows * weights(0))
          .compute(Work.REAL_PRODUCT, SourceCost.TOP_PRODUCTS * values)
          .compute(Work.UNIFORM, noise(split.gradientNoise(), values))
          .compute(Work.ROUNDING, (double) values);
      for (int p = 1; p < columns.length; p++) {
        values(label, script.party(p), values);
      }
      for (int p = 1; p < columns.length; p++) {
        script.party(p).compute(Work.WHITENING, 2 * SourceCost.DENSE * rows * weights(p));
      }
    }
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), Integer.BYTES);
    }
  }

  /** A Gaussian number is made of two uniform ones. */
  private static double noise(double deviation, long values) {
    return deviation == 0 ? 0 : 2.0 * values;
  }

  private void values(Lane from, Lane to, long values) {
    for (long at = 0; at < values; at += SourceMessages.CutValues.CHUNK) {
      long count = Math.min(SourceMessages.CutValues.CHUNK, values - at);
      from.compute(Work.PACKED, (double) count);
      script.message(from, to, 2 * Integer.BYTES + (count * Cut.BITS + 7) / 8);
      to.compute(Work.PACKED, (double) count);
    }
  }

  /** Products of a person with a party's layers. */
  private double weights(int p) {
    double products = 0;
    int inputs = columns[p];
    for (int units : inputs == 0 ? List.<Integer>of() : job.spec().split().hidden()) {
      products += (double) inputs * units;
      inputs = units;
    }
    return products + (double) inputs * job.spec().hidden();
  }

  private Footprint footprint(int p) {
    long batch = batches.mostRows();
    long units =
        2L * columns[p]
            + 6L * job.spec().hidden()
            + 4L * job.spec().split().hidden().stream().mapToInt(u -> u).sum();
    long weights = (long) (8 * weights(p));
    long cutInputs = Bottom.cutInputs(columns[p], job.spec().split().hidden());
    return Footprint.ofHeap(
        Double.BYTES * ((long) job.rows() * columns[p] + batch * (units + cutInputs) + weights));
  }
}
