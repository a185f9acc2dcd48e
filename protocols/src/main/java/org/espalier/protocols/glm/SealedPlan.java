package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import org.espalier.he.LaneLayout;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.glm.SealedSchedule.Stage;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Series;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.protocols.shares.SharedSeries.Term;
import org.espalier.protocols.shares.Spectrum;

/**
 * Everything that the parties of a {@code sealed} training compute alike from the job and the
 * shapes of all slices: scales, parameters, schedule, series and the steps that follow from opened
 * sums.
 *
 * <p>Most passes see a <em>sample</em> of the cohort only: all of it where it is small, an eighth
 * or less where that is still many rows for each column. At the beginning of each stage but the
 * first a pass over the <em>rest</em> corrects the sample's gradients by what the whole cohort's
 * gradient differs from them at that point, which makes the sample's minimum that of the whole
 * (Johnson and Zhang, NIPS 2013; with a sample in place of single rows).
 *
 * <p>The rows that are trained on are, in this order: the rest, those of all parties' penalties
 * (one for each penalised column: the weight itself is its "logit"), the sample. The order of the
 * cohort is drawn for the job.
 */
final class SealedPlan {
  /** Every opened sum carries noise worth this many rows from either compute party. */
  static final double NOISE_ROWS = 10;

  /** Bits after the point of a whitened weight that its opening leaves. */
  static final int OPENED_BITS = 13;

  /** A person's loss counts as at most about this in the opened sum. */
  private static final double LOSS_LIMIT = 6;

  /** Of a log link the scores of the opened loss level off here, e^3 = 20 times the mean. */
  private static final double LOG_LINK_LOSS_LIMIT = 3;

  /** There outcomes count as at most so many times the unit in it. */
  static final double OUTCOME_LIMIT = 8;

  /** In units of the mean outcome: half the deviance that scores below 6 can explain. */
  private static final double LOG_LINK_LOSS = 7;

  /** The first step by one that is safe whatever the data. */
  private static final double FIRST_SPEED = 2;

  private static final double LARGEST_CURVATURE = 1.1 * 4 / 3;

  /**
   * Of a log link rows count differently, and a slice's curvature has no bound: along the weights
   * it is 1 + s² where scores are normal with deviation s. Steps are for half as much again, and
   * the iteration after the first stage bears what that stage may not have shown to be too much.
   */
  private static final double LOG_LINK_CURVATURE = 2;

  private static final double LOG_LINK_LARGEST_CURVATURE = 1.35 * 4 / 3;

  private static final double SIGMAS = 6;
  private static final double ALARM_SIGMAS = 4;
  private static final int EARLY_PASSES = 8;

  /** A row counts 0.05 at 0.31 of the period, 0.45 at 0.4, 1 at its half. */
  private static final int EDGE_POWER = 8;

  /** A stage is repeated for a wider range or a smaller step, and each of them only so often. */
  private static final int REPEATS = 3 + 2;

  /**
   * Sums that attempts have opened at most where another one goes on from them. {@link #openedBits}
   * counts two sums for each pass that opens any, and most open one: there is room for these, and
   * for two of each of ten attempts that may go uncounted.
   */
  static final int SUMS_TO_GO_ON = 60;

  private static final double LARGEST_WEIGHT = 8;
  private static final double GROUP_MEMORY = 100e6;

  private static final int MOST_VECTORS = 32;

  /** A residue a vector of each of a holder's two halves and an owner's one. */
  private static final long BYTES_PER_ROW = 3 * Long.BYTES;

  private static final long VECTOR_MEMORY = 256L << 20;

  /** Rows of the sample for each column, at least, where it is not the whole cohort. */
  private static final int SAMPLE_ROWS_PER_COLUMN = 32;

  private static final int SMALLEST_PART = 64;

  /** An eighth may be fewer than {@link #ENOUGH_ROWS}, a smaller part not. */
  private static final int SMALL_PART = 8;

  private static final int ENOUGH_ROWS = 200_000;

  /** Slots of a ciphertext, which a sample fills. */
  private static final int SLOTS = 16384;

  /**
   * Rows that a pass is over: a part of the cohort, and all penalties.
   *
   * @param first row
   * @param cohort how many rows of the cohort
   * @param penaltyAt where its penalty rows begin, counted from the first row
   * @param cohortAt where those of the cohort begin
   * @param order where those of the cohort begin in the job's order
   */
  record Part(int first, int cohort, int penaltyRows, int penaltyAt, int cohortAt, int order) {
    int rows() {
      return cohort + penaltyRows;
    }
  }

  /** A party's slice. */
  record Shape(int columns, long rowL1, long columnL1) {}

  /** What a pass opens. */
  enum Opening {
    NOTHING(0),
    SPREAD(1),
    SPREAD_AND_LOSS(2);

    /** How many sums are opened. */
    final int sums;

    Opening(int sums) {
      this.sums = sums;
    }

    boolean withLoss() {
      return this == SPREAD_AND_LOSS;
    }
  }

  /**
   * What pass {@code s} of a stage over the sample opens. The logits of few people with extreme
   * values grow fastest in the first passes: there the spread is opened often enough that nobody
   * crosses the end of the range unseen; and the first pass of a stage shows whether its rows fit.
   */
  Opening opening(int stageIndex, int s) {
    if (s == schedule.stages().get(stageIndex).passes() - 1) {
      return Opening.SPREAD_AND_LOSS;
    }
    boolean early = stageIndex == 0 && (s < EARLY_PASSES || s % 3 == 2);
    boolean firstSeen = s == 0 && !schedule.stages().get(stageIndex).corrected();
    return early || firstSeen ? Opening.SPREAD : Opening.NOTHING;
  }

  /** What the pass over the rest opens: whether rows that the sample lacks fit, early and late. */
  Opening restOpening(int stageIndex) {
    return stageIndex == 1 || stageIndex == schedule.stages().size() - 1
        ? Opening.SPREAD
        : Opening.NOTHING;
  }

  /** What follows from opened sums. */
  enum Decision {
    GO_ON(0),
    WIDER(1),
    SLOWER(2),
    STOP(3);

    final int code;

    Decision(int code) {
      this.code = code;
    }

    static Decision of(int code) {
      return switch (code) {
        case 0 -> GO_ON;
        case 1 -> WIDER;
        case 2 -> SLOWER;
        case 3 -> STOP;
        default -> throw new IllegalArgumentException("decision " + code);
      };
    }
  }

  final TrainingJob job;
  final SealedScale scale;
  final PrimeField field;
  final SealedParameters parameters;
  final List<Shape> shapes;
  final int penaltyRows;

  /** What most passes are over. */
  final Part sample;

  /** What corrects the sample; no rows of the cohort where the sample is all of it. */
  final Part rest;

  private SealedSchedule schedule;
  private SealedRange range;
  private Fitted series;
  private double speed = FIRST_SPEED;
  private double lastLoss = Double.POSITIVE_INFINITY;
  private RemainingGap gap = RemainingGap.UNKNOWN;
  private int losses;

  /** Noise on what is told of outcomes; null if the job does not ask for it. */
  final LabelNoise labelNoise;

  /**
   * @param shapes label party first, its intercept and outcome column included
   * @param first range that is tried
   */
  SealedPlan(TrainingJob job, List<Shape> shapes, SealedRange first) {
    this.job = job;
    this.shapes = List.copyOf(shapes);
    this.scale = SealedScale.of(job);
    int features = 0;
    int most = 0;
    long rowL1 = 1;
    long columnL1 = 1;
    for (Shape shape : shapes) {
      features += shape.columns();
      most = Math.max(most, shape.columns());
      rowL1 = Math.max(rowL1, shape.rowL1());
      columnL1 = Math.max(columnL1, shape.columnL1());
    }
    this.penaltyRows = features - SealedSlice.LABEL_EXTRA;
    Disclosure.requireRows(job.rows(), features - shapes.get(0).columns());
    int sampled = sampleRows(job.rows(), features);
    int others = job.rows() - sampled;
    this.rest = new Part(0, others, penaltyRows, others, 0, 0);
    this.sample = new Part(others, sampled, penaltyRows, 0, penaltyRows, others);
    List<Integer> widths = new ArrayList<>();
    for (Shape shape : shapes) {
      widths.add(shape.columns() - (widths.isEmpty() ? SealedSlice.LABEL_EXTRA : 0));
    }
    this.schedule = SealedSchedule.of(job, widths, others > 0);
    this.labelNoise =
        job.spec().labelPrivacy() == null
            ? null
            : new LabelNoise(
                job.spec().labelPrivacy(),
                job.rows(),
                job.spec().l2(),
                scale,
                shapes,
                schedule.stages().size() + REPEATS);
    this.parameters =
        SealedParameters.choose(
            new SealedWorkload(
                scale.plainBits(),
                rowL1,
                columnL1,
                2
                    * SealedRange.widest(job.spec().family())
                        .opened(job.spec().family(), job.rows(), EDGE_POWER)
                        .size(),
                openedBits(most)));
    this.field = new PrimeField(parameters.matrix().parameters().plain());
    this.range = first;
    this.series = fit();
  }

  /**
   * A penalty row holds its weight this many times, so that the weights that occur fill the range:
   * at the minimum l2/2·w² is at most the loss without features; and a prepared feature's weight
   * beyond 8 (e^8 in the odds for one standard deviation) does not occur in practice.
   */
  static double penaltyFactor(TrainingJob job) {
    double loss =
        switch (job.spec().family()) {
          case LOGISTIC -> Math.log(2);
          case LINEAR -> 0.5;
          case POISSON, GAMMA -> LOG_LINK_LOSS;
        };
    double largest = Math.min(LARGEST_WEIGHT, Math.sqrt(2 * loss / job.spec().l2()));
    SealedRange range = narrowest(job);
    return identityLimit(range, job.spec().family()) / largest;
  }

  /** The first range of a job of which nothing but its sizes is known. */
  static SealedRange narrowest(TrainingJob job) {
    return SealedRange.first(job.spec().family(), job.rows(), job.spec().l2(), false);
  }

  /** The identity shares its harmonics with the residual's series. */
  private static double identityLimit(SealedRange range, Family family) {
    return family == Family.LOGISTIC ? range.turningLimit() : range.limit();
  }

  /** All that one side's decryptions can ever influence of what the other side reads. */
  private int openedBits(int columns) {
    int perWeight = scale.plainBits() - (scale.weightScale() - OPENED_BITS);
    // The noise leaves of a sum what is above its standard deviation, more than 2^3 of its units.
    int perSum = scale.plainBits() - scale.residualBits() - 3;
    return columns * perWeight + 2 * perSum * openings(schedule.stages());
  }

  /** Sums that a training opens at most. */
  private static int openings(List<Stage> stages) {
    // The first and the last pass of a stage and the one over the rest; the early ones, every
    // third.
    int first = EARLY_PASSES + 3;
    int everyStage = 4;
    return first + stages.size() * everyStage + REPEATS * (first + everyStage);
  }

  /**
   * How many rows of the cohort most passes are over.
   *
   * @param columns of all slices together
   */
  static int sampleRows(int rows, int columns) {
    if (SealedScale.many(rows)) {
      for (int part = SMALLEST_PART; part > 1; part /= 2) {
        if (rows / part >= (long) SAMPLE_ROWS_PER_COLUMN * columns
            && (part <= SMALL_PART || rows / part >= ENOUGH_ROWS)) {
          int ciphertexts = (rows / part + columns + SLOTS - 1) / SLOTS;
          return Math.min(rows, ciphertexts * SLOTS - columns);
        }
      }
    }
    return rows;
  }

  /** What is left to do: longer once a stage has shown that steps are too long. */
  SealedSchedule schedule() {
    return schedule;
  }

  int totalPasses() {
    return schedule.totalPasses();
  }

  SealedRange range() {
    return range;
  }

  /**
   * The shape where the label party holds: the feature parties own.
   *
   * @param vectors one a pass and one for each opened loss
   */
  Correlations.Shape heldByLabel(Part part, int vectors) {
    return correlations(part, vectors, most(shapes.subList(1, shapes.size())));
  }

  /** The shape where the first feature party holds: the label party and the other ones own. */
  Correlations.Shape heldByCompute(Part part, int vectors) {
    List<Shape> owners = new ArrayList<>(shapes);
    owners.remove(1);
    return correlations(part, vectors, most(owners));
  }

  /**
   * How many vectors to prepare at once: what is still needed, as far as halves of so many products
   * fit into memory. Every pass takes one and every opened loss one more.
   *
   * @param stageIndex the present stage
   * @param s the present pass of the stage over the sample
   */
  int vectors(Part part, int stageIndex, int s) {
    boolean ofSample = part.equals(sample);
    int needed = 0;
    for (int at = stageIndex; at < schedule.stages().size(); at++) {
      Stage stage = schedule.stages().get(at);
      needed += ofSample ? stage.passes() + 1 : stage.corrected() ? 1 : 0;
    }
    long most = MOST_VECTORS;
    while (most > 1 && most * part.rows() * BYTES_PER_ROW > VECTOR_MEMORY) {
      most /= 2;
    }
    return (int) Math.min(most, needed - (ofSample ? s : 0));
  }

  private static int most(List<Shape> owners) {
    return owners.stream().mapToInt(Shape::columns).max().orElseThrow();
  }

  private Correlations.Shape correlations(Part part, int vectors, int mostColumns) {
    int lanes = vectors == 1 ? 1 : Integer.highestOneBit(vectors - 1) << 1;
    int degree = parameters.matrix().parameters().degree();
    int rows = part.rows();
    LaneLayout best = null;
    int bestCiphertexts = Integer.MAX_VALUE;
    boolean bestFits = false;
    for (int width = 1;
        width <= parameters.matrix().width() && width * lanes <= degree / 8;
        width *= 2) {
      LaneLayout layout = new LaneLayout(degree, lanes, width);
      int groups = layout.groups(mostColumns);
      // One there and half of one back for each group and each block.
      int ciphertexts = groups + layout.blocks(rows);
      // Operands and sums of all groups of columns stay in memory: 64 bytes a coefficient.
      boolean fits = 64.0 * groups * degree <= GROUP_MEMORY;
      if (best == null
          || (!bestFits && fits)
          || (ciphertexts < bestCiphertexts && fits == bestFits)) {
        bestFits = fits;
        bestCiphertexts = ciphertexts;
        best = layout;
      }
    }
    return new Correlations.Shape(best, vectors, rows, parameters.matrix().replyLimbs());
  }

  /** Of a pass: the residual alone may do without the even harmonics. */
  SharedSeries.Layout layout(Part part, Opening opening) {
    return new SharedSeries.Layout(
        parameters.slots().parameters().degree(),
        part.rows(),
        opening == Opening.NOTHING
            ? range.residual(job.spec().family(), job.rows())
            : range.opened(job.spec().family(), job.rows(), EDGE_POWER),
        range.divisor,
        scale.holderBits(),
        scale.otherBits());
  }

  private double period() {
    return Math.scalb((double) field.modulus(), -scale.logitBits()) / range.divisor;
  }

  /**
   * The series of one range, fitted once.
   *
   * @param loss the part of it that is the same whatever the outcome
   */
  private record Fitted(
      Series identity, Series residual, Series levelled, Series loss, Series spread) {}

  private Fitted fit() {
    Family family = job.spec().family();
    Spectrum residual = range.residual(family, job.rows());
    Spectrum opened = range.opened(family, job.rows(), EDGE_POWER);
    double limit = range.limit();
    Series identity = Series.odd(z -> z, residual, period(), identityLimit(range, family));
    if (family.logLink()) {
      return new Fitted(
          identity,
          range.exponential(period()),
          range.shifted(this::levelled, opened, period()),
          range.shifted(z -> Math.exp(levelled(z)), opened, period()),
          range.ends(period()));
    }
    boolean logistic = family == Family.LOGISTIC;
    return new Fitted(
        identity,
        logistic
            ? Series.odd(
                z -> Family.LOGISTIC.mean(z) - 0.5, residual, period(), range.sigmoidLimit())
            : identity,
        Series.odd(this::levelled, opened, period(), limit),
        Series.even(
            logistic
                ? z -> Math.log(2 * Math.cosh(levelled(z) / 2))
                : z -> 0.5 * levelled(z) * levelled(z),
            opened,
            period(),
            limit),
        Series.edge(EDGE_POWER, period()));
  }

  /** What the constants of the series add to a row's residual. */
  double residualConstant() {
    return series.residual().constant();
  }

  /**
   * What the opened loss of a row with a log link lacks: the constant of the part that meets the
   * outcome, less the loss where all weights are 0.
   *
   * @param offset of the row's logit
   * @param factor of the logit in its loss
   */
  double unmetLoss(double offset, double factor) {
    double z = levelled(offset);
    return factor * (series.levelled().constant() - z) - Math.exp(z);
  }

  /**
   * The functions of the logits that give a share a row: residuals plus the outcome (minus ½ for
   * the logistic family), on penalty rows the penalty's; and for the loss the part of it that meets
   * the outcome, the logit itself, levelling off.
   */
  List<List<Term>> rowFunctions(Part part, Opening opening) {
    double factor = penaltyFactor(job);
    List<Term> residual =
        List.of(
            new Term(
                series.identity(),
                job.spec().l2() * part.cohort() / (factor * factor),
                part.penaltyAt(),
                part.penaltyAt() + penaltyRows),
            onCohort(part, series.residual()));
    return opening.withLoss()
        ? List.of(residual, List.of(onCohort(part, series.levelled())))
        : List.of(residual);
  }

  /**
   * The functions that are summed over the cohort, as many as are opened: a count of rows near the
   * end of the range or beyond; and the rest of the loss, the same whatever the outcome.
   */
  List<List<Term>> sumFunctions(Part part, Opening opening) {
    return List.of(List.of(onCohort(part, series.spread())), List.of(onCohort(part, series.loss())))
        .subList(0, opening.sums);
  }

  private static Term onCohort(Part part, Series function) {
    return new Term(function, 1, part.cohortAt(), part.cohortAt() + part.cohort());
  }

  private double levelled(double z) {
    double most = job.spec().family().logLink() ? LOG_LINK_LOSS_LIMIT : LOSS_LIMIT;
    return most * Math.tanh(z / most);
  }

  /** Standard deviation of either party's noise on the spread, in units of its share. */
  double spreadNoise() {
    return Math.scalb(NOISE_ROWS, scale.residualBits());
  }

  /**
   * The same of the loss.
   *
   * @param label whose: the label party's may be larger
   */
  double lossNoise(boolean label) {
    double rows = label ? labelLossRows() : NOISE_ROWS;
    return Math.scalb(rows * rowLoss(), scale.residualBits() + scale.featureBits());
  }

  private double labelLossRows() {
    return labelNoise == null ? NOISE_ROWS : Math.max(NOISE_ROWS, labelNoise.lossRows());
  }

  /**
   * The most by which one person changes the opened loss. Of a log link the label party takes off
   * what the loss would be if all weights were 0: with another outcome a person is at another place
   * on both sides of the difference, which each lie within the width.
   */
  private double rowLoss() {
    return switch (job.spec().family()) {
      case LOGISTIC -> LOSS_LIMIT;
      case LINEAR -> 0.5 * (LOSS_LIMIT + LOSS_LIMIT) * (LOSS_LIMIT + LOSS_LIMIT);
      case POISSON, GAMMA -> 2 * Math.max(widthOfLoss(0), widthOfLoss(OUTCOME_LIMIT));
    };
  }

  /** From the least to the largest loss of an outcome, wherever the row's logit lies. */
  private double widthOfLoss(double outcome) {
    double[] levelled = series.levelled().values();
    double[] loss = series.loss().values();
    Arrays.setAll(loss, i -> loss[i] - outcome * levelled[i]);
    DoubleSummaryStatistics all = Arrays.stream(loss).summaryStatistics();
    return all.getMax() - all.getMin();
  }

  /**
   * What the parties have learned in an opened pass.
   *
   * @param beyond about how many rows have a logit near the end of the range or beyond
   * @param loss mean loss, without the penalty; NaN if only the spread was opened
   * @param lossNoise standard deviation of the noise in it
   */
  record Sums(double beyond, double beyondNoise, double loss, double lossNoise) {}

  Sums sums(Part part, Opening opening, long spread, long loss) {
    double n = part.cohort();
    double beyond =
        Math.scalb((double) field.centre(spread), -scale.residualBits())
            + series.spread().constant() * n;
    double mean =
        Math.scalb((double) field.centre(loss), -(scale.residualBits() + scale.featureBits())) / n
            + series.loss().constant()
            + outcomesLoss();
    double root2 = Math.sqrt(2);
    return new Sums(
        beyond,
        NOISE_ROWS * root2,
        opening.withLoss() ? mean : Double.NaN,
        Math.hypot(NOISE_ROWS, labelLossRows()) * rowLoss() / n);
  }

  /**
   * Decides, and remembers; every party calls it, or {@link #follow}, once for an opened pass.
   *
   * @throws IllegalArgumentException if the logits leave the widest range
   */
  Decision decide(Part part, boolean last, Sums sums) {
    Decision decision;
    if (sums.beyond() > ALARM_SIGMAS * sums.beyondNoise() + 5e-4 * part.cohort()) {
      decision = range.next() == null ? Decision.SLOWER : Decision.WIDER;
    } else if (sums.loss()
        > Math.min(lastLoss, noInformation()) + fittedToSample() + SIGMAS * sums.lossNoise()) {
      decision = Decision.SLOWER;
    } else if (last
        && lastLoss - sums.loss() < job.spec().tolerance()
        && sums.lossNoise() < job.spec().tolerance()) {
      decision = Decision.STOP;
    } else {
      decision = Decision.GO_ON;
    }
    follow(decision);
    if ((decision == Decision.GO_ON || decision == Decision.STOP) && !Double.isNaN(sums.loss())) {
      gap = remaining(sums);
      lastLoss = sums.loss();
    }
    return decision;
  }

  /**
   * What the last stage gained, as the two opened losses have it. The first stage of a sample is
   * fitted to the sample, so that the second shows no gain.
   */
  private RemainingGap remaining(Sums sums) {
    losses++;
    return losses <= (rest.cohort() == 0 ? 1 : 2)
        ? RemainingGap.UNKNOWN
        : new RemainingGap(Math.max(0, lastLoss - sums.loss()), Math.sqrt(2) * sums.lossNoise());
  }

  /** How far the end may be from the minimum: what the last of the stages gained. */
  RemainingGap gap() {
    return gap;
  }

  /** Applies a decision. */
  void follow(Decision decision) {
    if (decision == Decision.WIDER) {
      range = range.next();
      series = fit();
    } else if (decision == Decision.SLOWER) {
      if (speed < 1) {
        throw new IllegalArgumentException(tooWide());
      }
      speed /= 2;
      schedule = schedule.slower(job.spec().maxPasses());
    }
  }

  /** The part of the mean loss that no logit is in, as far as it is known. */
  private double outcomesLoss() {
    return switch (job.spec().family()) {
      case LOGISTIC -> 0;
      case LINEAR -> 0.5;
      // The label party takes off the loss without features, which the mean outcome is the unit of.
      case POISSON, GAMMA -> 1;
    };
  }

  private double noInformation() {
    return switch (job.spec().family()) {
      case LOGISTIC -> Math.log(2);
      case LINEAR -> 0.5;
      case POISSON, GAMMA -> 1;
    };
  }

  private String tooWide() {
    return job.spec().family().logLink()
        ? "some people's expected outcomes are more than about %.0f times the mean, which is the most"
                .formatted(Math.exp(range.largest() - 1))
            + " that level sealed can hold; use a larger l2, or level gradients"
        : "the logits leave the widest range that level sealed can hold (about ±%.0f): the"
                .formatted(range.limit())
            + " outcome is nearly determined by the features; use a larger l2";
  }

  /** A sample's minimum is lower on the sample than that of the whole by half of this. */
  private double fittedToSample() {
    return rest.cohort() == 0 ? 0 : penaltyRows / (double) sample.cohort();
  }

  /**
   * The step in units of a coefficient of a sum over one row. Each party's whitened slice adds at
   * most 1 to curvature.
   */
  private double step() {
    Family family = job.spec().family();
    double curvature = family.logLink() ? LOG_LINK_CURVATURE : family.maxCurvature();
    return speed / (curvature * shapes.size());
  }

  /** A step along the sample's gradient: the coefficient of that gradient. */
  double sampleStep() {
    return step() * scale.unit(sample.cohort());
  }

  /**
   * What every step of a corrected stage adds: the coefficient of the rest's gradient. With {@link
   * #sampleCorrection} it makes the mean gradient of the whole minus that of the sample.
   */
  double restStep() {
    return step() * scale.unit(job.rows());
  }

  /** The coefficient that goes with it, of the sample's gradient at the same point. */
  double sampleCorrection() {
    return restStep() - sampleStep();
  }

  /**
   * The range of curvatures that the stages after the first are made for, in units of one over the
   * step. Nesterov's method bears 4/3 of it, so that what the first stage has gone through the
   * others do.
   */
  Momentum.Curvature curvature() {
    double largest = job.spec().family().logLink() ? LOG_LINK_LARGEST_CURVATURE : LARGEST_CURVATURE;
    return new Momentum.Curvature(largest * schedule.leastCurvature(), largest);
  }
}
