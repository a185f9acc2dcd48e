package org.espalier.node.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.AbstractStringAssert;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.TableSchema;
import org.espalier.node.job.JobSpec;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScenarioTest {
  private static final Party CLINIC = new Party("clinic");
  private static final Party LAB = new Party("lab");
  private static final Path ROOT = Path.of("..");
  private static final String JOB =
      """
      name: trial
      purpose: research
      label: {party: clinic, column: sick}
      parties:
        clinic: {dataset: a}
        lab: {dataset: b}
      match:
        - - column: {clinic: id, lab: code}
            normalise: [trim]
      """;

  @TempDir Path folder;

  private void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  private void good() throws IOException {
    write("job.yaml", JOB);
    write("clinic.csv", "id,age,town,sick\n1,30,A,0\n2,40,B,1\n3,,A,0\n");
    write("lab.csv", "code,dose,note\n1,0.5,\n2,0.7,\n3,0.9,\n");
  }

  private Problem refusal() {
    return catchThrowableOfType(Problem.class, () -> Scenario.read(folder));
  }

  private AbstractStringAssert<?> assertRefusedAt(Party party) {
    Problem problem = refusal();
    assertThat(problem).isNotNull();
    assertThat(problem.party()).contains(party);
    return assertThat(problem.what() + " | " + problem.detail().orElse(""));
  }

  private static ColumnType type(TableSchema schema, String column) {
    return schema.columns().get(schema.indexOf(column)).type();
  }

  @Test
  void sketchesWhatTheJobAndTheFileSay() throws IOException {
    good();

    Scenario scenario = Scenario.read(folder);

    Scenario.Source clinic = scenario.sources().get(CLINIC);
    assertThat(clinic.sketched()).isTrue();
    assertThat(type(clinic.schema(), "id")).isEqualTo(ColumnType.ID);
    assertThat(type(clinic.schema(), "sick")).isEqualTo(ColumnType.LABEL);
    assertThat(type(clinic.schema(), "age")).isEqualTo(ColumnType.NUMBER);
    assertThat(type(clinic.schema(), "town")).isEqualTo(ColumnType.CATEGORY);
    assertThat(scenario.sources().get(LAB).schema().features()).contains("dose");
    assertThat(scenario.scoring()).isEmpty();
  }

  @Test
  void aDeclaredSchemaCountsMoreThanAGuess() throws IOException {
    good();
    write(
        "lab.schema.yaml",
        """
        columns:
          - {name: code, type: id}
          - {name: dose, type: category}
          - {name: note, type: id}
        """);

    Scenario.Source lab = Scenario.read(folder).sources().get(LAB);

    assertThat(lab.sketched()).isFalse();
    assertThat(type(lab.schema(), "dose")).isEqualTo(ColumnType.CATEGORY);
  }

  @Test
  void aMissingMatchColumnNamesThePartyAndTheColumn() throws IOException {
    good();
    write("lab.csv", "dose\n0.5\n");

    assertRefusedAt(LAB).contains("lab.csv", "code", "match");
  }

  @Test
  void aMissingLabelColumnNamesTheParty() throws IOException {
    good();
    write("clinic.csv", "id,age\n1,30\n");

    assertRefusedAt(CLINIC).contains("clinic.csv", "sick", "label");
  }

  @Test
  void aSchemaThatDoesNotFitItsFileNamesTheParty() throws IOException {
    good();
    write("lab.schema.yaml", "columns:\n  - {name: code, type: id}\n  - {name: x, type: number}\n");

    assertRefusedAt(LAB).contains("missing in the file: x", "not in the schema: dose");
  }

  @Test
  void aFeatureOfTheJobMustBeThere() throws IOException {
    good();
    write("job.yaml", JOB.replace("{dataset: b}", "{dataset: b, columns: [dose, weight]}"));

    assertRefusedAt(LAB).contains("weight", "feature");
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "yes", "", "-1"})
  void aLabelThatIsNotZeroOrOneNamesTheRow(String label) throws IOException {
    good();
    write("clinic.csv", "id,age,sick\n1,30,0\n2,31," + label + "\n");

    assertRefusedAt(CLINIC).contains("row 2", "sick");
  }

  @Test
  void aMissingFileNamesTheParty() throws IOException {
    good();
    Files.delete(folder.resolve("lab.csv"));

    assertRefusedAt(LAB).contains("lab.csv is missing");
  }

  @Test
  void eitherAllPartiesHaveNewPeopleOrNone() throws IOException {
    good();
    write("clinic.predict.csv", "id,age,town\n9,50,A\n");

    assertRefusedAt(LAB).contains("lab.predict.csv is missing");
  }

  @Test
  void newPeopleNeedTheColumnsOfTheModelButNoLabel() throws IOException {
    good();
    write("clinic.predict.csv", "town,id,age\nA,9,50\n");
    write("lab.predict.csv", "code,note\n9,\n");

    assertRefusedAt(LAB).contains("lab.predict.csv", "dose");

    write("lab.predict.csv", "code,dose,note\n9,1.5,\n");
    assertThat(Scenario.read(folder).scoring().keySet()).containsExactly(CLINIC, LAB);
  }

  @Test
  void anEmptyFolderIsExplained() {
    assertThat(refusal().kind()).isEqualTo(Problem.Kind.NOT_FOUND);
    assertThat(refusal().what()).contains("job.yaml");
  }

  @Test
  void aLinearModelIsNotPlayed() throws IOException {
    good();
    write("job.yaml", JOB + "model: {type: linear}\n");

    assertThat(refusal().what()).contains("job.yaml", "logistic");
  }

  /** Its weights are not those of the minimum that it would be compared with. */
  @Test
  void aModelThatEndsEarlyIsNotPlayed() throws IOException {
    good();
    write("job.yaml", JOB + "training: {level: gradients, patience: 2}\n");

    assertThat(refusal().what()).contains("job.yaml", "without l1, cross-validation, patience");
  }

  @Test
  void anUnknownNormaliserIsRefused() throws IOException {
    good();
    write("job.yaml", JOB.replace("[trim]", "[sounds]"));

    assertThat(refusal().what()).contains("job.yaml", "sounds");
  }

  // ---- the JSON schema ------------------------------------------------------------------------

  private static JsonNode schema() {
    return Json.parse("schema", Json.text(ROOT.resolve("docs/schemas/scenario-job.schema.json")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"configs/demo", "configs/scenario-example"})
  void theExamplesFitTheSchema(String example) {
    Path job = ROOT.resolve(example).resolve("job.yaml");

    List<String> errors = new ArrayList<>();
    check(schema(), Json.yaml(job, JsonNode.class), "job", errors);

    assertThat(errors).isEmpty();
    assertThat(Scenario.read(ROOT.resolve(example)).spec().kind()).isEqualTo("train");
  }

  /** The canonical form has every setting, so it shows both what is documented and the defaults. */
  @Test
  void theSchemaHasTheSettingsAndDefaultsOfTheCode() throws IOException {
    good();
    JsonNode canonical = Scenario.read(folder).spec().toJson();

    List<String> errors = new ArrayList<>();
    check(schema(), canonical, "job", errors);
    // What a job may name or leave out is shown by one that names it; defaults are then in words.
    String weighted = JOB.replaceFirst("(label: .*)}", "$1, weight: w, exposure: e}");
    for (String naming :
        List.of(
            weighted + "training: {level: gradients}\nmodel: {type: poisson}\n",
            JOB + "training: {label_privacy: {epsilon: 1}}\n",
            JOB + "training: {level: gradients}\nmodel: {class_weights: balanced}\n",
            JOB + "training: {level: gradients}\nmodel: {inference: true}\n",
            JOB + "training: {level: gradients, accept: [span]}\nmodel: {l1: 0.1}\n",
            JOB + "training: {level: gradients, max_passes: 30}\nmodel: {l2: [0.1, 1]}\n",
            JOB + "training: {level: gradients}\nmodel: {type: softmax, classes: 3}\n",
            JOB + "training: {level: gradients, patience: 2}\n",
            JOB
                + "training: {level: gradients}\nmodel: {start: J-1a2b3c4d, start_digest: %s}\n"
                    .formatted("a".repeat(64)),
            JOB + "training: {level: activations, accept: [span]}\n" + "model: {type: neural}\n",
            JOB + "training: {level: split, accept: [span]}\n" + "model: {type: neural}\n",
            JOB + "evaluation: {thresholds: [0.5]}\n",
            JOB + "training: {label_privacy: {epsilon: 1}}\n",
            JOB + "training: {level: gradients}\nmodel: {class_weights: {0: 1, 1: 3}}\n",
            JOB + "alignment: {gate: two-sided}\n",
            JOB + "alignment: {security: malicious}\n")) {
      JsonNode other = JobSpec.yaml("job.yaml", naming).toJson();
      check(schema(), other, "job", errors);
      for (String section : List.of("label", "alignment", "model", "training", "evaluation")) {
        ObjectNode shown = (ObjectNode) canonical.path(section);
        other.path(section).properties().stream()
            .filter(setting -> !shown.has(setting.getKey()))
            .forEach(setting -> shown.set(setting.getKey(), setting.getValue()));
      }
    }
    compare(schema(), canonical, "job", errors);

    assertThat(errors).isEmpty();
  }

  @Test
  void theSchemaRefusesWhatTheCodeRefuses() {
    JsonNode job =
        Json.yaml("job", JOB.replace("purpose: research\n", "speed: 3\n"), JsonNode.class);

    List<String> errors = new ArrayList<>();
    check(schema(), job, "job", errors);

    assertThat(errors).hasSize(2);
  }

  private static JsonNode resolved(JsonNode schema) {
    return schema.has("$ref") ? schema().at(schema.get("$ref").asText().substring(1)) : schema;
  }

  /** The part of JSON schema that says which keys there are and what type and words they take. */
  private static void check(JsonNode unresolved, JsonNode value, String at, List<String> errors) {
    JsonNode schema = resolved(unresolved);
    if (schema.has("oneOf")) {
      for (JsonNode option : schema.get("oneOf")) {
        List<String> of = new ArrayList<>();
        check(option, value, at, of);
        if (of.isEmpty()) {
          return;
        }
      }
      errors.add(at + " fits none");
      return;
    }
    if (schema.has("type") && !isA(value, schema.get("type").asText())) {
      errors.add(at + " is no " + schema.get("type").asText());
      return;
    }
    if (schema.has("const") && !schema.get("const").equals(value)) {
      errors.add(at + " is not " + schema.get("const"));
    }
    if (schema.has("enum") && !contains(schema.get("enum"), value)) {
      errors.add(at + " is none of " + schema.get("enum"));
    }
    if (schema.has("pattern") && !value.asText().matches(schema.get("pattern").asText())) {
      errors.add(at + " does not match");
    }
    for (JsonNode key : schema.path("required")) {
      if (!value.has(key.asText())) {
        errors.add(at + " lacks " + key.asText());
      }
    }
    if (value.isObject()) {
      for (Map.Entry<String, JsonNode> field : value.properties()) {
        JsonNode known = schema.path("properties").path(field.getKey());
        JsonNode other = schema.path("additionalProperties");
        if (known.isObject()) {
          check(known, field.getValue(), at + "." + field.getKey(), errors);
        } else if (other.isObject()) {
          check(other, field.getValue(), at + "." + field.getKey(), errors);
        } else {
          errors.add(at + " has unknown " + field.getKey());
        }
      }
    }
    for (JsonNode item : value.isArray() ? value : Json.object()) {
      check(schema.path("items"), item, at + "[]", errors);
    }
  }

  private static boolean isA(JsonNode value, String type) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isTextual();
      case "boolean" -> value.isBoolean();
      case "integer" -> value.isIntegralNumber();
      // A number such as 1e-9 is a text to YAML 1.1 and a number to YAML 1.2 and to this program.
      case "number" -> value.isNumber() || value.asText().matches("[0-9.]+(e-?[0-9]+)?");
      default -> throw new AssertionError("type " + type);
    };
  }

  private static boolean contains(JsonNode list, JsonNode value) {
    for (JsonNode item : list) {
      if (item.equals(value)) {
        return true;
      }
    }
    return false;
  }

  private static void compare(JsonNode unresolved, JsonNode value, String at, List<String> errors) {
    JsonNode schema = resolved(unresolved);
    if (schema.has("default")
        && !new String(
                Json.canonical(schema.get("default")), java.nio.charset.StandardCharsets.UTF_8)
            .equals(new String(Json.canonical(value), java.nio.charset.StandardCharsets.UTF_8))) {
      errors.add(at + ": the code's default is " + value);
    }
    for (Map.Entry<String, JsonNode> property : schema.path("properties").properties()) {
      JsonNode own = value.path(property.getKey());
      if (own.isMissingNode()) {
        errors.add(at + ": the code knows no " + property.getKey());
      } else {
        compare(property.getValue(), own, at + "." + property.getKey(), errors);
      }
    }
  }
}
