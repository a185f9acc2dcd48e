package org.espalier.protocols.neural;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.espalier.he.HeContext;
import org.espalier.he.LaneLayout;
import org.espalier.he.LayerParameters;
import org.espalier.he.Parameters;
import org.espalier.he.RangeException;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.shares.Correlations;
import org.espalier.protocols.shares.PrimeField;

/** Everything that all parties of a training compute alike from the job and the slices' sizes. */
final class SourcePlan implements AutoCloseable {
  /** Bits after the point of a whitened weight that its opening leaves. */
  static final int OPENED_BITS = 13;

  /** Of whitening: rare directions stay small, and with them the range that weights need. */
  static final double RIDGE = 0.03;

  private static final int MOST_WIDTH = 8;
  private static final int MOST_EPOCHS_AT_ONCE = 16;

  /** What a label party keeps of prepared products, two residues a row and unit. */
  private static final long SUPPLY_MEMORY = 448L << 20;

  /** Exact sums of doubles. */
  private static final int EXACT_BITS = 53;

  /**
   * Of all slices together.
   *
   * @param rowL1 largest of a feature party
   * @param columnL1 largest of a feature party, within a batch
   * @param reach Σ_p of {@link SliceFacts#reach}
   * @param rowNorms Σ_p of {@link SliceFacts#rowNorm}, each times the length of its first weights
   */
  record Size(
      int labelColumns,
      int featureColumns,
      int mostColumns,
      long rowL1,
      long columnL1,
      double reach,
      double rowNorms) {
    boolean valid() {
      return rowL1 >= 1
          && columnL1 >= 1
          && reach > 0
          && reach < 1e15
          && rowNorms > 0
          && rowNorms < 1e15
          && mostColumns <= featureColumns;
    }
  }

  final SourceJob job;
  final Size size;
  final Batches batches;
  final Recency recency;
  final SourceScale scale;
  final PrimeField field;
  final HeContext context;

  /**
   * @throws IllegalArgumentException if the job cannot be run with these slices
   */
  SourcePlan(SourceJob job, Batches batches, Size size) {
    this.job = job;
    this.batches = batches;
    this.size = size;
    Disclosure.requireRows(job.rows(), size.featureColumns());
    this.recency = new Recency(job.spec().momentum());
    this.scale =
        SourceScale.of(
            job.spec(), recency, job.rows(), batches.count(), size.reach(), size.rowNorms());
    long l1 = Math.max(size.rowL1(), size.columnL1());
    Parameters parameters;
    try {
      parameters = LayerParameters.choose(scale.plainBits(), l1, MOST_WIDTH);
    } catch (RangeException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
    this.field = new PrimeField(parameters.plain());
    if (l1 >= 1L << (EXACT_BITS - halfBits())) {
      throw new Ring.RangeError("a row or column of absolute sum " + l1 + " is too large");
    }
    this.context = HeContext.of(parameters);
  }

  /** Of the lower half of a residue, whose products with a slice are exact in doubles. */
  int halfBits() {
    return (field.bits() + 1) / 2;
  }

  int hidden() {
    return job.spec().hidden();
  }

  /** Length of the first weights of each unit at a party with so many columns. */
  static double initialLength(int columns, int allColumns) {
    return Math.sqrt((double) columns / allColumns);
  }

  /** A slope of 1 in units, for a batch of so many rows. */
  double slopeUnit(int rows) {
    int bits = scale.weightBits() - scale.featureBits() - recency.bits();
    return Math.scalb(job.spec().rate(), bits) / rows;
  }

  /**
   * How long the slopes of a unit may be in a step, in units: so little that no pre-activation
   * moves by more than a quarter of the modulus between two visits of its batch. Each visit finds
   * it within another quarter, or training ends; so it never wraps unseen.
   */
  double slopeNorm() {
    double reach = Math.scalb(size.reach(), 2 * scale.featureBits());
    double quarter = Math.scalb(scale.quarter(), scale.activationBits());
    return quarter / (batches.count() * (double) recency.total() * reach);
  }

  /** For how many epochs products with a batch are prepared at once. */
  int epochsAtOnce(int epochsLeft) {
    int best = 1;
    double bestBytes = Double.POSITIVE_INFINITY;
    int most = Math.min(epochsLeft, MOST_EPOCHS_AT_ONCE);
    for (int epochs = 1; epochs <= most; epochs++) {
      long memory = 2L * Long.BYTES * job.rows() * hidden() * epochs;
      LaneLayout layout = layout(epochs);
      if (layout == null || (epochs > 1 && memory > SUPPLY_MEMORY)) {
        break;
      }
      double bytes = bytes(layout, epochs) / epochs;
      if (bytes < bestBytes) {
        bestBytes = bytes;
        best = epochs;
      }
    }
    return best;
  }

  /** The products of a batch for some epochs. */
  Correlations.Shape shape(int rows, int epochs) {
    return new Correlations.Shape(layout(epochs), epochs * hidden(), rows, 1);
  }

  private LaneLayout layout(int epochs) {
    int vectors = epochs * hidden();
    int lanes = vectors == 1 ? 1 : Integer.highestOneBit(vectors - 1) << 1;
    int degree = context.parameters().degree();
    LaneLayout best = null;
    for (int width = 1; width <= MOST_WIDTH && lanes * width <= degree / 8; width *= 2) {
      LaneLayout layout = new LaneLayout(degree, lanes, width);
      if (best == null || bytes(layout, epochs) < bytes(best, epochs)) {
        best = layout;
      }
    }
    return best;
  }

  /** What one batch's products with the widest slice cost on the wire. */
  private double bytes(LaneLayout layout, int epochs) {
    int rows = batches.mostRows();
    int vectors = epochs * hidden();
    double limb = context.parameters().degree() * 8.0;
    double groups = layout.groups(size.mostColumns());
    double blocks = layout.blocks(rows);
    double wanted = 8.0 * vectors * (rows + size.mostColumns());
    return (groups + blocks) * (context.ciphertextBytes() + limb) + wanted;
  }

  Map<String, Object> parametersRun(int epochs) {
    Map<String, Object> ran = new LinkedHashMap<>();
    Parameters p = context.parameters();
    ran.put("level", Level.ACTIVATIONS.wireName());
    ran.put("cipher", p.toString());
    ran.put("ring_degree", p.degree());
    ran.put("modulus_bits", p.modulusBits());
    ran.put("plain_modulus", p.plain());
    ran.put("security_bits", p.securityBits());
    ran.put("feature_bits", scale.featureBits());
    ran.put("slope_bits", scale.slopeBits());
    ran.put("weight_bits", scale.weightBits());
    ran.put("activation_noise_bits", Disclosure.ACTIVATION_NOISE_BITS);
    ran.put("hidden", hidden());
    ran.put("rows", job.rows());
    ran.put("batches", batches.count());
    ran.put("epochs", epochs);
    return Collections.unmodifiableMap(ran);
  }

  @Override
  public void close() {
    context.close();
  }
}
