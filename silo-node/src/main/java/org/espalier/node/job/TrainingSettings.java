package org.espalier.node.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.math.BigDecimal;
import java.util.List;
import org.espalier.node.job.JobSpec.Specs;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.neural.SplitSpec;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.privacy.LabelPrivacy;

/**
 * What training may disclose and how long it may take. A setting that the level does not know is
 * refused, so that nobody relies on it.
 *
 * @param level disclosure level: {@code sealed} or {@code gradients}; of networks {@code
 *     activations} or {@code split}
 * @param maxPasses at most so many passes; null of networks, and at {@code sealed} for the level's
 *     own schedule
 * @param tolerance training stops when the objective is estimated to be this near its optimum; null
 *     of networks, and at {@code sealed} for when the level's own schedule ends
 * @param accept what the parties knowingly accept beyond the default policy: {@code span}, which
 *     networks need; empty at {@code sealed}
 * @param minFeaturesPerParty prepared columns that a feature party must bring: a pass opens one
 *     combination of them; {@code gradients} only
 * @param labelPrivacy bound on what others learn of one person's outcome, at {@code sealed} only;
 *     null: none
 * @param epochs sweeps over the training people at most; this and all that follow but {@code
 *     patience}: networks only
 * @param batch about how many people a step has
 * @param optimiser of the label party's layers, at {@code split} of all: {@code adam} or {@code
 *     sgd}
 * @param learningRate of these layers
 * @param sourceLearningRate of the first layer; {@code activations} only
 * @param momentum of the first layer at {@code activations}, and of the others with {@code sgd}
 * @param patience epochs without a gain after which training ends; 0: it runs all epochs. Of a
 *     regression at {@code gradients} passes without a gain; null: nobody is set aside
 * @param gradientNoise on the slopes that feature parties get, {@code split} only: see {@link
 *     SplitSpec}
 * @param activationNoise on the numbers that the label party gets, {@code split} only
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TrainingSettings(
    String level,
    Integer maxPasses,
    BigDecimal tolerance,
    List<String> accept,
    Integer minFeaturesPerParty,
    LabelPrivacySettings labelPrivacy,
    Integer epochs,
    Integer batch,
    String optimiser,
    BigDecimal learningRate,
    BigDecimal sourceLearningRate,
    BigDecimal momentum,
    Integer patience,
    BigDecimal gradientNoise,
    BigDecimal activationNoise) {
  static final String SEALED = "sealed";
  static final String GRADIENTS = "gradients";
  static final String ACTIVATIONS = "activations";
  static final String SPLIT = "split";
  static final String SPAN = "span";
  private static final String NETWORKS = ACTIVATIONS + " or " + SPLIT;

  /** Measured in docs/protocols/split.md. */
  private static final BigDecimal GRADIENT_NOISE = new BigDecimal("2");

  private static final BigDecimal ACTIVATION_NOISE = BigDecimal.ONE;

  /** What a job that says nothing of training gets. */
  static TrainingSettings byDefault() {
    return new TrainingSettings(
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
  }

  public TrainingSettings {
    level = level == null ? SEALED : level;
    accept = accept == null ? List.of() : List.copyOf(accept);
    Specs.oneOf("training.level", level, SEALED, GRADIENTS, ACTIVATIONS, SPLIT);
    if (level.equals(SEALED)) {
      refuse(
          "accept",
          accept.isEmpty() ? null : accept,
          GRADIENTS + ", " + NETWORKS,
          level,
          "there is nothing to accept where no pass is opened");
    }
    accept.forEach(item -> Specs.oneOf("training.accept", item, SPAN));
    if (!level.equals(SEALED)) {
      refuse(
          "label_privacy",
          labelPrivacy,
          SEALED,
          level,
          level.equals(GRADIENTS)
              ? "feature parties learn every pass's gradient"
              : "there is no such bound");
    }
    if (level.equals(GRADIENTS)) {
      maxPasses = maxPasses == null ? 15 : maxPasses;
      tolerance = tolerance == null ? new BigDecimal("0.000001") : tolerance;
      minFeaturesPerParty = minFeaturesPerParty == null ? 3 : minFeaturesPerParty;
      Specs.range("training.min_features_per_party", minFeaturesPerParty, 2, Integer.MAX_VALUE);
    } else {
      refuse(
          "min_features_per_party",
          minFeaturesPerParty,
          GRADIENTS,
          level,
          "no single combination of a party's columns is opened");
    }
    boolean split = level.equals(SPLIT);
    if (split || level.equals(ACTIVATIONS)) {
      epochs = epochs == null ? 20 : epochs;
      batch = batch == null ? 256 : batch;
      optimiser = optimiser == null ? Descent.Kind.ADAM.wireName() : optimiser;
      boolean adam = optimiser.equals(Descent.Kind.ADAM.wireName());
      learningRate = learningRate == null ? new BigDecimal(adam ? "0.003" : "0.1") : learningRate;
      momentum = momentum == null ? new BigDecimal("0.9") : momentum;
      patience = patience == null ? 5 : patience;
      String ends = "training ends by training.epochs and training.patience";
      refuse("max_passes", maxPasses, SEALED + " or " + GRADIENTS, level, ends);
      refuse("tolerance", tolerance, SEALED + " or " + GRADIENTS, level, ends);
      if (!accept.contains(SPAN)) {
        throw new IllegalArgumentException(
            ("training.level: %s opens numbers of each training person to the label party,"
                    + " which after a few epochs are all that can be computed from the feature"
                    + " parties' columns together; if all parties accept that in writing, say"
                    + " training.accept: [span]")
                .formatted(level));
      }
      Specs.range("training.epochs", epochs, 1, 200);
      Specs.range("training.batch", batch, 16, 1 << 16);
      Specs.range("training.patience", patience, 0, 200);
      Specs.oneOf("training.optimiser", optimiser, "adam", "sgd");
      between("learning_rate", learningRate, "0.000001", "10");
      between("momentum", momentum, "0", "0.95");
    } else {
      String sweeps = "nothing is trained in epochs";
      refuse("epochs", epochs, NETWORKS, level, sweeps);
      refuse("batch", batch, NETWORKS, level, sweeps);
      refuse("optimiser", optimiser, NETWORKS, level, sweeps);
      refuse("learning_rate", learningRate, NETWORKS, level, sweeps);
      refuse("momentum", momentum, NETWORKS, level, sweeps);
      patience = regressionPatience(level, patience);
    }
    if (level.equals(ACTIVATIONS)) {
      sourceLearningRate = sourceLearningRate == null ? new BigDecimal("0.1") : sourceLearningRate;
      between("source_learning_rate", sourceLearningRate, "0.00001", "10");
    } else {
      refuse(
          "source_learning_rate",
          sourceLearningRate,
          ACTIVATIONS,
          level,
          split ? "training.learning_rate is that of all layers" : "nothing is trained in epochs");
    }
    if (split) {
      gradientNoise = gradientNoise == null ? GRADIENT_NOISE : gradientNoise;
      activationNoise = activationNoise == null ? ACTIVATION_NOISE : activationNoise;
      String most = String.valueOf(SplitSpec.MOST_NOISE);
      between("gradient_noise", gradientNoise, "0", most);
      between("activation_noise", activationNoise, "0", most);
    } else {
      String none = "no such noise is added";
      refuse("gradient_noise", gradientNoise, SPLIT, level, none);
      refuse("activation_noise", activationNoise, SPLIT, level, none);
    }
    if (maxPasses != null) {
      Specs.range("training.max_passes", maxPasses, 1, TrainSpec.MAX_PASSES);
    }
    if (tolerance != null) {
      between("tolerance", tolerance, "1e-12", "1");
    }
  }

  private static Integer regressionPatience(String level, Integer patience) {
    if (level.equals(SEALED)) {
      refuse(
          "patience",
          patience,
          GRADIENTS + ", " + NETWORKS,
          level,
          "no score of a person is opened, so nobody knows the loss of people set aside, and the"
              + " number of passes is fixed before the first");
    }
    // As a job that says nothing of it: older jobs keep their digest.
    if (patience == null || patience == 0) {
      return null;
    }
    Specs.range("training.patience", patience, 1, TrainSpec.MAX_PASSES);
    return patience;
  }

  private static void between(String key, BigDecimal value, String least, String most) {
    if (value.compareTo(new BigDecimal(least)) < 0 || value.compareTo(new BigDecimal(most)) > 0) {
      throw new IllegalArgumentException(
          "training.%s is %s to %s, not %s".formatted(key, least, most, value));
    }
  }

  private static void refuse(String key, Object value, String levels, String level, String why) {
    if (value != null) {
      throw new IllegalArgumentException(
          "training.%s belongs to level %s; at level %s %s".formatted(key, levels, level, why));
    }
  }

  /**
   * Label differential privacy, see {@link LabelPrivacy}.
   *
   * @param epsilon required
   * @param delta null: a millionth
   * @param clip null: 2
   */
  public record LabelPrivacySettings(BigDecimal epsilon, BigDecimal delta, BigDecimal clip) {
    public LabelPrivacySettings {
      if (epsilon == null) {
        throw new IllegalArgumentException("training.label_privacy needs an epsilon, such as 1");
      }
      delta = delta == null ? new BigDecimal("0.000001") : delta;
      clip = clip == null ? new BigDecimal("2") : clip;
      new LabelPrivacy(epsilon.doubleValue(), delta.doubleValue(), clip.doubleValue());
    }

    LabelPrivacy bound() {
      return new LabelPrivacy(epsilon.doubleValue(), delta.doubleValue(), clip.doubleValue());
    }
  }

  /** Whether passes on the same people add up and are counted. */
  boolean countsPasses() {
    return !level.equals(SEALED);
  }

  boolean acceptsSpan() {
    return accept.contains(SPAN);
  }

  Level disclosure() {
    return Level.parse(level);
  }

  /** How the label party's layers of a network descend. */
  Descent descent(BigDecimal l2) {
    Descent.Kind kind = Descent.Kind.parse(optimiser);
    return new Descent(
        kind,
        learningRate.doubleValue(),
        kind == Descent.Kind.SGD ? momentum.doubleValue() : 0,
        l2.doubleValue());
  }
}
