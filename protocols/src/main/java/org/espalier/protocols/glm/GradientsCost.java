package org.espalier.protocols.glm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.HeContext;
import org.espalier.he.ParameterChooser;
import org.espalier.he.TileStore;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.linear.ResidualHolder;
import org.espalier.protocols.linear.SliceEvaluator;
import org.espalier.protocols.predict.LogitsCost;
import org.espalier.protocols.shares.SharesCost;
import org.espalier.protocols.shares.WeightedGram;

/** The steps of {@link GradientsTraining}. Label party first. */
final class GradientsCost {
  /** Steps of the plaintext fit between two passes: products with the design and Hessians. */
  private static final double FIT_PRODUCTS = 12;

  private static final double FIT_HESSIANS = 1.5;

  /** The same of a softmax regression, for each class. */
  private static final double FIT_ITERATIONS = 40;

  private static final double FIT_BLOCKS = 1.5;

  /** What a row's loss and its derivative cost, in entries of a product. */
  private static final double FIT_ROW = 40;

  /** What the level begins with, code that is not compiled included, as a part of level sealed. */
  private static final double SET_UP_SHARE = 0.6;

  /** Vectors of a row each at the label party: logits, residuals, ciphertexts, as they come. */
  private static final int LABEL_VECTORS = 12;

  /** The same at a feature party. */
  private static final int FEATURE_VECTORS = 4;

  private static final int SQUARES = 6;

  private final TrainingJob job;
  private final Quantisation quantisation;
  private final TrainingCost.Size size;
  private final int[] columns;
  private final Script script;
  private final Lane label;

  /** Products of a pass, and directions that it opens. */
  private final int opened;

  private GradientsCost(TrainingJob job, TrainingCost.Size size) {
    this.job = job;
    this.quantisation = quantisation(job, size);
    this.size = size;
    this.columns = size.columns();
    this.script = new Script(columns.length);
    this.label = script.party(0);
    this.opened = job.spec().opened();
  }

  /**
   * Passes for a digit of the tolerance beyond the first pass, as trainings have needed them: on
   * German credit, Adult and synthetic cohorts of 1,000 to 32,561 rows and 10 to 150 columns, for
   * tolerances from 1e-2 to 1e-7. More parties see more of each other's columns, which their own
   * whitening does not take away.
   */
  private static final double FEWEST = 0.4;

  private static final double EXPECTED_FOR_EACH_PARTY = 0.55;
  private static final double MOST_FOR_EACH_PARTY = 1;
  private static final int PARTIES_THAT_COUNT = 4;

  /**
   * With a penalty on absolute weights, in units of what it takes without: on the test data and on
   * breast cancer 9 to 16 passes where columns differ, 30 to 60 where they are alike.
   */
  private static final double EXPECTED_IF_SPARSE = 2;

  private static final double MOST_IF_SPARSE = 5;

  /** Fits of the label party in each of its passes. */
  private static final int SPARSE_FITS = 2;

  /**
   * Passes of a fit of a path beyond the first, and as a part of the number of fits those that
   * bring no direction, since there are no more of these than columns: as 12 to 24 fits with 11 to
   * 60 columns have needed them, for tolerances of 1e-6 and 1e-8.
   */
  private static final double EXPECTED_FOR_EACH_FIT = 2;

  private static final double MOST_FOR_EACH_FIT = 4;
  private static final double EXPECTED_WITHOUT_DIRECTION = 0.4;

  static int fewestPasses(TrainingSpec spec, int[] columns) {
    return passes(spec, columns, Math.floor(FEWEST * digits(spec)), 1, 0);
  }

  static int expectedPasses(TrainingSpec spec, int[] columns) {
    return passes(
        spec,
        columns,
        Math.rint(
            (spec.l1() > 0 ? EXPECTED_IF_SPARSE : 1)
                * EXPECTED_FOR_EACH_PARTY
                * columns.length
                * digits(spec)),
        EXPECTED_FOR_EACH_FIT,
        EXPECTED_WITHOUT_DIRECTION);
  }

  static int mostPasses(TrainingSpec spec, int[] columns) {
    int parties = Math.min(columns.length, PARTIES_THAT_COUNT);
    return passes(
        spec,
        columns,
        Math.ceil(
            (spec.l1() > 0 ? MOST_IF_SPARSE : 1) * MOST_FOR_EACH_PARTY * parties * digits(spec)),
        MOST_FOR_EACH_FIT,
        1);
  }

  private static double digits(TrainingSpec spec) {
    return -Math.log10(spec.tolerance());
  }

  /** As far as the job and the rule on disclosure allow them. */
  private static int passes(
      TrainingSpec spec,
      int[] columns,
      double afterTheFirst,
      double forEachFit,
      double withoutDirection) {
    int features = Arrays.stream(columns).skip(1).sum();
    double wanted = 1 + (int) afterTheFirst;
    if (spec.path() != null) {
      int fits = spec.path().fits();
      wanted = Math.min(wanted + forEachFit * (fits - 1), features + withoutDirection * fits);
    }
    int most = Math.min((int) wanted, spec.maxPasses());
    return Math.max(
        1,
        Math.min(most, Disclosure.passLimit(features, most, spec.acceptSpan(), 0, spec.opened())));
  }

  static TrainingCost of(TrainingJob job, TrainingCost.Size size, int passes) {
    Quantisation quantisation = quantisation(job, size);
    long columnL1 = Math.round(Math.scalb(0.8 * job.rows(), quantisation.featureBits()));
    ParameterChooser.Choice choice =
        ParameterChooser.choose(
            ResidualHolder.workload(
                job.rows(),
                Arrays.copyOfRange(size.columns(), 1, size.parties()),
                quantisation,
                columnL1));
    List<TrainingCost.Phase> phases = new ArrayList<>();
    GradientsCost prepare = new GradientsCost(job, size);
    prepare.begin(choice);
    phases.add(prepare.phase(TrainingCost.Part.PREPARE, choice, 0));
    GradientsCost train = new GradientsCost(job, size);
    try (HeContext context = HeContext.of(choice.parameters())) {
      for (int pass = 1; pass <= passes; pass++) {
        train.pass(context, choice, pass);
      }
      if (job.spec().path() != null) {
        train.path(passes);
      } else {
        train.start(passes);
      }
    }
    if (job.spec().inference()) {
      train.inference();
    }
    phases.add(train.phase(TrainingCost.Part.TRAIN, choice, passes));
    if (size.holdout() > 0) {
      GradientsCost evaluate = new GradientsCost(job, size);
      int each = Math.max(1, job.spec().classes());
      new LogitsCost(evaluate.script, size.holdout() * each).joint(size.columns());
      phases.add(evaluate.phase(TrainingCost.Part.EVALUATE, choice, 0));
    }
    return new TrainingCost(phases, passes);
  }

  private static Quantisation quantisation(TrainingJob job, TrainingCost.Size size) {
    int features = Arrays.stream(size.columns()).skip(1).sum();
    return Quantisation.forTolerance(
        job.rows(), features, job.spec().tolerance(), job.spec().spareBits());
  }

  private TrainingCost.Phase phase(
      TrainingCost.Part part, ParameterChooser.Choice choice, int passes) {
    List<Footprint> footprints = new ArrayList<>();
    for (int p = 0; p < columns.length; p++) {
      footprints.add(footprint(part, choice, passes, p).plus(Footprint.passing(script, p)));
    }
    return new TrainingCost.Phase(part, script, footprints);
  }

  private Footprint footprint(
      TrainingCost.Part part, ParameterChooser.Choice choice, int passes, int p) {
    long prepared = (long) job.rows() * columns[p] * Double.BYTES;
    if (part == TrainingCost.Part.EVALUATE) {
      long each = columns[p] + 2L * Math.max(1, job.spec().classes());
      return Footprint.ofHeap(prepared + size.holdout() * each * Double.BYTES);
    }
    long polynomial =
        (long) choice.parameters().limbs() * choice.parameters().degree() * Long.BYTES;
    Footprint contexts = Footprint.ofNative(32 * polynomial);
    if (p == 0) {
      // The fit has its own copy of the columns, with a column more for the intercept and for each
      // direction; it grows by doubling.
      int width = Integer.highestOneBit(Math.max(8, passes * opened)) * 2 + columns[0] + 1;
      long vectors = (long) LABEL_VECTORS * Math.max(1, job.spec().classes());
      Footprint fit = Footprint.ofHeap(prepared + job.rows() * (width + vectors) * Double.BYTES);
      long logits = (long) job.rows() * passes * Double.BYTES;
      if (job.spec().patience() > 0) {
        // The columns of the people in the fit, and of everybody what passes opened.
        long fitted = (long) job.fitted() * columns[p] * Double.BYTES;
        return contexts.plus(fit).plus(Footprint.ofHeap(fitted + logits));
      }
      if (job.spec().path() == null) {
        return contexts.plus(fit);
      }
      // The fit of everybody stays beside that of a fold, and so do the opened logits.
      return contexts.plus(fit).plus(fit).plus(Footprint.ofHeap(logits));
    }
    long square = (long) columns[p] * columns[p] * Double.BYTES;
    long directions = (long) passes * opened * columns[p] * 2 * Double.BYTES;
    long vectors = (long) FEATURE_VECTORS * job.rows() * Double.BYTES;
    // As integers until the tiles are made; the heap does not shrink again.
    TileStore.Shape shape = shape(choice, p);
    long integers = (long) job.rows() * columns[p] * shape.entryBytes();
    return contexts
        .plus(Footprint.ofHeap(prepared + integers + SQUARES * square + directions + vectors))
        .plus(
            Footprint.ofNative(
                shape.bytes(choice.parameters())
                    + 2L * (ResidualHolder.ENCRYPTED_AT_ONCE + groups(choice, p)) * polynomial));
  }

  private void begin(ParameterChooser.Choice choice) {
    double rows = job.rows();
    double unit = SharesCost.unit(choice.parameters().degree());
    label.compute(Work.SET_UP, SET_UP_SHARE);
    fit(0);
    for (int p = 1; p < columns.length; p++) {
      Lane lane = script.party(p);
      lane.compute(Work.SET_UP, SET_UP_SHARE);
      // Feature parties tell each other their columns, and the first of two a seed for masks.
      for (int q = 1; q < columns.length; q++) {
        if (q != p) {
          script.message(lane, script.party(q), Integer.BYTES);
        }
      }
    }
    for (int p = 1; p < columns.length; p++) {
      double d = columns[p];
      Lane lane = script.party(p);
      lane.compute(Work.WHITENING, rows * d * d)
          .compute(Work.WHITENING_ENTRY, rows * d)
          .compute(Work.ROTATION, d * d * d);
      if (sparse()) {
        lane.compute(Work.WHITENING, rows * d * d);
      }
      for (int q = p + 1; q < columns.length; q++) {
        script.message(lane, script.party(q), 32);
      }
      lane.compute(Work.ROUNDING, rows * d);
      script.message(lane, label, 2 * Integer.BYTES + Long.BYTES);
    }
    int setUp = 3 * Integer.BYTES + choice.parameters().encode().length;
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), setUp);
      script
          .party(p)
          .compute(Work.MADE_TILE, keptTiles(choice, p) * unit)
          .compute(Work.FRESH_BYTE, (double) shape(choice, p).bytes(choice.parameters()));
      script.message(script.party(p), label, 2 * Integer.BYTES);
    }
  }

  private double tiles(ParameterChooser.Choice choice, int party) {
    return (double) choice.blocks(job.rows()) * groups(choice, party);
  }

  private double keptTiles(ParameterChooser.Choice choice, int party) {
    return (double) choice.blocks(job.rows()) * shape(choice, party).keptGroups();
  }

  private TileStore.Shape shape(ParameterChooser.Choice choice, int party) {
    int largest = quantisation.largestFeature(job.rows());
    return SliceEvaluator.shape(choice, job.rows(), columns[party], largest);
  }

  private int groups(ParameterChooser.Choice choice, int party) {
    return (columns[party] + choice.width() - 1) / choice.width();
  }

  private void fit(int directions) {
    double width = columns[0] + 1 + (sparse() ? 0 : directions * opened);
    double fits = sparse() ? SPARSE_FITS : 1;
    int classes = job.spec().classes();
    if (classes > 0) {
      label
          .compute(Work.FIT, classes * FIT_BLOCKS * job.rows() * width * width)
          .compute(Work.REAL_PRODUCT, classes * FIT_ITERATIONS * job.rows() * (width + FIT_ROW));
      return;
    }
    label
        .compute(Work.FIT, fits * FIT_HESSIANS * job.rows() * width * width)
        .compute(Work.REAL_PRODUCT, fits * FIT_PRODUCTS * job.rows() * (width + FIT_ROW));
  }

  private boolean sparse() {
    return job.spec().l1() > 0;
  }

  private void start(int directions) {
    long bytes =
        sparse()
            ? Messages.SparseStart.LIMIT
            : (4L + opened) * Integer.BYTES + (long) directions * opened * opened * Double.BYTES;
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), bytes);
    }
  }

  /** What is there for the fits of a path beside their passes. */
  private void path(int passes) {
    for (int fit = 1; fit < job.spec().path().fits(); fit++) {
      fit(passes);
    }
    step();
    job.spec().path().values().forEach(value -> start(passes));
  }

  private void step() {
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), Messages.PathStep.LIMIT);
    }
  }

  private void pass(HeContext context, ParameterChooser.Choice choice, int pass) {
    double unit = SharesCost.unit(choice.parameters().degree());
    int blocks = choice.blocks(job.rows());
    if (job.spec().path() != null) {
      step();
      for (int p = 1; p < columns.length; p++) {
        double d = columns[p];
        script.party(p).compute(Work.ROTATION, d * d * d);
      }
    }
    start(pass - 1);
    // A warm start opens without a product.
    boolean product = pass > 1 || !job.spec().warmStart();
    for (int k = 0; k < opened && product; k++) {
      request(context, unit, blocks);
    }
    for (int p = 1; p < columns.length; p++) {
      if (product) {
        answer(context, choice, p, unit);
      }
      vectors(p, pass);
    }
    fit(pass);
  }

  /** A key and the residuals under it. */
  private void request(HeContext context, double unit, int blocks) {
    label.compute(Work.ROUNDING, job.rows()).compute(Work.KEY, unit);
    for (int p = 1; p < columns.length; p++) {
      script.message(label, script.party(p), Integer.BYTES + (long) context.ciphertextBytes());
      script.party(p).compute(Work.KEY, unit);
    }
    for (int from = 0; from < blocks; from += ResidualHolder.ENCRYPTED_AT_ONCE) {
      int count = Math.min(ResidualHolder.ENCRYPTED_AT_ONCE, blocks - from);
      label.compute(Work.OPERAND_ENCRYPTION, count * unit);
      for (int i = 0; i < count; i++) {
        for (int p = 1; p < columns.length; p++) {
          script.message(label, script.party(p), 2L * Integer.BYTES + context.ciphertextBytes());
          script.party(p).compute(Work.OPERAND_READ, unit);
        }
      }
    }
  }

  /** The steps of {@link StandardErrors}. */
  private void inference() {
    int[] counts = columns.clone();
    counts[0]++;
    WeightedGram.Plan plan = new WeightedGram.Plan(job.rows(), counts);
    for (int p = 1; p < columns.length; p++) {
      long d = columns[p];
      script.message(
          label, script.party(p), 2 * Integer.BYTES + (long) Long.BYTES * columns.length);
      script.party(p).compute(Work.ROUNDING, job.rows() * (double) d);
      script.message(script.party(p), label, Integer.BYTES);
    }
    label.compute(Work.FIT, job.rows() * (double) counts[0] * counts[0]);
    try (HeContext matrix = plan.matrixContext();
        HeContext slots = plan.slotContext()) {
      new SharesCost(script, matrix, slots, plan.field()).gram(plan, job.rows());
    }
    for (int p = 1; p < columns.length; p++) {
      variances(p);
      variances(p);
    }
  }

  /** One product with the entries of an upper triangle in the place of rows. */
  private void variances(int p) {
    int d = columns[p];
    int rows = d * (d + 1) / 2;
    Lane lane = script.party(p);
    long columnL1 = Math.round(Math.scalb(0.8 * rows, StandardErrors.BITS.featureBits()));
    ParameterChooser.Choice choice =
        ParameterChooser.choose(
            ResidualHolder.workload(rows, new int[] {d}, StandardErrors.BITS, columnL1));
    double unit = SharesCost.unit(choice.parameters().degree());
    int blocks = choice.blocks(rows);
    int groups = groups(choice, p);
    script.message(label, lane, 2 * Integer.BYTES);
    lane.compute(Work.ROUNDING, (double) rows * d);
    script.message(lane, label, 2 * Integer.BYTES + Long.BYTES);
    script.message(label, lane, 3 * Integer.BYTES + choice.parameters().encode().length);
    try (HeContext context = HeContext.of(choice.parameters())) {
      label
          .compute(Work.KEY, unit)
          .compute(Work.ROUNDING, rows)
          .compute(Work.OPERAND_ENCRYPTION, blocks * unit);
      script.message(label, lane, Integer.BYTES + (long) context.ciphertextBytes());
      for (int block = 0; block < blocks; block++) {
        script.message(label, lane, 2L * Integer.BYTES + context.ciphertextBytes());
      }
      lane.compute(Work.KEY, unit)
          .compute(Work.OPERAND_READ, blocks * unit)
          .compute(Work.MADE_TILE, (double) blocks * groups * unit)
          .compute(Work.OPERAND_REPLY, groups * unit);
      script.message(
          lane, label, Integer.BYTES + context.replyBytes(d, choice.width(), choice.replyLimbs()));
      label.compute(Work.OPERAND_OPENING, groups * unit);
      script.message(label, lane, Integer.BYTES + (long) Long.BYTES * d);
    }
  }

  /** The replies and what the label party opens of them. */
  private void answer(HeContext context, ParameterChooser.Choice choice, int p, double unit) {
    Lane lane = script.party(p);
    int groups = groups(choice, p);
    double kept = keptTiles(choice, p);
    lane.compute(Work.KEPT_TILE, opened * kept * unit)
        .compute(Work.MADE_TILE, opened * (tiles(choice, p) - kept) * unit)
        .compute(Work.OPERAND_REPLY, opened * groups * unit);
    for (int k = 0; k < opened; k++) {
      script.message(
          lane,
          label,
          Integer.BYTES + context.replyBytes(columns[p], choice.width(), choice.replyLimbs()));
    }
    label.compute(Work.OPERAND_OPENING, opened * groups * unit);
    for (int k = 0; k < opened; k++) {
      script.message(label, lane, Integer.BYTES + (long) Long.BYTES * columns[p]);
    }
  }

  /** Noisy logits and inner products. */
  private void vectors(int p, int pass) {
    Lane lane = script.party(p);
    double rows = job.rows();
    for (int k = 0; k < opened; k++) {
      lane.compute(Work.REAL_PRODUCT, rows * columns[p])
          .compute(Work.UNIFORM, rows * Math.max(1, columns.length - 2));
      for (long from = 0; from < job.rows(); from += Messages.CHUNK) {
        long count = Math.min(Messages.CHUNK, job.rows() - from);
        lane.compute(Work.PACKED, (double) count);
        script.message(lane, label, 2 * Integer.BYTES + (count * Ring.LOGITS.bits() + 7) / 8);
        label.compute(Work.PACKED, (double) count);
      }
    }
    long scalars =
        sparse()
            ? SparsePasses.SCALARS
            : 2L * GradientsTraining.products((pass - 1) * opened, opened);
    script.message(lane, label, Integer.BYTES + Long.BYTES * scalars);
  }
}
