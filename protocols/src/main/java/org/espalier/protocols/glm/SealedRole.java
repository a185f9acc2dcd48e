package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.he.HeContext;
import org.espalier.he.LaneLayout;
import org.espalier.he.Parameters;
import org.espalier.he.RangeException;
import org.espalier.protocols.glm.SealedPlan.Decision;
import org.espalier.protocols.glm.SealedPlan.Opening;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.glm.SealedSchedule.Stage;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Opened;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/** What the roles of {@link SealedTraining} have and do alike. */
abstract class SealedRole {
  /**
   * What is prepared for passes over a part of the rows: halves of products with slices.
   *
   * @param vectors how many; each is used once
   * @param held by owner, what this party holds of its slice
   * @param owned by holder, what this party owns
   */
  record Prepared(
      Part part,
      int vectors,
      IntegerMatrix matrix,
      Map<Party, Correlations.Held> held,
      Map<Party, Correlations.Owned> owned) {}

  /** One of the prepared vectors. */
  record Vector(Prepared prepared, int index) {}

  /**
   * Shares of a party's gradients.
   *
   * @param shares of each pass
   * @param columns the party has
   */
  record Gradients(List<long[]> shares, int columns) {}

  final SealedPast past;
  final TrainingJob job;
  final SealedSlice slice;
  private final SealedRange first;
  final Prg coins = Prg.fresh();
  final Momentum momentum = new Momentum();
  final List<long[]> own = new ArrayList<>();

  SealedPlan plan;
  PrimeField field;
  HeContext context;
  HeContext slots;
  IntegerMatrix matrix;
  int passes;
  private final Map<Part, Vector> supply = new HashMap<>();

  /** What the present pass has opened to this party. */
  private SealedPlan.Sums opened;

  long[] finalCoefficients;

  SealedRole(SealedPast past, SealedSlice slice, SealedRange first) {
    this.past = past;
    this.job = past.begun();
    this.slice = slice;
    this.first = first;
  }

  /**
   * The own slice as integers.
   *
   * @param counts columns of all parties
   * @param before penalised ones of the parties before this one
   */
  void makeMatrix(long[] counts, int before) {
    int all = sum(counts, counts.length);
    matrix =
        slice.matrix(
            job.workspace(),
            job.rows() - SealedPlan.sampleRows(job.rows(), all),
            all - SealedSlice.LABEL_EXTRA,
            before);
  }

  /** The shapes of all slices, label party first. */
  void set(List<SealedPlan.Shape> shapes) {
    try {
      plan = new SealedPlan(job, shapes, first);
    } catch (RangeException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
    field = plan.field;
    past.requireModulus(field.modulus());
    context = HeContext.of(plan.parameters.matrix().parameters());
    slots = HeContext.of(plan.parameters.slots().parameters());
  }

  static int sum(long[] columns, int count) {
    long total = 0;
    for (int p = 0; p < count; p++) {
      total += columns[p];
    }
    return Math.toIntExact(total);
  }

  static List<SealedPlan.Shape> shapes(long[] columns, long[] bounds) {
    List<SealedPlan.Shape> shapes = new ArrayList<>();
    for (int p = 0; p < columns.length; p++) {
      shapes.add(
          new SealedPlan.Shape(Math.toIntExact(columns[p]), bounds[2 * p], bounds[2 * p + 1]));
    }
    return shapes;
  }

  /** Share of the weights at the present point. */
  long[] weights(List<long[]> gradients, int columns) {
    return combine(momentum.coefficients(), gradients, columns);
  }

  long[] combine(long[] coefficients, List<long[]> gradients, int columns) {
    long[] sum = new long[columns];
    for (int s = 0; s < coefficients.length; s++) {
      field.addMultiple(sum, -coefficients[s], gradients.get(s));
    }
    return sum;
  }

  /** The label party's gradient: no weight belongs to the outcome's column. */
  static long[] withoutOutcome(long[] gradient) {
    gradient[gradient.length - 1] = 0;
    return gradient;
  }

  /** The stages, each again as often as its opened sums ask for it. */
  void train() {
    Momentum.Snapshot good = momentum.snapshot();
    List<double[]> iterates = new ArrayList<>();
    Decision decision = Decision.GO_ON;
    for (int at = 0; at < plan.schedule().stages().size() && decision != Decision.STOP; ) {
      decision = stage(at, iterates);
      if (decision == Decision.WIDER || decision == Decision.SLOWER) {
        momentum.restore(good, own.size());
        iterates.clear();
      } else {
        good = momentum.snapshot();
        at++;
      }
    }
    finalCoefficients = average(iterates);
    if (job.spec().family() == Family.GAMMA) {
      Arrays.setAll(finalCoefficients, s -> -finalCoefficients[s]);
    }
  }

  private Decision stage(int at, List<double[]> iterates) {
    Stage stage = plan.schedule().stages().get(at);
    boolean last = at == plan.schedule().stages().size() - 1;
    double[] correction = {};
    Decision decision = Decision.GO_ON;
    if (at == 1) {
      momentum.settle();
    }
    try (SharedSeries series = series()) {
      for (int s = 0; s < stage.passes() && decision == Decision.GO_ON; s++) {
        int newest = own.size();
        Opening opening = plan.opening(at, s);
        decision = counted(series, plan.sample, at, s, opening, last);
        if (s == 0 && stage.corrected() && decision == Decision.GO_ON) {
          decision = counted(series, plan.rest, at, 0, plan.restOpening(at), false);
          correction = new double[newest + 2];
          correction[newest] = plan.sampleCorrection();
          correction[newest + 1] = plan.restStep();
        }
        double[] direction = Arrays.copyOf(correction, own.size());
        direction[newest] += plan.sampleStep();
        if (at == 0) {
          momentum.step(direction);
        } else {
          momentum.step(direction, plan.curvature());
        }
        iterates.add(momentum.iterate());
      }
    }
    return decision;
  }

  /** The next vector of a part; where there is none, as many are prepared as are foreseen. */
  private Vector take(Part part, int at, int s) {
    Vector next = supply.get(part);
    if (next == null || next.index() == next.prepared().vectors()) {
      next = new Vector(prepare(part, plan.vectors(part, at, s)), 0);
    }
    supply.put(part, new Vector(next.prepared(), next.index() + 1));
    return next;
  }

  /**
   * One more pass, run or as an earlier attempt left it.
   *
   * @param at the present stage
   * @param s the present pass of the stage over the sample
   */
  private Decision counted(
      SharedSeries series, Part part, int at, int s, Opening opening, boolean last) {
    passes++;
    SealedPast.Pass kept = past.pass(passes);
    if (kept != null) {
      return again(kept, part, opening, last);
    }
    Vector vector = take(part, at, s);
    Vector forLoss = opening.withLoss() ? take(part, at, s + 1) : null;
    past.countCut(opening.sums);
    begins(passes);
    long began = System.nanoTime();
    opened = null;
    Decision decision = pass(series, vector, forLoss, opening, last);
    past.keep(
        decision,
        opening.sums,
        (System.nanoTime() - began) / 1e9,
        opened,
        field.modulus(),
        newest());
    return decision;
  }

  /** What the last pass added to all gradients, one after the other. */
  private long[] newest() {
    return gradients().stream()
        .flatMapToLong(g -> Arrays.stream(g.shares().get(g.shares().size() - 1)))
        .toArray();
  }

  private Decision again(SealedPast.Pass kept, Part part, Opening opening, boolean last) {
    int columns = gradients().stream().mapToInt(Gradients::columns).sum();
    boolean fits = kept.shares().length == columns;
    int at = 0;
    for (Gradients gradients : fits ? gradients() : List.<Gradients>of()) {
      gradients.shares().add(Arrays.copyOfRange(kept.shares(), at, at + gradients.columns()));
      at += gradients.columns();
    }
    Decision decision = kept.decision();
    if (kept.sums() != null) {
      decision = plan.decide(part, last, kept.sums());
    } else if (opening != Opening.NOTHING) {
      plan.follow(decision);
    }
    if (!fits || decision != kept.decision()) {
      job.passes().forget();
      throw new IllegalArgumentException(
          "what an earlier attempt kept of pass " + passes + " is of another training");
    }
    repeats(kept);
    return decision;
  }

  /** The mean of the last iterates: rounding noise averages out. */
  private long[] average(List<double[]> iterates) {
    int count = Math.max(1, Math.min(plan.schedule().averaged(job.rows()), iterates.size()));
    double[] mean = new double[own.size()];
    for (double[] iterate : iterates.subList(iterates.size() - count, iterates.size())) {
      for (int s = 0; s < iterate.length; s++) {
        mean[s] += iterate[s] / count;
      }
    }
    return Momentum.rounded(mean);
  }

  abstract void begins(int pass);

  /** A pass of an earlier attempt is gone on from. */
  void repeats(SealedPast.Pass kept) {}

  /** All gradients of which this party holds shares, those of its own weights first. */
  List<Gradients> gradients() {
    List<Gradients> all = new ArrayList<>();
    all.add(new Gradients(own, slice.columns()));
    return all;
  }

  abstract Prepared prepare(Part part, int vectors);

  /** This party's end of a stage's residuals; null where it computes none. */
  abstract SharedSeries series();

  SharedSeries series(Channel other, boolean first) {
    return new SharedSeries(slots, field, other, plan.parameters.slots().replyLimbs(), first);
  }

  /** Residuals, and what is opened of them, from shares of the logits of a part. */
  SharedSeries.Shares evaluate(SharedSeries series, Part part, Opening opening, long[] z) {
    return series.evaluate(
        plan.layout(part, opening),
        z,
        plan.rowFunctions(part, opening),
        plan.sumFunctions(part, opening));
  }

  /**
   * @param series this party's end of the stage, or null
   * @param forLoss for the opened loss, or null
   */
  abstract Decision pass(
      SharedSeries series, Vector vector, Vector forLoss, Opening opening, boolean last);

  /** A share of final weights under noise in its low bits. */
  long[] rounded(long[] share) {
    return Opened.rounded(
        field, past.noise(share), share, plan.scale.weightScale() - SealedPlan.OPENED_BITS);
  }

  /** Both halves of weights as real numbers, on the whitened columns. */
  double[] open(long[] mine, long[] theirs) {
    return Opened.real(field, mine, theirs, plan.scale.weightScale());
  }

  LaneLayout pinnedLayout() {
    int most = plan.shapes.stream().mapToInt(SealedPlan.Shape::columns).max().orElseThrow();
    return Pinned.layout(context, Pinned.width(context, most));
  }

  /**
   * This party's half of shared weights, the other share of its own taken as it comes.
   *
   * @param holder of that share
   * @param count of its own columns that have weights
   * @param keySeed of its key for others' weights, or empty
   */
  SharedWeights shared(Channel holder, int count, byte[] keySeed, double unit, double mean) {
    Pinned.Vector pinned = Pinned.take(context, pinnedLayout(), holder, count);
    boolean label = count > slice.features;
    return new SharedWeights(
        context.parameters(),
        pinnedLayout().width(),
        plan.scale.featureBits(),
        plan.scale.logitBits(),
        slice.whitening.matrix(),
        label,
        Arrays.copyOf(combine(finalCoefficients, own, slice.columns()), count),
        keySeed,
        pinned,
        unit,
        mean,
        label ? new byte[0] : Prg.freshSeed());
  }

  /** Whitened weights as weights of the prepared features. */
  double[] prepared(double[] whitened, double unit) {
    double[] weights = slice.whitening.toPrepared(whitened);
    for (int j = 0; j < weights.length; j++) {
      weights[j] *= unit;
    }
    return weights;
  }

  /**
   * Opens the sums of a pass between the compute parties, each share under its owner's noise.
   *
   * @param spread own share
   * @param loss own share; without meaning where only the spread is opened
   * @param first whether this side sends first: the label party
   */
  SealedPlan.Sums open(
      Part part, Opening opening, long spread, long loss, Channel other, boolean first) {
    SealedMessages.NoisyShares mine =
        new SealedMessages.NoisyShares(
            noisy(spread, plan.spreadNoise()),
            opening.withLoss() ? noisy(loss, plan.lossNoise(first)) : 0);
    if (first) {
      other.send(mine);
    }
    SealedMessages.NoisyShares theirs =
        other.receive(SealedMessages.NoisyShares.TYPE, SealedMessages.SLACK);
    if (!first) {
      other.send(mine);
    }
    opened =
        plan.sums(
            part,
            opening,
            field.add(mine.spread(), residue(other, theirs.spread())),
            field.add(mine.loss(), residue(other, theirs.loss())));
    return opened;
  }

  /** One of two shares of an opened sum under this party's own noise. */
  private long noisy(long share, double deviation) {
    return field.add(share, field.residue(Math.round(coins.nextGaussian() * deviation)));
  }

  /** The part of the loss that met the outcome and the rest of it, brought to one scale. */
  long loss(long met, SharedSeries.Shares shares) {
    return field.add(met, field.multiply(shares.sums()[1], 1L << plan.scale.featureBits()));
  }

  void close() {
    context.close();
    slots.close();
  }

  private long residue(Channel from, long value) {
    if (value < 0 || value >= field.modulus()) {
      throw new WireException.ProtocolViolation(
          from.peer(), "sent a value that is not a residue modulo t");
    }
    return value;
  }

  Map<String, Object> parametersRun() {
    Map<String, Object> ran = new LinkedHashMap<>();
    ran.put("level", job.spec().level().wireName());
    Parameters matrix = plan.parameters.matrix().parameters();
    Parameters slot = plan.parameters.slots().parameters();
    ran.put("cipher", matrix + "; slots: " + slot);
    ran.put("ring_degree", matrix.degree());
    ran.put("modulus_bits", slot.modulusBits());
    ran.put("plain_modulus", matrix.plain());
    ran.put("security_bits", Math.min(matrix.securityBits(), slot.securityBits()));
    ran.put("feature_bits", plan.scale.featureBits());
    ran.put("residual_bits", plan.scale.residualBits());
    ran.put("logit_range", plan.range().largest());
    ran.put("harmonics", plan.range().residual(job.spec().family(), job.rows()).size());
    ran.put("opened_sums", past.openings());
    ran.put("opening_noise_rows", SealedPlan.NOISE_ROWS);
    if (plan.labelNoise != null) {
      ran.put("label_privacy", plan.labelNoise.parametersRun());
    }
    ran.put("rows", job.rows());
    ran.put("sample_rows", plan.sample.cohort());
    ran.put("passes", passes);
    return Collections.unmodifiableMap(ran);
  }
}
