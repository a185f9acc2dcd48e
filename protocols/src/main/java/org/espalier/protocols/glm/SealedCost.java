package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.espalier.he.HeContext;
import org.espalier.he.LaneLayout;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.glm.SealedSchedule.Stage;
import org.espalier.protocols.predict.LogitsCost;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.SharesCost;

/**
 * The steps of {@link SealedTraining}; which stages are run again is up to opened sums. Label party
 * first.
 */
final class SealedCost {
  private static final int FACTS = Integer.BYTES;

  private final SealedPlan plan;
  private final TrainingJob job;
  private final TrainingCost.Size size;
  private final HeContext matrix;
  private final Script script;
  private final Lane label;
  private final Lane compute;
  private final List<Lane> all = new ArrayList<>();
  private final List<Lane> others = new ArrayList<>();
  private final SharesCost shares;
  private final SealedMemory memory;
  private SharesCost.Series series;
  private int sampleLeft;
  private int restLeft;
  private int gradients;

  /** One phase of it. */
  private SealedCost(
      TrainingJob job,
      TrainingCost.Size size,
      SealedPlan plan,
      HeContext matrix,
      HeContext slots,
      SealedMemory memory) {
    this.job = job;
    this.size = size;
    this.plan = plan;
    this.matrix = matrix;
    this.memory = memory;
    this.script = new Script(size.parties());
    for (int p = 0; p < size.parties(); p++) {
      all.add(script.party(p));
    }
    this.label = all.get(0);
    this.compute = all.get(1);
    this.others.addAll(all.subList(2, size.parties()));
    this.shares = new SharesCost(script, matrix, slots, plan.field);
  }

  /**
   * @param again whether the first stage is run a second time, because of what its last pass opens
   */
  static TrainingCost of(TrainingJob job, TrainingCost.Size size, boolean again) {
    SealedPlan plan = new SealedPlan(job, shapes(job, size.columns()), SealedPlan.narrowest(job));
    List<TrainingCost.Phase> phases = new ArrayList<>();
    try (HeContext matrix = HeContext.of(plan.parameters.matrix().parameters());
        HeContext slots = HeContext.of(plan.parameters.slots().parameters())) {
      for (TrainingCost.Part part : TrainingCost.Part.values()) {
        SealedMemory memory = new SealedMemory(job, size, plan, matrix, slots);
        new SealedCost(job, size, plan, matrix, slots, memory)
            .phase(part, again)
            .ifPresent(phases::add);
      }
    }
    int repeated = again ? plan.schedule().stages().get(0).allPasses() : 0;
    return new TrainingCost(phases, plan.totalPasses() + repeated);
  }

  private Optional<TrainingCost.Phase> phase(TrainingCost.Part part, boolean again) {
    switch (part) {
      case PREPARE -> agree();
      case TRAIN -> {
        train(again);
        if (job.spec().sharedWeights()) {
          share();
        } else {
          open();
        }
      }
      case EVALUATE -> {
        if (size.holdout() == 0) {
          return Optional.empty();
        }
        evaluate();
      }
    }
    return Optional.of(new TrainingCost.Phase(part, script, memory.of(part, script)));
  }

  /** Of whitened columns: second moment 1, the absolute value 0.8 on average. */
  static List<SealedPlan.Shape> shapes(TrainingJob job, int[] columns) {
    double one = Math.scalb(1.0, SealedScale.of(job).featureBits());
    List<SealedPlan.Shape> shapes = new ArrayList<>();
    for (int p = 0; p < columns.length; p++) {
      int extra = p == 0 ? SealedSlice.LABEL_EXTRA : 0;
      double far = Math.sqrt(2 * Math.log(job.rows()));
      double row = 0.8 * columns[p] + 0.6 * far * Math.sqrt(columns[p]) + extra;
      double most = Math.max(1, SealedSlice.meanFactor(job.spec().family()));
      double column = (p == 0 ? most : 0.8) * job.rows();
      shapes.add(
          new SealedPlan.Shape(
              columns[p] + extra, Math.round(row * one), Math.round(column * one)));
    }
    return shapes;
  }

  private int columns(int party) {
    return plan.shapes.get(party).columns();
  }

  /** {@link SealedSlice} and the agreement on shapes. */
  private void agree() {
    double rows = job.rows();
    if (job.spec().family().logLink()) {
      for (Lane feature : all.subList(1, all.size())) {
        script.message(label, feature, 2 * Integer.BYTES);
      }
    }
    for (int p = 0; p < all.size(); p++) {
      double features = columns(p) - (p == 0 ? SealedSlice.LABEL_EXTRA : 0);
      all.get(p)
          .compute(Work.WHITENING, rows * features * features)
          .compute(Work.WHITENING_ENTRY, rows * features)
          .compute(Work.ROTATION, features * features * features)
          .compute(Work.UNIFORM, rows);
    }
    facts(2, all.size());
    for (int p = 0; p < all.size(); p++) {
      all.get(p).compute(Work.ROUNDING, (rows + plan.penaltyRows) * columns(p));
    }
    facts(2, 2 * all.size());
    for (Lane lane : all) {
      lane.compute(Work.SET_UP, 1);
    }
  }

  private void facts(int each, int told) {
    for (Lane feature : all.subList(1, all.size())) {
      script.message(feature, label, FACTS + (long) each * Long.BYTES);
    }
    for (Lane feature : all.subList(1, all.size())) {
      script.message(label, feature, FACTS + (long) told * Long.BYTES);
    }
  }

  private void train(boolean again) {
    if (again) {
      stage(0);
      plan.follow(SealedPlan.Decision.SLOWER);
    }
    for (int at = 0; at < plan.schedule().stages().size(); at++) {
      stage(at);
    }
  }

  private void stage(int at) {
    Stage stage = plan.schedule().stages().get(at);
    series = shares.series(label, compute, plan.parameters.slots().replyLimbs());
    for (int s = 0; s < stage.passes(); s++) {
      Opening opening = plan.opening(at, s);
      sampleLeft = take(plan.sample, at, s, sampleLeft);
      if (opening.withLoss()) {
        sampleLeft = take(plan.sample, at, s + 1, sampleLeft);
      }
      pass(plan.sample, opening);
      if (s == 0 && stage.corrected()) {
        restLeft = take(plan.rest, at, 0, restLeft);
        pass(plan.rest, plan.restOpening(at));
      }
    }
  }

  private int take(Part part, int at, int s, int left) {
    if (left > 0) {
      return left - 1;
    }
    int vectors = plan.vectors(part, at, s);
    memory.prepares(part, vectors);
    prepare(part, vectors);
    return vectors - 1;
  }

  private void prepare(Part part, int vectors) {
    List<SharesCost.Owner> ofLabel = new ArrayList<>();
    for (int p = 1; p < all.size(); p++) {
      ofLabel.add(new SharesCost.Owner(all.get(p), columns(p), true));
    }
    shares.correlations(label, plan.heldByLabel(part, vectors), ofLabel);
    List<SharesCost.Owner> ofCompute = new ArrayList<>();
    ofCompute.add(new SharesCost.Owner(label, columns(0), true));
    for (int p = 2; p < all.size(); p++) {
      ofCompute.add(new SharesCost.Owner(all.get(p), columns(p), false));
    }
    shares.correlations(compute, plan.heldByCompute(part, vectors), ofCompute);
    for (int p = 2; p < all.size(); p++) {
      for (int s = 0; s < vectors; s++) {
        shares.residues(compute, label, columns(p));
      }
    }
  }

  private void pass(Part part, Opening opening) {
    long rows = part.rows();
    gradients++;
    for (int p = 1; p < all.size(); p++) {
      combine(label, p);
      shares.residues(label, all.get(p), columns(p));
    }
    combine(label, 0);
    combine(compute, 1);
    combine(compute, 0);
    shares.residues(compute, label, columns(0));
    product(label, part, 0);
    product(compute, part, 1);
    label.compute(Work.ADDITION, (double) rows * all.size());
    compute.compute(Work.ADDITION, (double) rows * all.size());
    for (int p = 2; p < all.size(); p++) {
      combine(all.get(p), p);
      product(all.get(p), part, p);
      all.get(p).compute(Work.ADDITION, (double) rows);
      shares.residues(all.get(p), compute, rows);
    }
    series.evaluate(
        plan.layout(part, opening), plan.rowFunctions(part, opening).size(), opening.sums);
    label.compute(Work.ROUNDING, part.cohort()).compute(Work.ADDITION, 2.0 * rows);
    compute.compute(Work.ADDITION, (double) rows);
    for (Lane feature : all.subList(1, all.size())) {
      shares.residues(label, feature, rows);
    }
    shares.residues(compute, label, rows);
    for (Lane other : others) {
      shares.residues(compute, other, rows);
    }
    for (int p = 0; p < all.size(); p++) {
      all.get(p).compute(Work.ADDITION, (double) rows);
      product(all.get(p), part, p);
    }
    if (opening != Opening.NOTHING) {
      opened(part, opening);
    }
  }

  private void opened(Part part, Opening opening) {
    if (opening.withLoss()) {
      compute.compute(Work.ADDITION, part.rows());
      shares.residues(compute, label, part.rows());
      label.compute(Work.ADDITION, part.rows());
      product(label, part, 0);
    }
    script.message(label, compute, 2 * Long.BYTES);
    script.message(compute, label, 2 * Long.BYTES);
    for (Lane feature : all.subList(1, all.size())) {
      script.message(label, feature, Integer.BYTES);
    }
  }

  /** The present weights from all gradients so far. */
  private void combine(Lane lane, int party) {
    lane.compute(Work.FIELD_PRODUCT, (double) (gradients - 1) * columns(party));
  }

  private void product(Lane lane, Part part, int party) {
    lane.compute(Work.INTEGER_PRODUCT, (double) part.rows() * columns(party))
        .compute(Work.INTEGER_ROW, part.rows());
  }

  private void open() {
    for (int p = 1; p < all.size(); p++) {
      if (job.spec().family() == Family.LINEAR) {
        script.message(label, all.get(p), Double.BYTES);
      }
      shares.residues(label, all.get(p), columns(p));
    }
    shares.residues(compute, label, columns(0));
  }

  private LaneLayout pinnedLayout() {
    int most = plan.shapes.stream().mapToInt(SealedPlan.Shape::columns).max().orElseThrow();
    return Pinned.layout(matrix, Pinned.width(matrix, most));
  }

  /** Columns that have weights: the outcome's has none. */
  private int weights(int party) {
    return columns(party) - (party == 0 ? 1 : 0);
  }

  private void share() {
    LaneLayout layout = pinnedLayout();
    for (int p = 1; p < all.size(); p++) {
      shares.pin(label, all.get(p), layout, weights(p));
    }
    shares.pin(compute, label, layout, weights(0));
  }

  private void evaluate() {
    LogitsCost logits = new LogitsCost(script, size.holdout());
    if (job.spec().sharedWeights()) {
      int[] columns = new int[all.size()];
      Arrays.setAll(columns, this::weights);
      logits.shared(shares, pinnedLayout(), columns);
    } else {
      logits.joint(size.columns());
    }
  }
}
