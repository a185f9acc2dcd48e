package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.espalier.node.job.JobSpec.Specs;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.NetworkSpec;
import org.espalier.protocols.neural.top.Task;

/**
 * Which model is fitted. A setting that the type does not know is refused.
 *
 * @param type the name of a {@link Family}, {@link #SOFTMAX} or {@link #NEURAL}
 * @param l2 factor of half the squared norm of the weights, added to the mean loss; of a neural
 *     model, of those above the first layer, and may be 0. Of a regression it may be several
 * @param weights {@code own}: each party gets those of its columns; {@code shared}, at level {@code
 *     sealed} only: nobody gets any, scores are computed jointly
 * @param classWeights how much people of each outcome count; null: all the same
 * @param hidden neural: units of each hidden layer, the first of which spans all parties' columns
 * @param activation neural: {@code relu} or {@code tanh}
 * @param dropout neural: share of hidden units that a training step leaves out
 * @param task neural: {@code binary}, {@code multiclass} or {@code regression}
 * @param inference whether each party gets the standard errors of its weights; null where not
 * @param l1 factor of the weights' absolute values, added to the mean loss; null: 0
 * @param bottom neural at level {@code split}: units of each party's own hidden layers; null at
 *     other levels, which {@link TrainSpec} knows
 * @param classes softmax: how many different outcomes there are; else null
 * @param start training job at whose model training begins, of a regression; null: none
 * @param startDigest which model exactly that is, {@link ServedModel#digest}; null until the
 *     proposer's node fills it in
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ModelSettings(
    String type,
    Penalties l2,
    String weights,
    ClassWeights classWeights,
    List<Integer> hidden,
    String activation,
    BigDecimal dropout,
    String task,
    Boolean inference,
    BigDecimal l1,
    List<Integer> bottom,
    Integer classes,
    String start,
    String startDigest) {
  public static final String NEURAL = "neural";
  public static final String SOFTMAX = "softmax";
  static final String OWN = "own";
  static final String SHARED = "shared";

  private static final int MOST_SHARED_UNITS = 256;
  private static final int MOST_UNITS = 1024;
  private static final BigDecimal MOST_L1 = new BigDecimal("1000000000");

  /** What a job that says nothing of its model gets. */
  static ModelSettings byDefault() {
    return new ModelSettings(
        null, null, null, null, null, null, null, null, null, null, null, null, null, null);
  }

  public ModelSettings {
    weights = weights == null ? OWN : weights;
    // The default is not in the canonical form, so that older jobs keep their digest.
    inference = Boolean.TRUE.equals(inference) ? inference : null;
    l1 = l1 == null || l1.signum() == 0 ? null : l1;
    if (l1 != null) {
      requireSparse(l1, type, inference);
    }
    Specs.oneOf("model.weights", weights, OWN, SHARED);
    type = type == null ? Family.LOGISTIC.wireName() : type;
    Specs.oneOf(
        "model.type",
        type,
        Stream.concat(Stream.of(Family.values()).map(Family::wireName), Stream.of(SOFTMAX, NEURAL))
            .toArray(String[]::new));
    if (type.equals(NEURAL)) {
      l2 = l2 == null ? Penalties.of("0.0001") : l2;
      hidden = hidden == null ? List.of(32, 16) : List.copyOf(hidden);
      activation = activation == null ? Activation.RELU.wireName() : activation;
      dropout = dropout == null ? new BigDecimal("0.1") : dropout;
      task = task == null ? Task.BINARY.wireName() : task;
      requireNetwork(hidden, activation, dropout, task);
      bottom = bottom == null ? null : List.copyOf(bottom);
      requireBottom(bottom == null ? List.of() : bottom);
      if (inference != null) {
        throw new IllegalArgumentException(
            "model.inference is for regressions: the weights of a network have no standard errors");
      }
    } else {
      l2 = l2 == null ? Penalties.of("0.01") : l2;
      refuse("hidden", hidden);
      refuse("activation", activation);
      refuse("dropout", dropout);
      refuse("task", task);
      refuse("bottom", bottom);
    }
    requireClasses(type, classes, l1, inference);
    if (classWeights != null) {
      classWeights.requireClasses(classes);
    }
    if (inference != null && classWeights != null) {
      throw new IllegalArgumentException(
          "model.inference and model.class_weights exclude each other: standard errors of a model do"
              + " not hold where people count by their outcome");
    }
    requirePenalties(l2, type);
    requireStart(type, start, startDigest, l1);
  }

  private static void requireStart(String type, String start, String digest, BigDecimal l1) {
    if (start == null) {
      if (digest != null) {
        throw new IllegalArgumentException("model.start_digest is of the model at model.start");
      }
      return;
    }
    if (!start.matches(Job.ID)) {
      throw new IllegalArgumentException("model.start must be the id of a training job");
    }
    if (digest != null && !digest.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException("model.start_digest is 64 digits 0-9 and a-f");
    }
    if (type.equals(NEURAL) || type.equals(SOFTMAX)) {
      throw new IllegalArgumentException(
          "model.start is for models of one score, not for model.type: "
              + (type.equals(NEURAL)
                  ? "neural: the steps of a network do not end at a minimum that is the same wherever"
                      + " they begin, so that who was in the earlier training would show in it"
                  : "softmax"));
    }
    if (l1 != null) {
      throw new IllegalArgumentException(
          "model.start and model.l1 exclude each other: training with an l1 begins at weights of 0, of"
              + " which it leaves those alone that do not pay");
    }
  }

  private static void requirePenalties(Penalties l2, String type) {
    for (BigDecimal value : l2.values()) {
      boolean none = value.signum() == 0 && type.equals(NEURAL);
      if ((!none && value.signum() <= 0) || value.compareTo(new BigDecimal("100")) > 0) {
        throw new IllegalArgumentException(
            "model.l2 is %s and at most 100, not %s"
                .formatted(type.equals(NEURAL) ? "0 or more" : "above 0", value));
      }
    }
  }

  private static void requireClasses(
      String type, Integer classes, BigDecimal l1, Boolean inference) {
    if (!type.equals(SOFTMAX)) {
      if (classes != null) {
        throw new IllegalArgumentException("model.classes belong to model.type: " + SOFTMAX);
      }
      return;
    }
    if (classes == null) {
      throw new IllegalArgumentException(
          "model.type: softmax needs model.classes, the number of different outcomes: every party is"
              + " to know before it agrees how many numbers of each person a pass opens");
    }
    if (classes == 2) {
      throw new IllegalArgumentException(
          "model.classes: 2 is a model of type logistic, with a label column of 0 and 1");
    }
    Specs.range("model.classes", classes, TrainingSpec.FEWEST_CLASSES, TrainingSpec.MOST_CLASSES);
    if (l1 != null || inference != null) {
      throw new IllegalArgumentException(
          "model.%s is for models with one weight for each column, not for model.type: softmax"
              .formatted(l1 != null ? "l1" : "inference"));
    }
  }

  private static void requireSparse(BigDecimal l1, String type, Boolean inference) {
    if (l1.signum() < 0 || l1.compareTo(MOST_L1) > 0) {
      throw new IllegalArgumentException("model.l1 is 0 to %s, not %s".formatted(MOST_L1, l1));
    }
    if (NEURAL.equals(type)) {
      throw new IllegalArgumentException("model.l1 is for regressions, not for model.type: neural");
    }
    if (inference != null) {
      throw new IllegalArgumentException(
          "model.l1 and model.inference exclude each other: weights that a penalty sets to 0, and those"
              + " that are left because of the data, have no standard errors of this kind");
    }
  }

  private static void refuse(String key, Object value) {
    if (value != null) {
      throw new IllegalArgumentException(
          "model.%s belongs to model.type: %s".formatted(key, NEURAL));
    }
  }

  private static void requireNetwork(
      List<Integer> hidden, String activation, BigDecimal dropout, String task) {
    if (hidden.isEmpty() || hidden.size() > NetworkSpec.MOST_LAYERS) {
      throw new IllegalArgumentException(
          "model.hidden is the units of 1 to %d layers, such as [32, 16]; not %s"
              .formatted(NetworkSpec.MOST_LAYERS, hidden));
    }
    for (int layer = 0; layer < hidden.size(); layer++) {
      int most = layer == 0 ? MOST_SHARED_UNITS : MOST_UNITS;
      Specs.range("model.hidden[" + layer + "]", hidden.get(layer), 1, most);
    }
    Specs.oneOf(
        "model.activation",
        activation,
        Stream.of(Activation.values()).map(Activation::wireName).toArray(String[]::new));
    Specs.oneOf(
        "model.task", task, Stream.of(Task.values()).map(Task::wireName).toArray(String[]::new));
    if (dropout.signum() < 0 || dropout.compareTo(new BigDecimal("0.9")) > 0) {
      throw new IllegalArgumentException("model.dropout is 0 to 0.9, not " + dropout);
    }
  }

  private static void requireBottom(List<Integer> bottom) {
    if (bottom.size() > Bottom.MOST_HIDDEN) {
      throw new IllegalArgumentException(
          "model.bottom is the units of 0 to %d layers, such as [16]; not %s"
              .formatted(Bottom.MOST_HIDDEN, bottom));
    }
    for (int layer = 0; layer < bottom.size(); layer++) {
      Specs.range("model.bottom[" + layer + "]", bottom.get(layer), 1, MOST_UNITS);
    }
  }

  /** The same from exactly this model. */
  ModelSettings startingAt(String digest) {
    return with(bottom, digest);
  }

  /** As level {@code split} has it. */
  ModelSettings withBottom() {
    return with(bottom == null ? List.of(16) : bottom, startDigest);
  }

  private ModelSettings with(List<Integer> ownLayers, String digest) {
    return new ModelSettings(
        type,
        l2,
        weights,
        classWeights,
        hidden,
        activation,
        dropout,
        task,
        inference,
        l1,
        ownLayers,
        classes,
        start,
        digest);
  }

  /** A network, not a linear predictor. */
  boolean neural() {
    return type.equals(NEURAL);
  }

  /** A linear predictor for each of several classes. */
  boolean softmax() {
    return type.equals(SOFTMAX);
  }

  /** Of a neural model. */
  NetworkSpec network() {
    return new NetworkSpec(
        Task.parse(task),
        Objects.requireNonNull(hidden),
        Activation.parse(activation),
        dropout.doubleValue());
  }
}
