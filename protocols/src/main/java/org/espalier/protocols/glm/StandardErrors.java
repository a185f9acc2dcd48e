package org.espalier.protocols.glm;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.linear.ResidualHolder;
import org.espalier.protocols.linear.RowSource;
import org.espalier.protocols.linear.SliceEvaluator;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.protocols.shares.WeightedGram;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * {@link Inference} at level {@code gradients}: H of all columns is opened at the label party,
 * those of each feature party in a basis that only it knows, so that what is opened would be the
 * same for all columns that span the same ({@link WeightedGram}). The label party inverts it, and
 * each feature party obtains from its block of the inverse B nothing but the variances of its own
 * weights, m_jᵀBm_j with m_j the row j of its whitening M: that is one encrypted product ({@link
 * ResidualHolder}) of the entries of B, which the label party encrypts, with those of m_jm_jᵀ. In
 * the same way it obtains from its block of H, the intercept taken out, with the rows of M⁻ᵀ what
 * each of its columns brings by itself, and so the variance inflation factors.
 */
final class StandardErrors {
  /** Bits of either factor of a variance. */
  static final Quantisation BITS = new Quantisation(16, 16);

  /** Why there may be none. */
  static final String NONE =
      "there are no standard errors: columns of several parties say nearly the same; leave some out,"
          + " or take a larger l2";

  /**
   * An eigenvalue of H must be so many times the deviation of an entry by rounding. An error in one
   * direction is then at most about a hundredth, and that of all together does not hide it.
   */
  private static final double DEVIATIONS = 64;

  private StandardErrors() {}

  /** Throws where there are too many columns, before anything is trained. */
  static void require(TrainingJob job, int label, int features) {
    if (job.spec().inference()) {
      WeightedGram.Plan.requireColumns(label + 1L + features);
    }
  }

  /**
   * The label party's side.
   *
   * @param columns of each party, label party first
   * @param own n × d
   * @param logits at the weights that training ended with, without offsets
   * @return null where the columns determine too little, see {@link #NONE}
   */
  static Inference label(
      TrainingJob job,
      Map<Party, Channel> features,
      List<Integer> columns,
      Matrix own,
      Outcomes outcomes,
      double[] logits) {
    return new Label(job, new TreeMap<>(features), columns, own, outcomes, logits).run();
  }

  private static final class Label {
    private final TrainingJob job;
    private final Map<Party, Channel> features;
    private final Matrix own;
    private final Outcomes outcomes;
    private final double[] z;
    private final Family family;
    private final WeightedGram.Plan plan;
    private final Whitening whitening;

    Label(
        TrainingJob job,
        Map<Party, Channel> features,
        List<Integer> columns,
        Matrix own,
        Outcomes outcomes,
        double[] logits) {
      this.job = job;
      this.features = features;
      this.own = own;
      this.outcomes = outcomes;
      this.family = job.spec().family();
      this.z = logits.clone();
      for (int i = 0; i < z.length; i++) {
        z[i] += outcomes.offset(i);
      }
      int[] counts = columns.stream().mapToInt(Integer::intValue).toArray();
      counts[0]++;
      this.plan = new WeightedGram.Plan(job.rows(), counts);
      this.whitening = Whitening.of(own, job.spec().ridge());
    }

    /** Own columns, whitened so that H is well conditioned within each party, and the intercept. */
    private Matrix whitened() {
      double[] ones = new double[job.rows()];
      Arrays.fill(ones, 1);
      return Matrix.beside(List.of(whitening.apply(own), new Matrix(job.rows(), 1, ones)));
    }

    Inference run() {
      double[] weights = new double[z.length];
      double largest = Double.MIN_NORMAL;
      for (int i = 0; i < z.length; i++) {
        weights[i] = outcomes.weight(i) * family.information(z[i]);
        largest = Math.max(largest, weights[i]);
      }
      // The same for all models whose curvatures the family bounds, and never too small for a
      // penalty: that of a whitened basis is at most the largest curvature.
      int least = Math.getExponent(family.maxCurvature());
      int unit = largest <= Math.scalb(1.0, least) ? least : Math.getExponent(largest) + 1;
      for (int i = 0; i < z.length; i++) {
        weights[i] = Math.scalb(weights[i], -unit);
      }
      long[] counts = new long[features.size() + 1];
      Arrays.setAll(counts, plan::columns);
      Messages.InformationShape shape = new Messages.InformationShape(unit, counts);
      features.values().forEach(channel -> channel.send(shape));
      int[] bits = new int[features.size()];
      int party = 0;
      for (Channel channel : features.values()) {
        Messages.InformationBits theirs =
            channel.receive(Messages.InformationBits.TYPE, Messages.InformationBits.LIMIT);
        if (theirs.bits() > plan.bits()) {
          throw new WireException.ProtocolViolation(
              channel.peer(), "announced more bits than columns may have");
        }
        bits[party++] = theirs.bits();
      }
      Matrix hessian = WeightedGram.label(plan, features, bits, whitened(), weights);
      addPenalty(hessian, unit);
      DMatrixRMaj inverse =
          inverse(hessian, Math.min(plan.bits(), Arrays.stream(bits).min().orElseThrow()));
      if (inverse == null || job.rows() <= plan.total()) {
        Messages.VarianceReach none = new Messages.VarianceReach(false, 0);
        features.values().forEach(channel -> channel.send(none));
        return null;
      }
      double dispersion = dispersion();
      CommonOps_DDRM.scale(Math.scalb(dispersion, -unit), inverse);
      DMatrixRMaj alone = withoutIntercept(hessian);
      CommonOps_DDRM.scale(dispersion > 0 ? Math.scalb(1 / dispersion, unit) : 0, alone);
      party = 1;
      for (Map.Entry<Party, Channel> feature : features.entrySet()) {
        give(feature.getKey(), feature.getValue(), inverse, party);
        give(feature.getKey(), feature.getValue(), alone, party++);
      }
      int d = own.columns();
      double[] variances = ownDiagonal(whitening.matrix(), inverse);
      return new Inference(
          roots(variances),
          inflation(variances, ownDiagonal(whitening.inverseTransposed(), alone)),
          Math.sqrt(Math.max(0, inverse.get(d, d))),
          dispersion);
    }

    /** H with the intercept minimised out: sums of products of centred columns. */
    private DMatrixRMaj withoutIntercept(Matrix hessian) {
      int total = plan.total();
      int intercept = own.columns();
      DMatrixRMaj centred = new DMatrixRMaj(total, total, true, hessian.values().clone());
      double sum = centred.get(intercept, intercept);
      for (int a = 0; a < total; a++) {
        for (int b = 0; b < total; b++) {
          double means = hessian.get(a, intercept) * hessian.get(intercept, b) / sum;
          centred.set(a, b, hessian.get(a, b) - means);
        }
      }
      return centred;
    }

    private void addPenalty(Matrix hessian, int unit) {
      int d = own.columns();
      double[] penalty = penalty(job, whitening, unit).values();
      double[] values = hessian.values();
      for (int a = 0; a < d; a++) {
        for (int b = 0; b < d; b++) {
          values[a * plan.total() + b] += penalty[a * d + b];
        }
      }
    }

    /** Null where a direction is hidden by rounding. */
    private DMatrixRMaj inverse(Matrix hessian, int bits) {
      int total = plan.total();
      EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(total, true, true);
      if (!eigen.decompose(new DMatrixRMaj(total, total, true, hessian.values()))) {
        return null;
      }
      double enough = DEVIATIONS * Math.scalb(Math.sqrt(job.rows()), -bits);
      DMatrixRMaj inverse = new DMatrixRMaj(total, total);
      for (int k = 0; k < total; k++) {
        double value = eigen.getEigenvalue(k).getReal();
        if (!(value > enough)) {
          return null;
        }
        DMatrixRMaj direction = eigen.getEigenVector(k);
        CommonOps_DDRM.multAddTransB(1 / value, direction, direction, inverse);
      }
      return inverse;
    }

    /** Pearson's X² over what the weights leave of n. */
    private double dispersion() {
      if (!family.hasDispersion()) {
        return 1;
      }
      double sum = 0;
      for (int i = 0; i < z.length; i++) {
        double mean = family.mean(z[i]);
        double off = outcomes.values()[i] - mean;
        sum += outcomes.weight(i) * off * off / family.variance(mean);
      }
      return sum / (z.length - plan.total());
    }

    /** m_jᵀ·C·m_j for the rows of m, with the own block of C. */
    private double[] ownDiagonal(Matrix m, DMatrixRMaj c) {
      double[] diagonal = new double[own.columns()];
      for (int j = 0; j < diagonal.length; j++) {
        for (int a = 0; a < diagonal.length; a++) {
          for (int b = 0; b < diagonal.length; b++) {
            diagonal[j] += m.get(j, a) * m.get(j, b) * c.get(a, b);
          }
        }
      }
      return diagonal;
    }

    /** Lets a feature party have the diagonal of its block in its own basis. */
    private void give(Party party, Channel channel, DMatrixRMaj covariance, int index) {
      int d = plan.columns(index);
      int offset = plan.offset(index);
      double[] upper = new double[d * (d + 1) / 2];
      int at = 0;
      double largest = Double.MIN_NORMAL;
      for (int a = 0; a < d; a++) {
        for (int b = a; b < d; b++) {
          upper[at] = covariance.get(offset + a, offset + b);
          largest = Math.max(largest, Math.abs(upper[at++]));
        }
      }
      int reach = Math.getExponent(largest) + 1;
      for (int k = 0; k < upper.length; k++) {
        upper[k] = Math.scalb(upper[k], -reach);
      }
      channel.send(new Messages.VarianceReach(true, reach));
      try (ResidualHolder product =
          new ResidualHolder(upper.length, d, columns -> BITS, Map.of(party, channel))) {
        product.deliver(upper);
      }
    }
  }

  private static double[] roots(double[] variances) {
    return Arrays.stream(variances).map(variance -> Math.sqrt(Math.max(0, variance))).toArray();
  }

  /** At least 1, which rounding may have taken them below. */
  private static double[] inflation(double[] variances, double[] alone) {
    double[] factors = new double[variances.length];
    Arrays.setAll(factors, j -> Math.max(1, variances[j] * alone[j]));
    return factors;
  }

  /**
   * A feature party's side.
   *
   * @param own n × d
   * @return null where the label party says that the columns determine too little
   */
  static Inference feature(
      TrainingJob job, Channel label, Map<Party, Channel> others, Matrix own, Whitening whitening) {
    int d = own.columns();
    Messages.InformationShape shape =
        label.receive(Messages.InformationShape.TYPE, Messages.InformationShape.LIMIT);
    if (shape.exponent() < Math.getExponent(job.spec().family().maxCurvature())) {
      throw new WireException.ProtocolViolation(
          label.peer(), "announced a unit that a penalty may exceed");
    }
    WeightedGram.Plan plan = plan(job, label, shape.columns(), d);
    WeightedGram.Slice slice = WeightedGram.Slice.of(plan, own, whitening, job.workspace());
    label.send(new Messages.InformationBits(slice.bits()));
    WeightedGram.feature(plan, label, others, slice, penalty(job, whitening, shape.exponent()));
    double[] variances = diagonal(label, whitening.matrix());
    if (variances == null) {
      return null;
    }
    double[] alone = diagonal(label, whitening.inverseTransposed());
    if (alone == null) {
      throw new WireException.ProtocolViolation(label.peer(), "gave half of what there is");
    }
    return new Inference(roots(variances), inflation(variances, alone), null, null);
  }

  /** m_jᵀ·C·m_j for the rows of m, with the label party's C; null where it has none. */
  private static double[] diagonal(Channel label, Matrix m) {
    Messages.VarianceReach reach =
        label.receive(Messages.VarianceReach.TYPE, Messages.VarianceReach.LIMIT);
    if (!reach.known()) {
      return null;
    }
    Squares squares = new Squares(m);
    double[] diagonal;
    try (SliceEvaluator product = new SliceEvaluator(label, squares, BITS)) {
      diagonal = product.receive().product();
    }
    for (int j = 0; j < diagonal.length; j++) {
      diagonal[j] = Math.scalb(diagonal[j], reach.exponent()) * squares.length(j);
    }
    return diagonal;
  }

  private static WeightedGram.Plan plan(TrainingJob job, Channel label, long[] columns, int own) {
    List<Party> features = job.featureParties();
    if (columns.length != features.size() + 1
        || columns[features.indexOf(label.self()) + 1] != own) {
      throw new WireException.ProtocolViolation(
          label.peer(), "announced other columns than there are");
    }
    try {
      return new WeightedGram.Plan(
          job.rows(), Arrays.stream(columns).mapToInt(Math::toIntExact).toArray());
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new WireException.ProtocolViolation(label.peer(), e.getMessage(), e);
    }
  }

  /** n·l2·MᵀM in the unit of curvatures: what the penalty adds to H in a whitened basis. */
  private static Matrix penalty(TrainingJob job, Whitening whitening, int unit) {
    Matrix m = whitening.matrix();
    int d = m.columns();
    double[] values = d == 0 ? new double[0] : m.gram().values().clone();
    double factor = Math.scalb(job.rows() * job.spec().l2(), -unit);
    for (int at = 0; at < values.length; at++) {
      values[at] *= factor;
    }
    return new Matrix(d, d, values);
  }

  /**
   * For each row m of a whitening the column of all m_a·m_b, twice where a &lt; b, in the order of
   * an upper triangle, brought to the length that a whitened column has.
   */
  private static final class Squares implements RowSource {
    private final Matrix m;
    private final double[] lengths;

    Squares(Matrix m) {
      this.m = m;
      this.lengths = new double[m.rows()];
      for (int j = 0; j < lengths.length; j++) {
        double squares = 0;
        double fourth = 0;
        for (int a = 0; a < m.columns(); a++) {
          double square = m.get(j, a) * m.get(j, a);
          squares += square;
          fourth += square * square;
        }
        double sum = 2 * squares * squares - fourth;
        lengths[j] = Math.sqrt(Math.max(Double.MIN_NORMAL, sum) / rows());
      }
    }

    double length(int j) {
      return lengths[j];
    }

    @Override
    public int rows() {
      return m.columns() * (m.columns() + 1) / 2;
    }

    @Override
    public int columns() {
      return m.rows();
    }

    @Override
    public boolean rounded(int from, int count, int bits, int most, int[] out) {
      Prg coins = Prg.fresh();
      int a = 0;
      int b = from;
      while (b >= m.columns() - a) {
        b -= m.columns() - a;
        a++;
      }
      b += a;
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < lengths.length; j++) {
          double value = (a == b ? 1 : 2) * m.get(j, a) * m.get(j, b) / lengths[j];
          long integer = coins.roundStochastically(Math.scalb(value, bits));
          if (Math.abs(integer) > most) {
            return false;
          }
          out[i * lengths.length + j] = (int) integer;
        }
        if (++b == m.columns()) {
          b = ++a;
        }
      }
      return true;
    }
  }
}
