package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A penalty on absolute weights at level gradients, against the minimum in one place. */
class ElasticNetTest {
  private static final double L2 = 0.01;

  static List<JsonNode> fits() throws IOException {
    List<JsonNode> fits = new ArrayList<>();
    try (InputStream in = ElasticNetTest.class.getResourceAsStream("elastic.json")) {
      new ObjectMapper().readTree(in).path("fits").forEach(fits::add);
    }
    assertThat(fits).hasSize(16);
    return fits;
  }

  private static TrainingSpec spec(Family family, boolean weighted, double l1) {
    return new TrainingSpec(family, Level.GRADIENTS, L2, 100, 1e-9, true, false, weighted)
        .withL1(l1);
  }

  private static int[] cut(int fit) {
    return fit % 2 == 0 ? new int[] {0, 2, 6, 9} : new int[] {0, 0, 9};
  }

  @ParameterizedTest
  @MethodSource("fits")
  void isTheCentralisedSolution(JsonNode fit) throws IOException {
    Family family = Family.parse(fit.path("family").asText());
    boolean weighted = fit.path("weighted").asBoolean();
    Outcomes outcomes = FamiliesTest.outcomes(family.wireName(), weighted, false);
    int[] cut = cut(fits().indexOf(fit));
    TrainingRun run =
        FamiliesTest.train(spec(family, weighted, fit.path("l1").asDouble()), outcomes, cut);
    double[] weights = run.weights();
    double length = 0;
    for (JsonNode weight : fit.path("weights")) {
      length += weight.asDouble() * weight.asDouble();
    }
    double tolerance = 1e-3 * Math.sqrt(length);
    int zeros = 0;
    int expectedZeros = 0;
    for (int j = 0; j < weights.length; j++) {
      double expected = fit.path("weights").get(j).asDouble();
      assertThat(weights[j]).isCloseTo(expected, within(tolerance));
      zeros += weights[j] == 0 ? 1 : 0;
      expectedZeros += expected == 0 ? 1 : 0;
      if (Math.abs(expected) > tolerance) {
        assertThat(weights[j]).isNotZero();
      }
    }
    assertThat(zeros).as("exactly 0").isEqualTo(expectedZeros);
    assertThat(run.label().intercept())
        .isCloseTo(fit.path("intercept").asDouble(), within(tolerance));
    assertThat(run.label().converged()).isTrue();
    assertThat(run.label().passes()).hasSizeLessThan(60);
    assertThat(run.features().get(0).passes()).isEqualTo(run.label().passes().size());
  }

  /** Where the penalty outweighs every column, nothing is left but the intercept. */
  @Test
  void aPenaltyThatIsLargeEnoughLeavesNoWeights() {
    Outcomes outcomes = FamiliesTest.outcomes("logistic", false, false);
    TrainingRun run = FamiliesTest.train(spec(Family.LOGISTIC, false, 1), outcomes, 0, 2, 6, 9);
    assertThat(run.weights()).containsOnly(0);
    assertThat(Family.LOGISTIC.mean(run.label().intercept()))
        .isCloseTo(Arrays.stream(outcomes.values()).average().orElseThrow(), within(1e-6));
  }

  /**
   * Why jobs need the consent to the span: with one weight left, what was opened to the label party
   * is that column, but for scale and noise.
   */
  @Test
  void aSparseModelShowsItsColumn() {
    Outcomes outcomes = FamiliesTest.outcomes("logistic", false, false);
    TrainingRun run = FamiliesTest.train(spec(Family.LOGISTIC, false, 0.1), outcomes, 0, 0, 9);
    double[] weights = run.weights();
    int[] left = IntStream.range(0, 9).filter(j -> weights[j] != 0).toArray();
    assertThat(left).hasSize(1);
    double[] column = FamiliesTest.column("x" + left[0]);
    assertThat(
            Math.abs(new PearsonsCorrelation().correlation(run.label().trainingLogits(), column)))
        .isGreaterThan(0.9999);
  }

  /** Columns of all parties that say nearly the same: what slows such methods down. */
  @Test
  void columnsThatAreAlikeTakeMorePasses() {
    TestData data = TestData.alike(2000, 4, 6, 8, 8);
    TrainingSpec spec =
        new TrainingSpec(Family.LOGISTIC, Level.GRADIENTS, 0.001, 200, 1e-6, true).withL1(0.005);
    TrainingRun run = TrainingRun.of(data, spec, new MemoryNetwork());
    assertThat(run.label().converged()).isTrue();
    OwnFit reference =
        new OwnFit(Matrix.beside(data.parts()), Outcomes.of(data.labels()), spec, 1e-13);
    reference.minimise(new double[data.rows()]);
    double[] expected = reference.ownWeights();
    double[] weights = run.weights();
    double off = 0;
    double length = 0;
    for (int j = 0; j < weights.length; j++) {
      off += Math.pow(weights[j] - expected[j], 2);
      length += expected[j] * expected[j];
    }
    assertThat(Math.sqrt(off / length)).isLessThan(0.02);
  }

  @Test
  void coordinatesGoToTheMinimum() {
    Random random = new Random(3);
    int d = 6;
    double[] a = random.doubles((long) d * d, -1, 1).toArray();
    double[] h = new double[d * d];
    for (int i = 0; i < d; i++) {
      for (int j = 0; j < d; j++) {
        for (int k = 0; k < d; k++) {
          h[i * d + j] += a[k * d + i] * a[k * d + j];
        }
      }
    }
    double[] b = random.doubles(d, -2, 2).toArray();
    double[] l1 = random.doubles(d, 0, 1).toArray();
    double[] l2 = random.doubles(d, 0.01, 0.1).toArray();
    double[] x = CoordinateDescent.minimise(h, b, l1, l2, new double[d]);
    int zeros = 0;
    for (int j = 0; j < d; j++) {
      double slope = -b[j] + l2[j] * x[j];
      for (int k = 0; k < d; k++) {
        slope += h[j * d + k] * x[k];
      }
      if (x[j] == 0) {
        zeros++;
        assertThat(Math.abs(slope)).isLessThanOrEqualTo(l1[j]);
      } else {
        assertThat(slope).isCloseTo(-Math.copySign(l1[j], x[j]), within(1e-9));
      }
    }
    assertThat(zeros).isBetween(1, d - 1);
  }

  @Test
  void whatDoesNotGoTogetherIsRefused() {
    TrainingSpec sealed = new TrainingSpec(Family.LINEAR, Level.SEALED, L2, 9, 1e-6, false);
    assertThatThrownBy(() -> sealed.withL1(0.1)).hasMessageContaining("needs level gradients");
    TrainingSpec plain = new TrainingSpec(Family.LINEAR, Level.GRADIENTS, L2, 9, 1e-6, false);
    assertThatThrownBy(() -> plain.withInference().withL1(0.1))
        .hasMessageContaining("no standard errors");
    assertThatThrownBy(() -> plain.withL1(-1)).hasMessageContaining("l1 must be 0 or more");
  }

  @Test
  void messagesOutsideOfTheirRangesAreRefused() {
    Messages.SparseStart good = new Messages.SparseStart(2, false, true, 3, -4, 5, 0.25, 0.5);
    assertThat(decoded(good)).isEqualTo(good);
    for (double wrong : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(
              () -> decoded(new Messages.SparseStart(2, false, true, 3, -4, 5, wrong, 0.5)))
          .isInstanceOf(MalformedMessageException.class);
    }
    for (double wrong : new double[] {-0.1, 1.1, Double.NaN}) {
      assertThatThrownBy(
              () -> decoded(new Messages.SparseStart(2, false, true, 3, -4, 5, 1, wrong)))
          .isInstanceOf(MalformedMessageException.class);
    }
  }

  private static Messages.SparseStart decoded(Messages.SparseStart start) {
    Encoder out = new Encoder();
    start.encode(out);
    byte[] bytes = out.toByteArray();
    assertThat((long) bytes.length).isEqualTo(Messages.SparseStart.LIMIT);
    return Messages.SparseStart.TYPE.decoder().apply(new Decoder(bytes));
  }
}
