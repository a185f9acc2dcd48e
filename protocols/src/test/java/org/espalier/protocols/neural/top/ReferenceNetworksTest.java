package org.espalier.protocols.neural.top;

import static org.assertj.core.api.Assertions.assertThat;
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
import java.util.stream.StreamSupport;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Networks of every task, activation and optimiser against scikit-learn's after the same steps. */
class ReferenceNetworksTest {
  private static final int COLUMNS = 6;
  private static final List<String> OUTCOMES = List.of("binary", "multiclass", "regression");

  /** Weights differ by rounding only, which steps of relu units enlarge. */
  private static final double TOLERANCE = 1e-9;

  private static double[][] table() throws IOException {
    try (InputStream in = resource("networks.csv");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      return lines
          .lines()
          .skip(1)
          .map(line -> Stream.of(line.split(",")).mapToDouble(Double::parseDouble).toArray())
          .toArray(double[][]::new);
    }
  }

  private static InputStream resource(String name) {
    return ReferenceNetworksTest.class.getResourceAsStream(
        "/org/espalier/protocols/neural/" + name);
  }

  private static JsonNode reference() throws IOException {
    try (InputStream in = resource("networks.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  static List<JsonNode> fits() throws IOException {
    List<JsonNode> fits = new ArrayList<>();
    reference().path("fits").forEach(fits::add);
    assertThat(fits).hasSize(6);
    return fits;
  }

  private static double[] numbers(JsonNode node) {
    return node.isNumber()
        ? new double[] {node.doubleValue()}
        : StreamSupport.stream(node.spliterator(), false)
            .flatMapToDouble(child -> Arrays.stream(numbers(child)))
            .toArray();
  }

  private static Dense layer(JsonNode weights) {
    int outputs = weights.get(0).size();
    return new Dense(weights.size(), outputs, numbers(weights), new double[outputs]);
  }

  @ParameterizedTest
  @MethodSource("fits")
  void endsWithTheSameWeights(JsonNode fit) throws IOException {
    JsonNode reference = reference();
    double[][] table = table();
    Task task = Task.parse(fit.path("task").asText());
    int at = COLUMNS + OUTCOMES.indexOf(task.wireName());
    double[] y = Arrays.stream(table).mapToDouble(row -> row[at]).toArray();
    Matrix x =
        new Matrix(
            table.length,
            COLUMNS,
            Arrays.stream(table).flatMapToDouble(r -> Arrays.stream(r, 0, COLUMNS)).toArray());
    List<Integer> hidden = new ArrayList<>();
    fit.path("hidden").forEach(units -> hidden.add(units.asInt()));
    Activation activation = Activation.parse(fit.path("activation").asText());
    NetworkSpec spec = new NetworkSpec(task, hidden, activation, 0);
    Descent how =
        new Descent(
            Descent.Kind.parse(fit.path("optimiser").asText()),
            fit.path("rate").asDouble(),
            fit.path("momentum").asDouble(),
            reference.path("l2").asDouble());
    FitSpec settings =
        new FitSpec(how, reference.path("batch").asInt(), reference.path("epochs").asInt(), 0, 0.1);
    List<Dense> layers = new ArrayList<>();
    fit.path("first").forEach(weights -> layers.add(layer(weights)));
    TopModel top =
        new TopModel(
            activation, spec.width(), layers.subList(1, layers.size()), Target.of(task, y));
    CentralisedNetwork network =
        CentralisedNetwork.run(
            new LocalLayer(x, layers.get(0), settings.batch(), how),
            new TopFit(spec, settings, Outcomes.of(y), top, new Prg(new byte[32]), e -> {}),
            x.rows(),
            settings,
            null);
    for (int l = 0; l < layers.size(); l++) {
      Dense trained = l == 0 ? network.first() : network.top().layers().get(l - 1);
      assertThat(trained.weights())
          .containsExactly(numbers(fit.path("weights").get(l)), within(TOLERANCE));
      assertThat(trained.bias())
          .containsExactly(numbers(fit.path("biases").get(l)), within(TOLERANCE));
    }
    double[] predicted = numbers(fit.path("predicted"));
    double size = Arrays.stream(predicted).map(Math::abs).max().orElseThrow();
    int rows = 30 / top.target().outputs();
    double[] ours = Arrays.copyOf(network.predict(x), rows * top.target().outputs());
    assertThat(ours)
        .containsExactly(Arrays.copyOf(predicted, ours.length), within(TOLERANCE * size));
  }
}
