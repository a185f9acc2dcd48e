package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.espalier.he.LaneLayout;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Series;
import org.espalier.protocols.shares.SharedSeries;
import org.espalier.protocols.shares.SharedSeries.Term;

/**
 * Everything that the parties of a {@code sealed} training compute alike from the job and the
 * shapes of all slices: scales, parameters, schedule, series and the steps that follow from opened
 * sums.
 *
 * <p>The rows that are trained on are those of all parties' penalties first (one for each penalised
 * column: the weight itself is its "logit"), then the cohort in an order drawn for the job.
 */
final class SealedPlan {
  /** Every opened sum carries noise worth this many rows from either compute party. */
  static final double NOISE_ROWS = 10;

  /** Bits after the point of a whitened weight that its opening leaves. */
  static final int OPENED_BITS = 13;

  /** A person's loss counts as at most about this in the opened sum. */
  private static final double LOSS_LIMIT = 6;

  private static final double SIGMAS = 6;
  private static final double ALARM_SIGMAS = 4;
  private static final int EARLY_PASSES = 8;

  /** A row counts 0.05 at 0.31 of the period, 0.45 at 0.4, 1 at its half. */
  private static final int EDGE_POWER = 8;

  private static final double LARGEST_WEIGHT = 8;
  private static final double GROUP_MEMORY = 100e6;

  /**
   * A run of passes over the same rows.
   *
   * @param rows of the cohort
   */
  record Stage(int rows, int passes) {}

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
   * What pass {@code s} of a stage opens. The logits of few people with extreme values grow fastest
   * in the first passes: there the spread is opened often enough that nobody crosses the end of the
   * range unseen; and the first pass of a stage shows whether its rows fit.
   */
  Opening opening(int stageIndex, int s) {
    if (s == stages.get(stageIndex).passes() - 1) {
      return Opening.SPREAD_AND_LOSS;
    }
    boolean early = stageIndex == 0 && (s < EARLY_PASSES || s % 3 == 2);
    return early || s == 0 ? Opening.SPREAD : Opening.NOTHING;
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
  final List<Stage> stages;

  private SealedRange range;
  private Fitted series;
  private double speed = 2;
  private double lastLoss = Double.POSITIVE_INFINITY;

  /**
   * @param shapes label party first, its intercept and outcome column included
   */
  SealedPlan(TrainingJob job, List<Shape> shapes) {
    this.job = job;
    this.shapes = List.copyOf(shapes);
    this.scale = SealedScale.of(job.rows());
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
    this.stages = stages(job.rows(), job.spec().tolerance(), job.spec().maxPasses());
    this.parameters =
        SealedParameters.choose(
            new SealedWorkload(
                scale.plainBits(),
                rowL1,
                columnL1,
                2 * SealedRange.FORTY.harmonics(job.rows()),
                openedBits(most)));
    this.field = new PrimeField(parameters.matrix().parameters().plain());
    this.range = SealedRange.first(job.rows(), job.spec().l2());
    this.series = fit();
  }

  /**
   * A penalty row holds its weight this many times, so that the weights that occur fill the range:
   * at the minimum l2/2·w² is at most the loss without features; and a prepared feature's weight
   * beyond 8 (e^8 in the odds for one standard deviation) does not occur in practice.
   */
  static double penaltyFactor(TrainingJob job) {
    double loss = job.spec().family() == Family.LOGISTIC ? Math.log(2) : 0.5;
    double largest = Math.min(LARGEST_WEIGHT, Math.sqrt(2 * loss / job.spec().l2()));
    return SealedRange.first(job.rows(), job.spec().l2()).limit() / largest;
  }

  /** All that one side's decryptions can ever influence of what the other side reads. */
  private int openedBits(int columns) {
    int perWeight = scale.plainBits() - (scale.weightScale() - OPENED_BITS);
    // The noise leaves of a sum what is above its standard deviation, more than 2^3 of its units.
    int perSum = scale.plainBits() - scale.residualBits() - 3;
    return columns * perWeight + 2 * perSum * openings(stages);
  }

  private static int openings(List<Stage> stages) {
    // Every stage may be run once for each range and twice more slowly.
    return (2 * stages.size() + EARLY_PASSES + 3) * (SealedRange.values().length + 2);
  }

  /**
   * The schedule: small cohorts in full from the start, large ones first on a quarter of the rows,
   * where a pass costs a quarter and gains as much. A tolerance of 1e-6 or more shortens that of
   * small cohorts to what reaches it on data that are not badly conditioned.
   */
  static List<Stage> stages(int rows, double tolerance, int maxPasses) {
    List<Stage> all = new ArrayList<>();
    if (rows > SealedScale.MEDIUM_ROWS) {
      all.add(new Stage(rows / 4, 15));
      all.add(new Stage(rows, 12));
    } else {
      int full = rows > SealedScale.SMALL_ROWS ? 5 : 8;
      int count = tolerance >= 1e-4 ? 1 : tolerance >= 1e-5 ? 2 : tolerance >= 1e-6 ? 4 : full;
      for (int i = 0; i < count; i++) {
        all.add(new Stage(rows, 15));
      }
    }
    List<Stage> kept = new ArrayList<>();
    int left = maxPasses;
    for (Stage stage : all) {
      if (left > 0) {
        kept.add(new Stage(stage.rows(), Math.min(left, stage.passes())));
        left -= stage.passes();
      }
    }
    return List.copyOf(kept);
  }

  int totalPasses() {
    return stages.stream().mapToInt(Stage::passes).sum();
  }

  /** Rows of a stage, those of the penalties included. */
  int extended(Stage stage) {
    return penaltyRows + stage.rows();
  }

  SealedRange range() {
    return range;
  }

  /** The shape where the label party holds: the feature parties own. */
  Correlations.Shape heldByLabel(Stage stage) {
    return correlations(stage, most(shapes.subList(1, shapes.size())));
  }

  /** The shape where the first feature party holds: the label party and the other ones own. */
  Correlations.Shape heldByCompute(Stage stage) {
    List<Shape> owners = new ArrayList<>(shapes);
    owners.remove(1);
    return correlations(stage, most(owners));
  }

  private static int most(List<Shape> owners) {
    return owners.stream().mapToInt(Shape::columns).max().orElseThrow();
  }

  /** One lane a pass and one for the opened loss. */
  private Correlations.Shape correlations(Stage stage, int mostColumns) {
    int vectors = stage.passes() + 1;
    int lanes = vectors == 1 ? 1 : Integer.highestOneBit(vectors - 1) << 1;
    int degree = parameters.matrix().parameters().degree();
    int rows = extended(stage);
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

  SharedSeries.Layout layout(Stage stage) {
    return new SharedSeries.Layout(
        parameters.slots().parameters().degree(),
        extended(stage),
        range.harmonics(job.rows()),
        range.divisor,
        scale.holderBits(),
        scale.otherBits());
  }

  private double period() {
    return Math.scalb((double) field.modulus(), -scale.logitBits()) / range.divisor;
  }

  /** The series of one range, fitted once. */
  private record Fitted(
      Series identity, Series residual, Series levelled, Series evenLoss, Series spread) {}

  private Fitted fit() {
    boolean logistic = job.spec().family() == Family.LOGISTIC;
    Series identity = odd(z -> z);
    return new Fitted(
        identity,
        logistic ? odd(z -> SubspaceFit.sigmoid(z) - 0.5) : identity,
        odd(SealedPlan::levelled),
        even(
            logistic
                ? z -> Math.log(2 * Math.cosh(levelled(z) / 2))
                : z -> 0.5 * levelled(z) * levelled(z)),
        Series.edge(EDGE_POWER, range.harmonics(job.rows()), period()));
  }

  private Series odd(DoubleUnaryOperator f) {
    return Series.odd(f, range.harmonics(job.rows()), period(), range.limit());
  }

  private Series even(DoubleUnaryOperator f) {
    return Series.even(f, range.harmonics(job.rows()), period(), range.limit());
  }

  /**
   * The functions of the logits that give a share a row: residuals plus the outcome (minus ½ for
   * the logistic family), on penalty rows the penalty's; and for the loss the part of it that meets
   * the outcome, the logit itself, levelling off.
   */
  List<List<Term>> rowFunctions(Stage stage, Opening opening) {
    double factor = penaltyFactor(job);
    List<Term> residual =
        List.of(
            new Term(
                series.identity(),
                job.spec().l2() * stage.rows() / (factor * factor),
                0,
                penaltyRows),
            onCohort(stage, series.residual()));
    return opening.withLoss()
        ? List.of(residual, List.of(onCohort(stage, series.levelled())))
        : List.of(residual);
  }

  /**
   * The functions that are summed over the cohort, as many as are opened: a count of rows near the
   * end of the range or beyond; and the rest of the loss, the same whatever the outcome.
   */
  List<List<Term>> sumFunctions(Stage stage, Opening opening) {
    return List.of(
            List.of(onCohort(stage, series.spread())), List.of(onCohort(stage, series.evenLoss())))
        .subList(0, opening.sums);
  }

  private Term onCohort(Stage stage, Series function) {
    return new Term(function, 1, penaltyRows, extended(stage));
  }

  private static double levelled(double z) {
    return LOSS_LIMIT * Math.tanh(z / LOSS_LIMIT);
  }

  /** Standard deviation of either party's noise on the spread, in units of its share. */
  double spreadNoise() {
    return Math.scalb(NOISE_ROWS, scale.residualBits());
  }

  /** The same of the loss. */
  double lossNoise() {
    return Math.scalb(NOISE_ROWS * rowLoss(), scale.residualBits() + scale.featureBits());
  }

  /** The most that one person adds to the opened loss. */
  private double rowLoss() {
    return job.spec().family() == Family.LOGISTIC
        ? LOSS_LIMIT
        : 0.5 * (LOSS_LIMIT + LOSS_LIMIT) * (LOSS_LIMIT + LOSS_LIMIT);
  }

  /**
   * What the parties have learned in an opened pass.
   *
   * @param beyond about how many rows have a logit near the end of the range or beyond
   * @param loss mean loss, without the penalty; NaN if only the spread was opened
   * @param lossNoise standard deviation of the noise in it
   */
  record Sums(double beyond, double beyondNoise, double loss, double lossNoise) {}

  Sums sums(Stage stage, Opening opening, long spread, long loss) {
    double n = stage.rows();
    double beyond =
        Math.scalb((double) field.centre(spread), -scale.residualBits())
            + series.spread().constant() * n;
    double mean =
        Math.scalb((double) field.centre(loss), -(scale.residualBits() + scale.featureBits())) / n
            + series.evenLoss().constant()
            + (job.spec().family() == Family.LOGISTIC ? 0 : 0.5);
    double root2 = Math.sqrt(2);
    return new Sums(
        beyond,
        NOISE_ROWS * root2,
        opening.withLoss() ? mean : Double.NaN,
        NOISE_ROWS * rowLoss() * root2 / n);
  }

  /**
   * Decides, and remembers; every party calls it, or {@link #follow}, once for an opened pass.
   *
   * @throws IllegalArgumentException if the logits leave the widest range
   */
  Decision decide(Stage stage, boolean last, Sums sums) {
    Decision decision;
    if (sums.beyond() > ALARM_SIGMAS * sums.beyondNoise() + 5e-4 * stage.rows()) {
      decision = range.next() == null ? Decision.SLOWER : Decision.WIDER;
    } else if (sums.loss() > Math.min(lastLoss, noInformation()) + SIGMAS * sums.lossNoise()) {
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
      lastLoss = sums.loss();
    }
    return decision;
  }

  /** Applies a decision. */
  void follow(Decision decision) {
    if (decision == Decision.WIDER) {
      range = range.next();
      series = fit();
    } else if (decision == Decision.SLOWER) {
      if (speed < 1) {
        throw new IllegalArgumentException(
            "the logits leave the widest range that level sealed can hold (about ±%.0f): the"
                    .formatted(range.limit())
                + " outcome is nearly determined by the features; use a larger l2");
      }
      speed /= 2;
    }
  }

  private double noInformation() {
    return job.spec().family() == Family.LOGISTIC ? Math.log(2) : 0.5;
  }

  /**
   * The step in units of a coefficient. Each party's whitened slice adds at most 1 to curvature.
   */
  double step(Stage stage) {
    double curvature = job.spec().family().maxCurvature() * shapes.size();
    return speed / curvature * scale.unit(stage.rows());
  }
}
