package org.espalier.protocols.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopModel;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.PublicData;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ModelSliceTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Party PARTY = new Party("bank.example");

  private static Table people(int rows, long seed) {
    Random random = new Random(seed);
    double[] ages =
        random
            .doubles(rows)
            .map(u -> random.nextInt(20) == 0 ? Double.NaN : 40 + 12 * random.nextGaussian())
            .toArray();
    double[] amounts = random.doubles(rows).map(u -> Math.exp(20 * u)).toArray();
    int[] homes = random.ints(rows, -1, 4).toArray();
    return new Table(
        List.of(
            new NumberColumn("age", ages),
            new NumberColumn("amount", amounts),
            new NumberColumn("constant", new double[rows]),
            new CategoryColumn("home", homes, List.of("own", "rent", "free \"π\"", "unused"))));
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  private static ModelSlice slice(Table table, ModelSlice.Role role) {
    Preparation preparation =
        Preparation.fit(table, range(0, table.rows()), PreparationSpec.DEFAULT);
    Map<String, Object> run = new LinkedHashMap<>();
    run.put("plain_modulus", (1L << 58) - 27);
    run.put("bits", 12L);
    run.put("tolerance", 1e-7);
    run.put("limbs", List.of(60, 60));
    run.put("whitened", true);
    return new ModelSlice(
        "job-1",
        PARTY,
        role,
        "logistic",
        "gradients",
        "mean log-loss + 0.001/2 · ‖w‖² over standardised features",
        table.rows(),
        9,
        new Random(3).doubles(preparation.features().size(), -1, 1).map(Math::cbrt).toArray(),
        role == ModelSlice.Role.LABEL ? -0.1 - 0.2 : null,
        preparation,
        run,
        null);
  }

  private static ModelSlice reread(ModelSlice slice) throws Exception {
    return ModelSlice.fromJson(JSON.readTree(JSON.writeValueAsString(slice.toJson())));
  }

  @ParameterizedTest
  @EnumSource(ModelSlice.Role.class)
  void theRoundTripThroughTextIsExact(ModelSlice.Role role) throws Exception {
    ModelSlice slice = slice(people(500, 1), role);
    ModelSlice again = reread(slice);
    assertThat(again).isEqualTo(slice).hasSameHashCodeAs(slice);
    assertThat(again.weights()).isEqualTo(slice.weights());
    assertThat(again.intercept()).isEqualTo(slice.intercept());
    assertThat(again.preparation()).isEqualTo(slice.preparation());
    assertThat(again.parametersRun()).isEqualTo(slice.parametersRun());
    assertThat(again.toJson().toString()).isEqualTo(slice.toJson().toString());
  }

  @Test
  void scoresFromTheArtefactAreThoseOfTrainingTimePreparation() throws Exception {
    Table table = people(70_000, 2);
    ModelSlice slice = slice(table, ModelSlice.Role.LABEL);
    int[] rows = range(100, 70_000);
    double[] expected = slice.preparation().apply(table, rows).times(slice.weights());
    double[] logits = reread(slice).logits(table, rows);
    assertThat(logits).hasSize(rows.length);
    for (int i = 0; i < rows.length; i++) {
      assertThat(logits[i]).isCloseTo(expected[i] + slice.intercept(), within(1e-12));
    }
  }

  private static ModelSlice network(Table table, ModelSlice.Role role) {
    ModelSlice plain = slice(table, role);
    Random random = new Random(8);
    int units = 3;
    TopModel top =
        new TopModel(
            Activation.TANH,
            units,
            List.of(
                new Dense(3, 2, random.doubles(6).toArray(), new double[] {0.1, -0.2}),
                new Dense(2, 3, random.doubles(6).toArray(), new double[3])),
            new Target(Task.MULTICLASS, List.of(1.0, 2.0, 5.5), 0, 1));
    boolean label = role == ModelSlice.Role.LABEL;
    return new ModelSlice(
        plain.job(),
        PARTY,
        role,
        "neural",
        "activations",
        plain.objective(),
        table.rows(),
        4,
        random.doubles((long) units * plain.weights().length, -1, 1).toArray(),
        null,
        plain.preparation(),
        Map.of(),
        null,
        new NeuralSlice(units, label ? new double[] {1, 2, 3} : null, label ? top : null),
        null);
  }

  @ParameterizedTest
  @EnumSource(ModelSlice.Role.class)
  void networksHavePartsOfTheirFirstLayer(ModelSlice.Role role) throws Exception {
    Table table = people(300, 6);
    ModelSlice slice = network(table, role);
    ModelSlice again = reread(slice);
    assertThat(again).isEqualTo(slice);
    assertThat(again.neural()).isEqualTo(slice.neural());
    int[] rows = range(7, 300);
    Matrix x = slice.preparation().apply(table, rows);
    double[] z = again.logits(table, rows);
    assertThat(z).hasSize(3 * rows.length);
    for (int m = 0; m < 3; m++) {
      double expected = role == ModelSlice.Role.LABEL ? m + 1 : 0;
      for (int j = 0; j < x.columns(); j++) {
        expected += x.get(5, j) * slice.weights()[3 * j + m];
      }
      assertThat(z[3 * 5 + m]).isCloseTo(expected, within(1e-12));
    }
  }

  /** At level split the weights are on what the party's own layers make of its features. */
  @Test
  void splitNetworksHaveLayersOfTheirOwn() throws Exception {
    Table table = people(300, 6);
    ModelSlice plain = network(table, ModelSlice.Role.FEATURE);
    int d = plain.preparation().features().size();
    Random random = new Random(9);
    Dense first =
        new Dense(d, 4, random.doubles(4L * d, -1, 1).toArray(), new double[] {0.1, 0.2, 0.3, 0.4});
    ModelSlice slice = over(plain, first, random.doubles(12, -1, 1).toArray());
    ModelSlice again = reread(slice);
    assertThat(again).isEqualTo(slice);
    int[] rows = range(7, 300);
    Matrix x = slice.preparation().apply(table, rows);
    double[] z = again.logits(table, rows);
    for (int m = 0; m < 3; m++) {
      double expected = 0;
      for (int k = 0; k < 4; k++) {
        double sum = first.bias()[k];
        for (int j = 0; j < d; j++) {
          sum += x.get(5, j) * first.weights()[4 * j + k];
        }
        expected += Math.tanh(sum) * slice.weights()[3 * k + m];
      }
      assertThat(z[3 * 5 + m]).isCloseTo(expected, within(1e-12));
    }
    // Where training had noise, numbers are shortened as they were there.
    double length = Math.sqrt(z[15] * z[15] + z[16] * z[16] + z[17] * z[17]);
    ModelSlice bounded = reread(over(plain, first, slice.weights(), length / 2));
    double[] shorter = bounded.logits(table, rows);
    for (int m = 0; m < 3; m++) {
      assertThat(shorter[15 + m]).isCloseTo(z[15 + m] / 2, within(1e-12));
    }
    assertThatThrownBy(() -> over(plain, first, new double[12], -1))
        .hasMessageContaining("shortened");
    assertThatThrownBy(() -> over(plain, first, new double[9])).hasMessageContaining("weights for");
    Dense other = new Dense(d + 1, 4, new double[4 * d + 4], new double[4]);
    assertThatThrownBy(() -> over(plain, other, new double[12]))
        .hasMessageContaining("the own layers are not on the preparation");
  }

  private static ModelSlice over(ModelSlice plain, Dense first, double[] weights) {
    return over(plain, first, weights, 0);
  }

  private static ModelSlice over(ModelSlice plain, Dense first, double[] weights, double reach) {
    Bottom under = new Bottom(Activation.TANH, List.of(first));
    return new ModelSlice(
        plain.job(),
        PARTY,
        plain.role(),
        "neural",
        "split",
        plain.objective(),
        plain.rows(),
        4,
        weights,
        null,
        plain.preparation(),
        Map.of(),
        null,
        new NeuralSlice(3, null, null, under, reach),
        null);
  }

  static Stream<Arguments> networkChanges() {
    return Stream.of(
        change("weights for", json -> ((ArrayNode) json.get("weights")).remove(0)),
        change("a first layer of 1 to 1024 units", json -> neural(json).put("units", 2_000_000)),
        change("units is not a whole number", json -> neural(json).put("units", 0)),
        change("no activation is called cube", json -> neural(json).put("activation", "cube")),
        change("no task is called rank", json -> neural(json).put("task", "rank")),
        change("0 classes", json -> neural(json).putArray("classes")),
        change("ascending", json -> ((ArrayNode) neural(json).get("classes")).set(0, 9)),
        change("scale", json -> neural(json).put("scale", 2)),
        change("do not fit", json -> ((ArrayNode) neural(json).get("bias")).remove(0)),
        change("weights do not make", json -> layer(json, 0).put("units", 1 << 30)),
        change("inputs is not a whole number", json -> layer(json, 1).put("inputs", -2)),
        change("unknown member 'more'", json -> layer(json, 0).put("more", 1)),
        change("1 to 8 more", json -> neural(json).putArray("layers")),
        change(
            "3 inputs and 2 units follows one of 2",
            json -> ((ArrayNode) neural(json).get("layers")).set(1, layer(json, 0))),
        change("the layers above the first", json -> json.put("role", "feature")),
        change("the label party has the intercept", json -> json.put("intercept", 1)));
  }

  private static ObjectNode neural(ObjectNode json) {
    return (ObjectNode) json.get("neural");
  }

  private static ObjectNode layer(ObjectNode json, int index) {
    return (ObjectNode) neural(json).get("layers").get(index);
  }

  @ParameterizedTest
  @MethodSource("networkChanges")
  void aChangedNetworkIsRefused(String says, Consumer<ObjectNode> change) {
    ObjectNode json = network(people(300, 6), ModelSlice.Role.LABEL).toJson();
    change.accept(json);
    assertThatThrownBy(() -> ModelSlice.fromJson(json))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(says);
  }

  @ParameterizedTest
  @EnumSource(ModelSlice.Role.class)
  void softmaxRegressionsHaveAScoreForEachClass(ModelSlice.Role role) throws Exception {
    Table table = people(60, 6);
    ModelSlice plain = slice(table, role);
    boolean label = role == ModelSlice.Role.LABEL;
    double[] weights = new Random(8).doubles(3L * plain.weights().length, -1, 1).toArray();
    ModelSlice slice =
        new ModelSlice(
            plain.job(),
            PARTY,
            role,
            "softmax",
            plain.level(),
            plain.objective(),
            table.rows(),
            4,
            weights,
            null,
            plain.preparation(),
            Map.of(),
            null,
            null,
            null,
            new SoftmaxSlice(
                3,
                label ? List.of(1.0, 2.0, 5.5) : List.of(),
                label ? new double[] {1, 0.5, -1.5} : null));
    ModelSlice again = reread(slice);
    assertThat(again).isEqualTo(slice);
    assertThat(again.softmax()).isEqualTo(slice.softmax());
    int[] rows = range(7, 60);
    Matrix x = slice.preparation().apply(table, rows);
    double[] z = again.logits(table, rows);
    assertThat(z).hasSize(3 * rows.length);
    double expected = label ? 0.5 : 0;
    for (int j = 0; j < x.columns(); j++) {
      expected += x.get(4, j) * weights[3 * j + 1];
    }
    assertThat(z[3 * 4 + 1]).isCloseTo(expected, within(1e-12));
    ObjectNode json = slice.toJson();
    ((ObjectNode) json.get("softmax")).put("classes", 4);
    assertThatThrownBy(() -> ModelSlice.fromJson(json))
        .hasMessageContaining(label ? "do not fit the classes" : "weights for");
  }

  @Test
  void publicDataScoresSurviveTheArtefact() throws Exception {
    PublicData data = PublicData.read("german_credit.csv", "bad");
    ModelSlice slice = slice(data.table(), ModelSlice.Role.FEATURE);
    assertThat(reread(slice).logits(data.table(), data.allRows()))
        .isEqualTo(slice.logits(data.table(), data.allRows()));
  }

  @Test
  void aLabelPartyWithoutFeaturesScoresTheIntercept() throws Exception {
    Table none = new Table(List.of());
    Preparation preparation = Preparation.fit(none, range(0, 30), PreparationSpec.DEFAULT);
    ModelSlice slice =
        new ModelSlice(
            "j",
            PARTY,
            ModelSlice.Role.LABEL,
            "logistic",
            "gradients",
            "o",
            30,
            0,
            new double[0],
            0.25,
            preparation,
            Map.of(),
            null);
    assertThat(reread(slice).logits(none, range(0, 3))).containsExactly(0.25, 0.25, 0.25);
  }

  @ParameterizedTest
  @EnumSource(ModelSlice.Role.class)
  void standardErrorsAreThoseOfItsWeights(ModelSlice.Role role) throws Exception {
    boolean label = role == ModelSlice.Role.LABEL;
    ObjectNode plain = slice(people(100, 4), role).toJson();
    int features = plain.path("features").size();
    ObjectNode json = plain.deepCopy();
    ObjectNode inference = json.putObject("inference");
    ArrayNode errors = inference.putArray("standard_errors");
    for (int j = 0; j < features; j++) {
      errors.add(j / 3.0);
    }
    if (label) {
      inference.put("intercept", 0.125).put("dispersion", 1.5);
    }
    ModelSlice slice = ModelSlice.fromJson(json);
    assertThat(slice.inference().standardErrors()[1]).isEqualTo(1 / 3.0);
    assertThat(slice.inference().dispersion()).isEqualTo(label ? 1.5 : null);
    assertThat(reread(slice)).isEqualTo(slice);
    assertThat(ModelSlice.fromJson(plain).inference()).isNull();
    errors.add(1.0);
    assertThatThrownBy(() -> ModelSlice.fromJson(json))
        .hasMessageContaining("there is not one standard error for each weight");
    errors.remove(features);
    errors.set(0, JSON.valueToTree(-1.0));
    assertThatThrownBy(() -> ModelSlice.fromJson(json))
        .hasMessageContaining("a standard error is not a number");
  }

  @Test
  void theSliceKeepsItsOwnWeights() {
    ModelSlice slice = slice(people(100, 4), ModelSlice.Role.FEATURE);
    double[] weights = slice.weights();
    Arrays.fill(weights, 0);
    assertThat(slice.weights()).doesNotContain(0);
    assertThat(slice.toString()).contains("job-1").doesNotContain("" + slice.weights()[0]);
  }

  private static Arguments change(String says, Consumer<ObjectNode> change) {
    return Arguments.of(says, change);
  }

  private static ObjectNode column(ObjectNode json, int index) {
    return (ObjectNode) json.at("/preparation/columns/" + index);
  }

  static Stream<Arguments> changes() {
    return Stream.of(
        change("schema is not", json -> json.put("schema", "espalier.model-slice/2")),
        change("schema is absent", json -> json.remove("schema")),
        change("unknown member 'extra'", json -> json.put("extra", 1)),
        change("passes is absent", json -> json.remove("passes")),
        change("weights[1] is not a finite number", json -> set(json, 1, "0.5")),
        change(
            "weights[0] is not a finite number",
            json -> ((ArrayNode) json.get("weights")).set(0, JSON.valueToTree(Double.NaN))),
        change("weights for", json -> ((ArrayNode) json.get("weights")).add(1.0)),
        change("features are not", json -> ((ArrayNode) json.get("features")).remove(0)),
        change("weights is not a list", json -> json.put("weights", 3)),
        change("rows is not a whole number", json -> json.put("rows", 0)),
        change("rows is not a whole number", json -> json.put("rows", 1.5)),
        change("rows is not a whole number", json -> json.put("rows", 1L << 40)),
        change("intercept is not a finite number", json -> json.put("intercept", "0")),
        change("the label party has the intercept", json -> json.remove("intercept")),
        change("the label party has the intercept", json -> json.put("role", "feature")),
        change("role is neither", json -> json.put("role", "boss")),
        change("party name must match", json -> json.put("party", "Bank\n")),
        change("job id must match", json -> json.put("job", "a b")),
        change("level must match", json -> json.put("level", "")),
        change("parameters_run is not an object", json -> json.putArray("parameters_run")),
        change(
            "parameters_run is not a finite number",
            json -> ((ObjectNode) json.get("parameters_run")).put("x", Double.POSITIVE_INFINITY)),
        change("scaling is unusable", json -> column(json, 0).put("scale", 0)),
        change("scaling is unusable", json -> column(json, 0).put("scale", -1.0)),
        change("kind is unknown", json -> column(json, 0).put("kind", "date")),
        change("contradicts the imputation", json -> column(json, 0).putNull("missing")),
        change("unknown member 'note'", json -> column(json, 0).put("note", "x")),
        change("columns[0].scale is absent", json -> column(json, 0).remove("scale")),
        change(
            "a category is listed twice",
            json -> {
              ArrayNode levels = (ArrayNode) column(json, 2).get("levels");
              levels.add(levels.get(0));
            }),
        change("no category has a weight", json -> column(json, 2).putArray("levels")),
        change("is neither true nor false", json -> prepared(json).put("impute", 1)),
        change("'age' occurs twice", json -> column(json, 1).put("column", "age")),
        change("preparation is not an object", json -> json.put("preparation", "none")));
  }

  private static ObjectNode prepared(ObjectNode json) {
    return (ObjectNode) json.get("preparation");
  }

  private static void set(ObjectNode json, int index, String text) {
    ArrayNode weights = (ArrayNode) json.get("weights");
    weights.set(index, json.textNode(text));
  }

  @ParameterizedTest
  @MethodSource("changes")
  void aChangedArtefactIsRefusedByName(String says, Consumer<ObjectNode> change) {
    ObjectNode json = slice(people(500, 1), ModelSlice.Role.LABEL).toJson();
    ModelSlice.fromJson(json);
    change.accept(json);
    assertThatThrownBy(() -> ModelSlice.fromJson(json))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(says);
  }

  @Test
  void whatIsNoObjectIsRefused() {
    for (JsonNode node : new JsonNode[] {JSON.nullNode(), JSON.createArrayNode()}) {
      assertThatThrownBy(() -> ModelSlice.fromJson(node))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("model slice is not an object");
    }
  }

  @Test
  void weightsAndParametersMustBeFinite() {
    ModelSlice s = slice(people(100, 5), ModelSlice.Role.FEATURE);
    double[] weights = s.weights();
    weights[0] = Double.NaN;
    assertThatThrownBy(() -> with(s, weights, Map.of())).hasMessageContaining("weight is not");
    assertThatThrownBy(() -> with(s, s.weights(), Map.of("gap", List.of(Double.NaN))))
        .hasMessageContaining("parameters_run");
  }

  private static ModelSlice with(ModelSlice s, double[] weights, Map<String, Object> run) {
    return new ModelSlice(
        s.job(),
        s.party(),
        s.role(),
        s.family(),
        s.level(),
        s.objective(),
        s.rows(),
        s.passes(),
        weights,
        s.intercept(),
        s.preparation(),
        run,
        null);
  }
}
