package org.espalier.protocols.model;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.espalier.protocols.glm.Inference;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.prepare.DataException;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.Party;

/**
 * One party's part of a trained model: its weights with the preparation they apply to, so that a
 * score depends on the artefact and the raw row alone.
 *
 * @param job identifier of the training job
 * @param party whose slice this is
 * @param family of the model, such as {@code logistic}
 * @param level disclosure level it was trained at, such as {@code gradients}
 * @param objective what was minimised, in words and numbers, penalty included
 * @param rows training rows, at least 1
 * @param passes full passes that training made
 * @param weights one per prepared feature, in the order of {@code preparation.features()}; finite;
 *     none where they are shared; of a neural model one for each unit of the first layer, of a
 *     softmax regression one for each class, feature by feature, or at level {@code split} input by
 *     input of the party's layer at the cut
 * @param intercept at the label party, else null; null where weights are shared, and of a neural
 *     model or a softmax regression
 * @param preparation from raw columns to prepared features
 * @param parametersRun what actually ran: JSON values only (texts, finite numbers, truth values,
 *     lists, maps)
 * @param shared this party's half of weights that nobody has, or null
 * @param neural what a neural model has more, or null
 * @param inference standard errors of a linear predictor's weights and intercept, or null
 * @param softmax what a softmax regression has more, or null
 */
public record ModelSlice(
    String job,
    Party party,
    Role role,
    String family,
    String level,
    String objective,
    int rows,
    int passes,
    double[] weights,
    Double intercept,
    Preparation preparation,
    Map<String, Object> parametersRun,
    SharedWeights shared,
    NeuralSlice neural,
    Inference inference,
    SoftmaxSlice softmax) {
  /** The only schema that {@link #fromJson} reads. */
  public static final String SCHEMA = "espalier.model-slice/1";

  private static final Pattern JOB = Pattern.compile("[A-Za-z0-9-]{1,64}");
  private static final Pattern WORD = Pattern.compile("[a-z][a-z0-9-]{0,31}");
  private static final int BLOCK_ROWS = 1 << 15;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};

  /** Which part of a job the party had. */
  public enum Role {
    /** Has the outcome, hence the intercept. */
    LABEL("label"),
    FEATURE("feature");

    private final String text;

    Role(String text) {
      this.text = text;
    }

    static Role parse(String path, String text) {
      for (Role role : values()) {
        if (role.text.equals(text)) {
          return role;
        }
      }
      throw StrictObject.refuse(path, "is neither label nor feature");
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Of a linear predictor, without standard errors. */
  public ModelSlice(
      String job,
      Party party,
      Role role,
      String family,
      String level,
      String objective,
      int rows,
      int passes,
      double[] weights,
      Double intercept,
      Preparation preparation,
      Map<String, Object> parametersRun,
      SharedWeights shared) {
    this(
        job,
        party,
        role,
        family,
        level,
        objective,
        rows,
        passes,
        weights,
        intercept,
        preparation,
        parametersRun,
        shared,
        null,
        null);
  }

  /** Of all but softmax regressions. */
  public ModelSlice(
      String job,
      Party party,
      Role role,
      String family,
      String level,
      String objective,
      int rows,
      int passes,
      double[] weights,
      Double intercept,
      Preparation preparation,
      Map<String, Object> parametersRun,
      SharedWeights shared,
      NeuralSlice neural,
      Inference inference) {
    this(
        job,
        party,
        role,
        family,
        level,
        objective,
        rows,
        passes,
        weights,
        intercept,
        preparation,
        parametersRun,
        shared,
        neural,
        inference,
        null);
  }

  /**
   * @throws IllegalArgumentException if the parts do not fit each other or a number is not finite
   */
  public ModelSlice {
    require(JOB.matcher(job).matches(), "job id must match " + JOB);
    Objects.requireNonNull(party);
    Objects.requireNonNull(objective);
    require(WORD.matcher(family).matches(), "family must match " + WORD);
    require(WORD.matcher(level).matches(), "level must match " + WORD);
    require(rows >= 1 && passes >= 0, rows + " rows, " + passes + " passes");
    int features = preparation.features().size();
    int several = (neural == null ? 0 : 1) + (softmax == null ? 0 : 1);
    require(several == 0 || shared == null, "such weights are not shared");
    require(several < 2, "it is of two kinds");
    require(
        neural == null || neural.startsAt(features), "the own layers are not on the preparation");
    long inputs = neural == null ? features : neural.inputs(features);
    long expected = shared != null ? 0 : inputs * outputs(neural, softmax);
    require(weights.length == expected, weights.length + " weights for " + features + " features");
    require(
        shared == null || shared.whitening().columns() == features,
        "the shared weights are not those of the preparation");
    require(
        shared == null || shared.intercept() == (role == Role.LABEL),
        "the label party has the intercept");
    require(Arrays.stream(weights).allMatch(Double::isFinite), "a weight is not finite");
    require(
        (intercept != null) == (role == Role.LABEL && shared == null && several == 0),
        "the label party has the intercept");
    require(
        softmax == null || (softmax.intercepts() != null) == (role == Role.LABEL),
        "the label party has the intercepts");
    require(
        neural == null || (neural.top() != null) == (role == Role.LABEL),
        "the label party has the layers above the first");
    require(intercept == null || Double.isFinite(intercept), "the intercept is not finite");
    require(
        inference == null
            || (several == 0
                && inference.standardErrors().length == weights.length
                && (inference.intercept() != null) == (intercept != null)),
        "there is not one standard error for each weight");
    weights = weights.clone();
    parametersRun = plain(parametersRun);
  }

  /** A copy made of what JSON knows, as reading it back would give. */
  private static Map<String, Object> plain(Map<String, Object> parameters) {
    JsonNode tree = JSON.valueToTree(parameters);
    requireFinite("parameters_run", tree);
    try {
      return Collections.unmodifiableMap(JSON.readValue(JSON.writeValueAsBytes(tree), MAP));
    } catch (IOException e) {
      throw new IllegalArgumentException("model slice: parameters_run: " + e.getMessage(), e);
    }
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException("model slice: " + message);
    }
  }

  private static void requireFinite(String path, JsonNode node) {
    if (node.isNumber()) {
      StrictObject.number(path, node);
    }
    node.forEach(child -> requireFinite(path, child));
  }

  @Override
  public double[] weights() {
    return weights.clone();
  }

  /**
   * How many numbers a person's logits are: one, or the units of a neural model's first layer, or
   * the classes of a softmax regression.
   */
  public int logitsOfAPerson() {
    return outputs(neural, softmax);
  }

  private static int outputs(NeuralSlice neural, SoftmaxSlice softmax) {
    return neural != null ? neural.units() : softmax != null ? softmax.classes() : 1;
  }

  /**
   * This party's part of the logits, in double precision from the raw values: the intercept, at the
   * label party, plus weights times prepared features. Of a neural model, the first layer's
   * pre-activations, of a softmax regression the same for each class; bias or intercepts at the
   * label party, person by person.
   *
   * @param table has every raw column that the preparation uses; others are ignored
   * @param rows indices in the table, in the order of the result
   * @throws DataException if a column is absent or of another kind, or a value cannot be prepared
   * @throws IllegalStateException if the weights are shared: nobody has a part of the logits
   */
  public double[] logits(Table table, int[] rows) {
    if (shared != null) {
      throw new IllegalStateException("the weights of this model are shared");
    }
    int width = logitsOfAPerson();
    double[] logits = new double[Math.multiplyExact(rows.length, width)];
    for (int from = 0; from < rows.length; from += BLOCK_ROWS) {
      int[] block = Arrays.copyOfRange(rows, from, Math.min(rows.length, from + BLOCK_ROWS));
      double[] part = part(preparation.apply(table, block));
      System.arraycopy(part, 0, logits, from * width, part.length);
    }
    return logits;
  }

  private double[] part(Matrix prepared) {
    if (neural != null) {
      return neural.part(prepared, weights);
    }
    if (softmax != null) {
      return softmax.part(prepared, weights);
    }
    double[] part = prepared.times(weights);
    for (int i = 0; intercept != null && i < part.length; i++) {
      part[i] += intercept;
    }
    return part;
  }

  /** The artefact; {@link #fromJson} reads it back to an equal slice, doubles bit by bit. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("schema", SCHEMA)
        .put("job", job)
        .put("party", party.name())
        .put("role", role.text)
        .put("family", family)
        .put("level", level)
        .put("objective", objective)
        .put("rows", rows)
        .put("passes", passes);
    ArrayNode features = json.putArray("features");
    preparation.features().forEach(features::add);
    ArrayNode values = json.putArray("weights");
    Arrays.stream(weights).forEach(values::add);
    if (intercept != null) {
      json.put("intercept", intercept);
    }
    if (shared != null) {
      json.set("shared", SharedWeightsJson.write(shared));
    }
    if (neural != null) {
      json.set("neural", neural.toJson());
    }
    if (softmax != null) {
      json.set("softmax", softmax.toJson());
    }
    if (inference != null) {
      json.set("inference", write(inference));
    }
    json.set("preparation", PreparationJson.write(preparation));
    json.set("parameters_run", JSON.valueToTree(parametersRun));
    return json;
  }

  /**
   * @throws IllegalArgumentException naming the member if the schema is another, a member is
   *     absent, unknown, of the wrong type or not finite, or members contradict each other
   */
  public static ModelSlice fromJson(JsonNode artefact) {
    StrictObject json = new StrictObject("model slice", artefact);
    String schema = json.text("schema");
    if (!schema.equals(SCHEMA)) {
      throw StrictObject.refuse(json.path("schema"), "is not " + SCHEMA);
    }
    Preparation preparation = PreparationJson.read(json.object("preparation"));
    if (!json.list("features", StrictObject::text).equals(preparation.features())) {
      throw StrictObject.refuse(json.path("features"), "are not those of the preparation");
    }
    JsonNode parameters = json.get("parameters_run");
    if (!parameters.isObject()) {
      throw StrictObject.refuse(json.path("parameters_run"), "is not an object");
    }
    ModelSlice slice =
        new ModelSlice(
            json.text("job"),
            new Party(json.text("party")),
            Role.parse(json.path("role"), json.text("role")),
            json.text("family"),
            json.text("level"),
            json.text("objective"),
            json.integer("rows", 1),
            json.integer("passes", 0),
            json.numbers("weights"),
            json.has("intercept") ? json.number("intercept") : null,
            preparation,
            JSON.convertValue(parameters, MAP),
            json.has("shared") ? SharedWeightsJson.read(json.object("shared")) : null,
            json.has("neural") ? NeuralSlice.read(json.object("neural")) : null,
            json.has("inference") ? readInference(json.object("inference")) : null,
            json.has("softmax") ? SoftmaxSlice.read(json.object("softmax")) : null);
    json.end();
    return slice;
  }

  private static ObjectNode write(Inference inference) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode errors = json.putArray("standard_errors");
    Arrays.stream(inference.standardErrors()).forEach(errors::add);
    if (inference.inflation() != null) {
      ArrayNode factors = json.putArray("vif");
      Arrays.stream(inference.inflation()).forEach(factors::add);
    }
    if (inference.intercept() != null) {
      json.put("intercept", inference.intercept()).put("dispersion", inference.dispersion());
    }
    return json;
  }

  private static Inference readInference(StrictObject json) {
    boolean label = json.has("intercept");
    Inference inference =
        new Inference(
            json.numbers("standard_errors"),
            json.has("vif") ? json.numbers("vif") : null,
            label ? json.number("intercept") : null,
            label ? json.number("dispersion") : null);
    json.end();
    return inference;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof ModelSlice other && toJson().equals(other.toJson());
  }

  @Override
  public int hashCode() {
    return Objects.hash(job, party, Arrays.hashCode(weights));
  }

  /** Identifies the slice; weights stay out of logs. */
  @Override
  public String toString() {
    return "ModelSlice[" + job + ", " + party + ", " + weights.length + " weights]";
  }
}
