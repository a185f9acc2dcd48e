package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family at level gradients against scikit-learn's fit of the same objective. */
class FamiliesTest {
  private static final int COLUMNS = 9;
  private static final List<String> HEADER =
      List.of("weight", "exposure", "logistic", "linear", "poisson", "gamma");

  /** Columns x0.., then those of {@link #HEADER}. */
  private static double[][] table() {
    try (InputStream in = FamiliesTest.class.getResourceAsStream("families.csv");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      return lines
          .lines()
          .skip(1)
          .map(line -> Stream.of(line.split(",")).mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static double[] column(double[][] table, String name) {
    int at = COLUMNS + HEADER.indexOf(name);
    return Arrays.stream(table).mapToDouble(row -> row[at]).toArray();
  }

  /** One of the features. */
  static double[] column(String name) {
    int at = Integer.parseInt(name.substring(1));
    return Arrays.stream(table()).mapToDouble(row -> row[at]).toArray();
  }

  private static Matrix part(double[][] table, int from, int to) {
    double[] values =
        Arrays.stream(table).flatMapToDouble(row -> Arrays.stream(row, from, to)).toArray();
    return new Matrix(table.length, to - from, values);
  }

  static JsonNode reference() throws IOException {
    try (InputStream in = FamiliesTest.class.getResourceAsStream("families.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  static List<JsonNode> fits() throws IOException {
    List<JsonNode> fits = new ArrayList<>();
    reference().path("fits").forEach(fits::add);
    assertThat(fits).hasSize(14);
    return fits;
  }

  static Outcomes outcomes(String family, boolean weighted, boolean exposed) {
    double[][] table = table();
    return new Outcomes(
        column(table, family),
        weighted ? column(table, "weight") : null,
        exposed ? Arrays.stream(column(table, "exposure")).map(Math::log).toArray() : null);
  }

  private static TrainingRun train(Family family, boolean weighted, Outcomes outcomes, int... cut) {
    return train(
        new TrainingSpec(family, Level.GRADIENTS, 0.01, 80, 1e-10, true, false, weighted),
        outcomes,
        cut);
  }

  /** Without outcomes of use. */
  static TestData data(int... cut) {
    double[][] table = table();
    List<Matrix> parts = new ArrayList<>();
    for (int p = 0; p + 1 < cut.length; p++) {
      parts.add(part(table, cut[p], cut[p + 1]));
    }
    return new TestData(parts, column(table, "logistic"));
  }

  static TrainingRun train(TrainingSpec spec, Outcomes outcomes, int... cut) {
    return TrainingRun.of(data(cut), outcomes, spec, new MemoryNetwork());
  }

  @ParameterizedTest
  @MethodSource("fits")
  void isTheCentralisedSolution(JsonNode fit) {
    Family family = Family.parse(fit.path("family").asText());
    boolean weighted = fit.path("weighted").asBoolean();
    boolean exposed = fit.path("exposed").asBoolean();
    Outcomes outcomes = outcomes(family.wireName(), weighted, exposed);
    outcomes =
        switch (fit.path("classes").asText()) {
          case "balanced" -> outcomes.balanced();
          case "1:2.5" -> Outcomes.of(outcomes.values()).withClassWeights(1, 2.5);
          default -> outcomes;
        };
    TrainingRun run = train(family, weighted || exposed, outcomes, 0, 2, 6, 9);
    double[] expected = new double[COLUMNS];
    double length = 0;
    for (int j = 0; j < COLUMNS; j++) {
      expected[j] = fit.path("weights").get(j).asDouble();
      length += expected[j] * expected[j];
    }
    double tolerance = 1e-3 * Math.sqrt(length);
    assertThat(run.weights()).containsExactly(expected, within(tolerance));
    assertThat(run.label().intercept())
        .isCloseTo(fit.path("intercept").asDouble(), within(tolerance));
    assertThat(run.label().converged()).isTrue();
  }

  /** The scale of the outcomes is the label party's affair. */
  @Test
  void outcomesOfAnySizeAreFitted() {
    double[] small = column(table(), "linear");
    for (double scale : new double[] {1e-12, 1e6}) {
      double[] scaled = Arrays.stream(small).map(y -> y * scale).toArray();
      double[] first = train(Family.LINEAR, false, Outcomes.of(small), 0, 0, 9).weights();
      double[] weights = train(Family.LINEAR, false, Outcomes.of(scaled), 0, 0, 9).weights();
      for (int j = 0; j < COLUMNS; j++) {
        assertThat(weights[j] / scale).isCloseTo(first[j], within(1e-3 * 12_000));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void lossesFitTheirSlopesAndCurvatures(Family family) {
    double y = family == Family.LOGISTIC ? 1 : 1.7;
    for (double z : new double[] {-2, -0.3, 0, 0.4, 1.9}) {
      double h = 1e-5;
      assertThat(family.slope(z, y))
          .isCloseTo((family.loss(z + h, y) - family.loss(z - h, y)) / (2 * h), within(1e-8));
      assertThat(family.curvature(z, y))
          .isCloseTo((family.slope(z + h, y) - family.slope(z - h, y)) / (2 * h), within(1e-8));
      assertThat(family.predictor(family.mean(z))).isCloseTo(z, within(1e-12));
      assertThat(family.loss(z, y)).isGreaterThanOrEqualTo(family.saturated(y));
    }
    if (family != Family.LOGISTIC) {
      assertThat(family.loss(family.predictor(y), y)).isCloseTo(family.saturated(y), within(1e-12));
      assertThat(family.meanDeviance(new double[] {y}, new double[] {y}))
          .isCloseTo(0, within(1e-12));
    }
  }

  @Test
  void whatAFamilyCannotHaveIsRefused() {
    double[] y = column(table(), "gamma");
    y[7] = 0;
    assertThatThrownBy(() -> train(Family.GAMMA, false, Outcomes.of(y), 0, 2, 9))
        .hasMessageContaining("no outcome of a gamma model is 0.0");
    double[] same = new double[y.length];
    Arrays.fill(same, 3);
    assertThatThrownBy(() -> train(Family.POISSON, false, Outcomes.of(same), 0, 2, 9))
        .hasMessageContaining("the same for everybody");
    assertThatThrownBy(() -> train(Family.LINEAR, false, new Outcomes(y, same, null), 0, 2, 9))
        .hasMessageContaining("says nothing of weights");
    double[] zero = same.clone();
    zero[3] = 0;
    assertThatThrownBy(() -> new Outcomes(y, zero, null)).hasMessageContaining("not above 0");
    assertThatThrownBy(
            () ->
                new TrainingSpec(Family.LOGISTIC, Level.SEALED, 0.01, 9, 1e-6, false, false, true))
        .hasMessageContaining("rows with weights or offsets need level gradients");
  }
}
