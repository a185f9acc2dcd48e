package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.linear.ResidualHolder;
import org.espalier.protocols.linear.SliceEvaluator;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * Level {@code gradients} with a penalty on the weights' absolute values (elastic net).
 *
 * <p>A pass: the label party fits its own weights at the point that the feature parties are told to
 * go to ({@link OwnFit}) and lets each obtain its gradient there. Each then minimises, by itself,
 * gradient, penalty and a bound on the loss: the curvature that the label party names, times the
 * second moments of its own columns. What it moves by is the pass's direction, of whose logits the
 * label party learns the sum over the feature parties, with noise. The label party checks that the
 * bound held, else names twice the curvature and the pass counts for nothing.
 *
 * <p>Accelerated proximal gradient steps (Beck and Teboulle, SIAM J. Imaging Sci. 2, 2009) with
 * restarts (O'Donoghue and Candès, Found. Comput. Math. 15, 2015), in the metric that a block of
 * columns of one party defines, over what is left when the label party's own weights are minimised
 * out.
 */
final class SparsePasses {
  private static final double MORE_CURVATURE = 2;
  private static final double LESS_CURVATURE = 0.8;

  /** Of a step's length: if the loss falls by so much more than was promised, curvature is less. */
  private static final double SLACK = 0.5;

  /** Deviations of the objective by noise within which nothing can be told. */
  private static final double NOISE = 4;

  /** Passes after each other in which nothing can be told. */
  private static final int NOISY_PASSES = 3;

  /**
   * How much of what is missing a step may leave, beyond what columns that are alike make of it.
   */
  private static final double LEFT = 4;

  private static final double LEAST_CURVATURE = 1e-3;
  private static final double RIDGE = 1e-9;

  /** What each pass opens beside logits. */
  static final int SCALARS = 4;

  private SparsePasses() {}

  /** The label party in one training. */
  static final class Label {
    private final TrainingJob job;
    private final Map<Party, Channel> features;
    private final PassListener listener;
    private final ResidualHolder layer;
    private final OwnFit fit;
    private final Outcomes outcomes;
    private final List<Integer> columns = new ArrayList<>();
    private final List<PassReport> reports = new ArrayList<>();
    private final double noiseWidth;

    /** Others' logits at their present weights, those before, and where the next gradient is. */
    private double[] present;

    private double[] before;
    private double[] there;

    private double curvature;
    private double momentum;
    private double inertia = 1;
    private boolean kept;
    private int gradientScale;

    Label(
        TrainingJob job,
        Map<Party, Channel> features,
        OwnFit fit,
        Outcomes outcomes,
        int ownColumns,
        PassListener listener,
        ResidualHolder layer) {
      this.job = job;
      this.features = features;
      this.listener = listener;
      this.layer = layer;
      this.fit = fit;
      this.outcomes = outcomes;
      columns.add(ownColumns);
      columns.addAll(layer.columns());
      noiseWidth = Math.scalb(1.0, -Disclosure.noiseBits(job.rows(), job.featureParties().size()));
      present = new double[job.rows()];
      before = present;
      there = present;
    }

    /**
     * What a pass opened.
     *
     * @param logits of the direction
     * @param length the direction's, squared, as noise is measured
     * @param step from where the gradient was, squared, in second moments
     * @param slope of the loss along that step
     * @param turn above 0 if the step goes back
     */
    private record Opened(double[] logits, double length, double step, double slope, double turn) {}

    /**
     * @param allowed passes
     * @param limit why no more are
     */
    LabelOutcome run(int allowed, LabelOutcome.End limit) {
      double tolerance = job.spec().tolerance() * outcomes.unit(job.spec().family());
      double alike = LEFT * SealedSchedule.likeness(columns);
      double[] lastGaps = new double[2];
      int noisy = 0;
      fit.minimise(outcomes.ofRows(there));
      curvature = fit.curvature();
      double first = curvature;
      double norm = GradientsTraining.rms(fit.residuals()) / curvature;
      gradientScale = GradientsTraining.scale(norm * curvature);
      LabelOutcome.End end = limit;
      for (int pass = 1; pass <= allowed; pass++) {
        listener.begins(pass);
        long began = System.nanoTime();
        int scale = GradientsTraining.scale(norm);
        double residual = GradientsTraining.rms(fit.residuals());
        double objective = fit.objective();
        Opened opened = pass(pass, scale);
        double[] proposed = new double[present.length];
        Arrays.setAll(proposed, i -> present[i] + opened.logits[i]);
        fit.minimise(outcomes.ofRows(proposed));
        norm = Math.sqrt(Math.max(Double.MIN_NORMAL, opened.length));
        double half = curvature * opened.step / 2;
        double slack = objective + opened.slope + half - fit.objective();
        double unclear = NOISE * residual * noiseWidth * norm / Math.sqrt(3.0 * present.length);
        double gap = alike * Math.max(half, Math.max(lastGaps[0], lastGaps[1]));
        PassReport report =
            new PassReport(pass, fit.objective(), gap, (System.nanoTime() - began) / 1e9);
        kept = slack >= -unclear;
        noisy = half <= unclear ? noisy + 1 : 0;
        if (kept) {
          lastGaps[pass % 2] = half;
          go(proposed, opened.turn > 0);
          curvature *=
              slack > SLACK * half && curvature > LEAST_CURVATURE * first ? LESS_CURVATURE : 1;
        } else {
          curvature *= MORE_CURVATURE;
        }
        reports.add(report);
        listener.pass(report);
        if (kept && pass > 2 && (gap <= tolerance || noisy >= NOISY_PASSES)) {
          end = gap <= tolerance ? LabelOutcome.End.TOLERANCE : LabelOutcome.End.NOISE;
          break;
        }
        fit.minimise(outcomes.ofRows(there));
      }
      start(reports.size() + 1, true, 0, 0);
      fit.minimise(outcomes.ofRows(present));
      return outcome(end);
    }

    /** Takes a step, and where the next one begins. */
    private void go(double[] proposed, boolean back) {
      before = present;
      present = proposed;
      double next = (1 + Math.sqrt(1 + 4 * inertia * inertia)) / 2;
      momentum = back ? 0 : (inertia - 1) / next;
      inertia = back ? 1 : next;
      double[] from = before;
      there = new double[present.length];
      Arrays.setAll(there, i -> present[i] + momentum * (present[i] - from[i]));
    }

    private Opened pass(int pass, int scale) {
      double[] residuals = outcomes.ofPeople(fit.residuals());
      int reach = GradientsTraining.reach(job, residuals);
      start(pass, false, scale, reach);
      for (int i = 0; i < residuals.length; i++) {
        residuals[i] = Math.scalb(residuals[i], -reach);
      }
      layer.deliver(residuals);
      GradientsTraining.Sums sums = GradientsTraining.sums(features, job.rows(), SCALARS);
      double[] logits = sums.logits();
      for (int i = 0; i < logits.length; i++) {
        logits[i] = Math.scalb(logits[i], -scale);
      }
      double[] scalars = sums.scalars();
      return new Opened(
          logits,
          Math.scalb(scalars[0], -2 * scale),
          Math.scalb(scalars[1], -2 * scale),
          Math.scalb(scalars[2], -scale - gradientScale),
          scalars[3]);
    }

    private void start(int pass, boolean last, int scale, int reach) {
      Messages.SparseStart start =
          new Messages.SparseStart(
              pass, last, kept, scale, gradientScale, reach, curvature, momentum);
      features.values().forEach(channel -> channel.send(start));
    }

    private LabelOutcome outcome(LabelOutcome.End end) {
      return GradientsTraining.outcome(
          job,
          layer,
          reports,
          end,
          reports.get(reports.size() - 1).estimatedGap(),
          fit.ownWeights(),
          new double[] {fit.intercept()},
          fit.logits());
    }
  }

  /** One feature party in one training. */
  static final class Feature {
    private final TrainingJob job;
    private final Channel label;
    private final Matrix own;
    private final Whitening whitening;
    private final SliceEvaluator layer;
    private final GradientsTraining.Passes passes;
    private final GradientsTraining.Opening opening;
    private final double[] moments;
    private double[] weights;
    private double[] before;
    private double[] proposed;

    Feature(
        TrainingJob job,
        Channel label,
        Matrix own,
        Whitening whitening,
        SliceEvaluator layer,
        GradientsTraining.Passes passes,
        GradientsTraining.Opening opening) {
      this.job = job;
      this.label = label;
      this.own = own;
      this.whitening = whitening;
      this.layer = layer;
      this.passes = passes;
      this.opening = opening;
      this.moments = own.gram().values();
      for (int at = 0; at < moments.length; at++) {
        moments[at] /= own.rows();
      }
      weights = new double[own.columns()];
      before = weights;
      proposed = weights;
    }

    FeatureOutcome run() {
      for (int pass = 1; ; pass++) {
        Messages.SparseStart start =
            label.receive(Messages.SparseStart.TYPE, Messages.SparseStart.LIMIT);
        passes.check(label, job, start.pass(), pass, start.reach(), start.last());
        if (pass == 1 && start.kept()) {
          throw new WireException.ProtocolViolation(
              label.peer(), "kept a step before there was one");
        }
        if (start.kept()) {
          before = weights;
          weights = proposed;
        }
        if (start.last()) {
          return GradientsTraining.outcome(job, layer, weights, pass - 1);
        }
        passes.begin(label, pass, 0);
        pass(start);
        passes.end(pass, 0);
      }
    }

    private void pass(Messages.SparseStart start) {
      int d = weights.length;
      SliceEvaluator.Product product = layer.receive();
      double[] gradient = whitening.gradientOfPrepared(product.product());
      double[] from = new double[d];
      for (int j = 0; j < d; j++) {
        gradient[j] = Math.scalb(gradient[j], start.reach()) / job.rows();
        from[j] = weights[j] + start.momentum() * (weights[j] - before[j]);
      }
      proposed = minimise(start.curvature(), gradient, from);
      double[] direction = new double[d];
      double[] step = new double[d];
      double slope = 0;
      for (int j = 0; j < d; j++) {
        direction[j] = proposed[j] - weights[j];
        step[j] = proposed[j] - from[j];
        slope += gradient[j] * step[j];
      }
      int scale = start.scale();
      double length =
          product(direction, direction)
              + job.spec().ridge() * SubspaceFit.dot(direction, direction);
      double[] scalars = {
        Math.scalb(length, 2 * scale),
        Math.scalb(product(step, step), 2 * scale),
        Math.scalb(slope, scale + start.gradientScale()),
        -Math.scalb(product(step, direction), 2 * scale)
      };
      for (int j = 0; j < d; j++) {
        direction[j] = Math.scalb(direction[j], scale);
      }
      byte[] request = start.bind(product.request());
      opening.logits(
          start.pass(), own.times(direction), Math.sqrt(Math.scalb(length, 2 * scale)), request);
      opening.scalars(start.pass(), scalars, request);
    }

    /** Of gradient, penalty and the bound on the loss around {@code from}. */
    private double[] minimise(double curvature, double[] gradient, double[] from) {
      int d = from.length;
      double[] h = new double[d * d];
      double trace = 0;
      for (int at = 0; at < h.length; at++) {
        h[at] = curvature * moments[at];
        trace += at % (d + 1) == 0 ? h[at] : 0;
      }
      double[] b = new double[d];
      for (int j = 0; j < d; j++) {
        h[j * d + j] += RIDGE * trace / d;
        b[j] = -gradient[j];
        for (int k = 0; k < d; k++) {
          b[j] += h[j * d + k] * from[k];
        }
      }
      double[] l1 = new double[d];
      double[] l2 = new double[d];
      Arrays.fill(l1, job.spec().l1());
      Arrays.fill(l2, job.spec().l2());
      return CoordinateDescent.minimise(h, b, l1, l2, weights);
    }

    /** aᵀ·XᵀX·b/n. */
    private double product(double[] a, double[] b) {
      double sum = 0;
      for (int j = 0; j < a.length; j++) {
        double row = 0;
        for (int k = 0; k < b.length; k++) {
          row += moments[j * b.length + k] * b[k];
        }
        sum += a[j] * row;
      }
      return sum;
    }
  }
}
