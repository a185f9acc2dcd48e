package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a job file leaves unsaid, and which settings go together. */
class TrainSpecTest {
  private static final String BASE =
      """
      name: risk
      purpose: research
      label: {party: bank.example, column: bad}
      parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
      match: [[{column: id}]]
      """;

  private static TrainSpec read(String more) {
    return (TrainSpec) JobSpec.yaml("job.yaml", BASE + more);
  }

  @Test
  void withoutAWordTrainingIsSealedOnTheLevelsOwnSchedule() {
    TrainSpec spec = read("");
    assertThat(spec.training().level()).isEqualTo("sealed");
    assertThat(spec.training().maxPasses()).isNull();
    assertThat(spec.training().tolerance()).isNull();
    assertThat(spec.training().minFeaturesPerParty()).isNull();
    assertThat(spec.training().countsPasses()).isFalse();
    assertThat(spec.model().type()).isEqualTo("logistic");
    assertThat(spec.evaluation().reveal()).isEqualTo("metrics");
    assertThat(spec.preparation().minPerCategory()).isEqualTo(10);
    assertThat(spec.alignment().isOpen()).isTrue();
  }

  @Test
  void partiesWhoAskForNoMoreLeaveTheProtocolOpen() {
    assertThat(read("alignment: {gate: two-sided}").alignment().protocol()).isEqualTo("ecdh");
    TrainSpec open = read("alignment: {min_intersection: 7}");
    assertThat(open.alignment().protocol()).isEqualTo("auto");
    assertThat(open.aligned("oprf"))
        .isEqualTo(read("alignment: {protocol: oprf, min_intersection: 7}"));
    assertThat(open.aligned("oprf").digest()).isNotEqualTo(open.aligned("ecdh").digest());
    String three =
        BASE.replace("insurer.example:", "third.example: {dataset: a}, insurer.example:");
    assertThat(JobSpec.yaml("job.yaml", three).alignment().protocol()).isEqualTo("auto");
    // What is not said is not in the canonical form, so that older jobs keep their digest.
    assertThat(read("model: {inference: false}").digest()).isEqualTo(read("").digest());
    assertThat(open.toJson().path("alignment").has("gate")).isFalse();
  }

  @Test
  void aFrozenCohortTakesThePlaceOfAProtocol() {
    String digest = "1a2b3c4d".repeat(8);
    TrainSpec spec = read("alignment: {cohort: %s}".formatted(digest));
    assertThat(spec.alignment().isFrozen()).isTrue();
    assertThat(spec.alignment().isOpen()).isFalse();
    assertThat(spec.alignment().protocol()).isEqualTo("cohort");
    assertThat(JobSpec.json("again", spec.toJson())).isEqualTo(spec);
    assertThat(spec.matchDigest()).isEqualTo(read("").matchDigest());
    assertThat(read("alignment: {duplicates: first}").matchDigest())
        .isNotEqualTo(spec.matchDigest());
    assertThat(read("").toJson().path("alignment").has("cohort")).isFalse();
    for (String wrong :
        new String[] {
          "cohort: 1a2b3c4d",
          "protocol: cohort",
          "protocol: oprf, cohort: " + digest,
          "gate: two-sided, cohort: " + digest,
          "security: malicious, cohort: " + digest
        }) {
      assertThatThrownBy(() -> read("alignment: {%s}".formatted(wrong)))
          .isInstanceOf(Problem.class)
          .hasMessageContaining("alignment");
    }
  }

  @Test
  void securityAgainstDeviationIsThatOfOprf() {
    TrainSpec spec = read("alignment: {security: malicious}");
    assertThat(spec.alignment().protocol()).isEqualTo("oprf");
    assertThat(spec.alignment().isMalicious()).isTrue();
    assertThat(spec.aligned("oprf")).isEqualTo(spec);
    assertThat(spec.digest()).isNotEqualTo(read("alignment: {protocol: oprf}").digest());
    // The default is not in the canonical form.
    assertThat(read("alignment: {security: semi-honest}").digest()).isEqualTo(read("").digest());
    String three =
        BASE.replace("insurer.example:", "third.example: {dataset: a}, insurer.example:")
            + "alignment: {security: malicious}\n";
    assertThatThrownBy(() -> JobSpec.yaml("job.yaml", three))
        .hasMessageContaining("alignment.security: malicious aligns 2 parties, the job names 3");
  }

  @Test
  void labelPrivacyIsForLogisticModelsAtSealed() {
    TrainSpec spec = read("training: {label_privacy: {epsilon: 0.5}}");
    assertThat(spec.labelPrivacy().epsilon()).isEqualTo(0.5);
    assertThat(spec.labelPrivacy().delta()).isEqualTo(1e-6);
    assertThat(spec.labelPrivacy().clip()).isEqualTo(2);
    assertThat(JobSpec.json("again", spec.toJson())).isEqualTo(spec);
    assertThat(spec.digest()).isNotEqualTo(read("").digest());
    assertThat(read("").toJson().path("training").has("label_privacy")).isFalse();
    assertThatThrownBy(() -> read("training: {level: gradients, label_privacy: {epsilon: 1}}"))
        .hasStackTraceContaining("training.label_privacy belongs to level sealed");
    assertThatThrownBy(() -> read("training: {label_privacy: {epsilon: 1}}\nmodel: {type: linear}"))
        .hasStackTraceContaining("is for models of type logistic");
    assertThatThrownBy(() -> read("training: {label_privacy: {delta: 1e-6}}"))
        .hasStackTraceContaining("needs an epsilon");
    assertThatThrownBy(() -> read("training: {label_privacy: {epsilon: 100}}"))
        .hasStackTraceContaining("epsilon is 0.01 to 20");
  }

  @Test
  void severalPenaltiesAreChosenFromByCrossValidation() {
    TrainSpec spec =
        read("model: {l2: [1, 0.01, 0.1]}\ntraining: {level: gradients, max_passes: 18}");
    assertThat(spec.evaluation().folds()).isEqualTo(5);
    assertThat(spec.evaluation().choose()).isEqualTo("best");
    assertThat(spec.path().values()).containsExactly(1.0, 0.1, 0.01);
    assertThat(spec.path().fits()).isEqualTo(18);
    assertThat(spec.model().l2()).hasToString("[0.01, 0.1, 1]");
    // Another attempt would open the same directions under new noise.
    assertThat(JobRun.mayBeRepeated(spec, "train")).isFalse();
    assertThat(JobRun.mayBeRepeated(spec, "align")).isTrue();
    // In which order they are written changes nothing.
    assertThat(
            read("model: {l2: [0.1, 0.01, 1]}\ntraining: {level: gradients, max_passes: 18}")
                .digest())
        .isEqualTo(spec.digest());
    TrainSpec one =
        read("evaluation: {folds: 3, choose: one-standard-error}\ntraining: {level: gradients}");
    assertThat(one.path().values()).containsExactly(0.01);
    assertThat(one.path().sparing()).isTrue();
    assertThat(read("").path()).isNull();
    assertThat(read("").toJson().toString()).doesNotContain("folds").doesNotContain("choose");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model: {l2: [0.1, 1]} | is for level gradients: at level sealed nobody knows the loss of a fold",
        "evaluation: {folds: 3} | is for level gradients",
        "model: {l2: []}~training: {level: gradients} | a list of 1 to 20, not of 0",
        "model: {l2: [0.1, 0.10]}~training: {level: gradients} | has 0.1 twice",
        "model: {l2: [0.1, 0]}~training: {level: gradients} | model.l2 is above 0",
        "model: {l2: [a]}~training: {level: gradients} | or a list of numbers such as",
        "model: {l2: [1, 0.1, 0.01]}~training: {level: gradients} | are 18 fits, each of which takes a pass",
        "evaluation: {folds: 11}~training: {level: gradients} | evaluation.folds is 2 to 10",
        "evaluation: {choose: best} | between values of model.l2 by evaluation.folds",
        "evaluation: {folds: 3, choose: any}~training: {level: gradients} | is best or one-standard-error",
        "model: {l2: [1, 2], inference: true}~training: {level: gradients} | and model.inference exclude",
        "model: {l2: [1, 2], l1: 1}~training: {level: gradients, accept: [span]} | and model.l1 exclude",
        "model: {type: neural, l2: [0, 1]}~training: {level: activations, accept: [span]} | for regressions",
      })
  void aPathOfPenaltiesThatCannotBeRunIsRefused(String more, String reason) {
    assertThatThrownBy(() -> read(more.replace('~', '\n'))).hasStackTraceContaining(reason);
  }

  @Test
  void gradientsHasItsOwnDefaults() {
    TrainingSettings training = read("training: {level: gradients}").training();
    assertThat(training.maxPasses()).isEqualTo(15);
    assertThat(training.tolerance()).isEqualByComparingTo("1e-6");
    assertThat(training.minFeaturesPerParty()).isEqualTo(3);
    assertThat(training.acceptsSpan()).isFalse();
    assertThat(training.countsPasses()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "training: {max_passes: 30, tolerance: 1e-5}",
        "model: {type: linear}",
        "model: {type: gamma}\ntraining: {level: gradients}",
        "training: {level: gradients, accept: [span], min_features_per_party: 2}",
        "model: {type: neural}\ntraining: {level: activations, accept: [span]}",
        "model: {type: neural, hidden: [8], task: regression, l2: 0}\n"
            + "training: {level: activations, accept: [span], optimiser: sgd, patience: 0}",
        "model: {type: neural}\ntraining: {level: split, accept: [span]}",
        "model: {type: neural, bottom: []}\ntraining: {level: split, accept: [span], activation_noise: 0.5}",
        "model: {inference: true, l2: 1e-6}\ntraining: {level: gradients}",
        "model: {l2: [1, 0.1]}\ntraining: {level: gradients}",
        "evaluation: {folds: 4, choose: one-standard-error}\ntraining: {level: gradients}",
        "model: {class_weights: balanced}\ntraining: {level: gradients}",
        "model: {start: J-1a2b3c4d}\ntraining: {level: gradients}",
        "training: {level: gradients, patience: 3}",
        "model: {class_weights: {0: 1, 1: 2.50}}\ntraining: {level: gradients}",
        "model: {type: softmax, classes: 3, class_weights: {1: 1, 2: 10, 2.5: 1.50}}\n"
            + "training: {level: gradients}",
        "evaluation: {holdout: 0.4, reveal: scores, thresholds: [0.05, 0.1, 0.125]}",
        "alignment: {protocol: oprf}",
        "alignment: {security: malicious}",
        "alignment: {gate: two-sided, min_intersection: 20}"
      })
  void theCanonicalFormIsTheSameAgain(String more) {
    TrainSpec spec = read(more);
    JobSpec again = JobSpec.json("job", Json.parse("job", Json.write(spec.toJson())));
    assertThat(again).isEqualTo(spec);
    assertThat(again.digest()).isEqualTo(spec.digest());
  }

  @Test
  void jobsThatSayNothingOfItKeepTheirDigest() {
    assertThat(read("training: {level: gradients, patience: 0}").digest())
        .isEqualTo(read("training: {level: gradients}").digest());
    assertThat(read("training: {level: gradients}").toJson().toString())
        .doesNotContain("patience")
        .doesNotContain("start");
  }

  @Test
  void whatChangesTheDisclosureChangesTheDigest() {
    assertThat(read("evaluation: {reveal: scores}").digest()).isNotEqualTo(read("").digest());
    assertThat(read("evaluation: {thresholds: [0.1]}").digest()).isNotEqualTo(read("").digest());
    assertThat(read("training: {level: gradients}").digest()).isNotEqualTo(read("").digest());
    assertThat(read("training: {level: sealed}").digest()).isEqualTo(read("").digest());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "training: {level: open} | training.level is sealed or gradients or activations or split, not 'open'",
        "training: {epochs: 3} | training.epochs belongs to level activations or split; at level sealed",
        "training: {patience: 3} | training.patience belongs to level gradients, activations or split; at"
            + " level sealed no score of a person is opened",
        "training: {level: gradients, patience: 201} | training.patience is 1 to 200, not 201",
        "model: {l1: 1}~training: {level: gradients, accept: [span], patience: 2} | cannot be gone back",
        "model: {inference: true}~training: {level: gradients, patience: 2} | those of the minimum",
        "model: {l2: [1, 2]}~training: {level: gradients, max_passes: 30, patience: 2} | the penalty is",
        "model: {type: softmax, classes: 3}~training: {level: gradients, patience: 2} | of one score",
        "model: {start: J-1a2b3c4d} | model.start is for level gradients: at level sealed the number of",
        "model: {start: x}~training: {level: gradients} | must be the id of a training job",
        "model: {start_digest: x}~training: {level: gradients} | is of the model at model.start",
        "model: {start: J-1a2b3c4d, start_digest: x}~training: {level: gradients} | is 64 digits 0-9",
        "model: {start: J-1a2b3c4d, l1: 1}~training: {level: gradients, accept: [span]} | exclude each",
        "model: {start: J-1a2b3c4d, l2: [1, 2]}~training: {level: gradients, max_passes: 30} | fold",
        "model: {start: J-1a2b3c4d}~training: {level: gradients, patience: 2} | who are set aside",
        "model: {start: J-1a2b3c4d, type: softmax, classes: 3} | is for models of one score, not",
        "model: {start: J-1a2b3c4d, type: neural} | do not end at a minimum that is the same wherever",
        "training: {level: activations} | all parties accept that in writing, say training.accept",
        "training: {level: activations, accept: [span], max_passes: 3} | ends by training.epochs",
        "training: {level: activations, accept: [span], tolerance: 1} | ends by training.epochs",
        "training: {level: activations, accept: [span], batch: 8} | training.batch is 16 to 65536",
        "training: {level: activations, accept: [span], momentum: 1} | training.momentum is 0 to",
        "training: {level: activations, accept: [span], optimiser: lbfgs} | is adam or sgd, not",
        "training: {level: activations, accept: [span]} | is that of model.type: neural",
        "model: {type: neural} | is trained at level activations or split, not at level sealed: say",
        "training: {level: split} | training.level: split opens numbers of each training person",
        "training: {level: split, accept: [span]} | training.level: split is that of model.type: neu",
        "training: {level: split, accept: [span], gradient_noise: -1} | gradient_noise is 0 to 100",
        "training: {level: split, accept: [span], activation_noise: 101} | noise is 0 to 100, not",
        "training: {level: split, accept: [span], source_learning_rate: 1} | that of all layers",
        "training: {gradient_noise: 1} | training.gradient_noise belongs to level split; at level",
        "model: {type: neural, bottom: [0]} | model.bottom[0] is 1 to 1024, not 0",
        "model: {type: neural, bottom: [1, 1, 1, 1, 1]} | model.bottom is the units of 0 to 4 layers",
        "model: {bottom: [3]} | model.bottom belongs to model.type: neural",
        "model: {hidden: [3]} | model.hidden belongs to model.type: neural",
        "model: {type: neural, hidden: [300]} | model.hidden[0] is 1 to 256, not 300",
        "model: {type: neural, hidden: []} | model.hidden is the units of 1 to 8 layers",
        "model: {type: neural, activation: gelu} | model.activation is relu or tanh, not 'gelu'",
        "model: {type: neural, dropout: 1} | model.dropout is 0 to 0.9, not 1",
        "model: {type: neural, task: rank} | model.task is binary or multiclass or regression, not",
        "model: {type: neural, l2: -1} | model.l2 is 0 or more and at most 100, not -1",
        "training: {accept: [span]} | training.accept belongs to level gradients",
        "training: {level: sealed, accept: [span]} | training.accept belongs to level gradients",
        "training: {min_features_per_party: 4} | training.min_features_per_party belongs to level",
        "training: {level: gradients, min_features_per_party: 1} | min_features_per_party is 2 to",
        "training: {level: gradients, accept: [all]} | training.accept is span, not 'all'",
        "training: {max_passes: 0} | training.max_passes is 1 to 200, not 0",
        "training: {tolerance: 2} | training.tolerance is 1e-12 to 1, not 2",
        "model: {type: probit} | is logistic or linear or poisson or gamma or softmax or neural, not",
        "model: {type: softmax, classes: 3} | model.type: softmax is trained at level gradients, not",
        "model: {type: softmax} | needs model.classes, the number of different outcomes",
        "model: {type: softmax, classes: 2} | model.classes: 2 is a model of type logistic",
        "model: {type: softmax, classes: 21} | model.classes is 3 to 20, not 21",
        "model: {classes: 3} | model.classes belong to model.type: softmax",
        "model: {type: softmax, classes: 3, l1: 1} | model.l1 is for models with one weight for each",
        "model: {type: softmax, classes: 3, inference: true} | model.inference is for models with one",
        "model: {type: softmax, classes: 3, class_weights: {0: 1, 1: 2}} | softmax a number for each",
        "model: {type: softmax, classes: 3, class_weights: {0: 1, 1: 2, 1e-999999999: 1}} | numbers"
            + " from 1e-6 to 1e6",
        "model: {class_weights: balanced} | model.class_weights are for level gradients, not",
        "model: {inference: true} | model.inference is for level gradients: at level sealed nobody",
        "model: {inference: true, type: neural} | model.inference is for regressions: the weights of",
        "model: {inference: true, class_weights: balanced} | class_weights exclude each other",
        "model: {l1: 0.1} | model.l1 is for level gradients: whether a weight is 0 is a comparison",
        "model: {l1: -1} | model.l1 is 0 to 1000000000, not -1",
        "model: {l1: 1, inference: true} | model.l1 and model.inference exclude each other",
        "model: {l1: 1, type: neural} | model.l1 is for regressions, not for model.type: neural",
        "model: {class_weights: even} | model.class_weights are balanced or {0: W, 1: W} with",
        "model: {class_weights: {0: 1}} | model.class_weights are balanced or {0: W, 1: W} with",
        "model: {class_weights: {0: 1, 1: 0}} | model.class_weights are balanced or {0: W, 1: W}",
        "model: {class_weights: balanced, type: linear} | class_weights belong to models of type",
        "preparation: {min_per_category: 2} | preparation.min_per_category is 3 to",
        "alignment: {protocol: dh} | alignment.protocol is auto or ecdh or oprf or unbalanced, not",
        "alignment: {duplicates: some} | alignment.duplicates is reject or first or all, not 'some'",
        "alignment: {duplicates: all} | at level sealed others would compute with each row of a",
        "alignment: {gate: open} | alignment.gate is two-sided, not 'open'",
        "alignment: {gate: two-sided, protocol: oprf} | exclude each other",
        "alignment: {gate: two-sided, protocol: unbalanced} | exclude each other",
        "alignment: {security: malicious, protocol: unbalanced} | with unbalanced parties are taken",
        "alignment: {security: some} | alignment.security is semi-honest or malicious, not 'some'",
        "alignment: {security: malicious, protocol: ecdh} | is given by alignment.protocol: oprf",
        "alignment: {security: malicious, gate: two-sided} | which has no two-sided gate",
        "evaluation: {reveal: labels} | evaluation.reveal is metrics or scores, not 'labels'",
        "evaluation: {holdout: 0, reveal: scores} | scores needs people held out",
        "evaluation: {thresholds: [0.5, 0.1]} | between 0 and 1, ascending, with at most 3 decimals",
        "evaluation: {thresholds: [0.1, 1]} | between 0 and 1, ascending",
        "evaluation: {thresholds: [0.1234]} | at most 3 decimals; not 0.1234",
        "evaluation: {thresholds: [.1,.2,.3,.4,.5,.6,.7,.8,.9,.91,.92]} | are at most 10, not 11"
      })
  void whatDoesNotGoTogetherIsRefused(String more, String why) {
    assertThatThrownBy(() -> read(more.replace('~', '\n')))
        .isInstanceOf(Problem.class)
        .hasMessageContaining(why.strip());
  }

  @Test
  void aListIsForOneRule() {
    String two = BASE.replaceFirst("match: (\\[.*)]\n", "match: $1, [{column: name}]]\n");
    assertThat(two).isNotEqualTo(BASE);
    assertThatThrownBy(() -> JobSpec.yaml("j", two + "alignment: {protocol: unbalanced}"))
        .hasMessageContaining("by 1 rule of the match section, the job names 2 and 2");
  }

  @Test
  void sparseWeightsNeedTheConsentToTheSpan() {
    String sparse = "model: {l1: 0.1}\ntraining: {level: gradients%s}\n";
    assertThatThrownBy(() -> read(sparse.formatted("")))
        .hasMessageContaining("model.l1 needs training.accept: [span]: where few weights are left");
    TrainSpec spec = read(sparse.formatted(", accept: [span]"));
    assertThat(spec.model().l1()).isEqualByComparingTo("0.1");
    assertThat(read("model: {l1: 0}").digest()).isEqualTo(read("").digest());
  }

  @Test
  void severalRowsOfAPersonHaveTheirSettings() {
    String all = "alignment: {duplicates: all}\ntraining: {level: gradients}\n";
    assertThatThrownBy(() -> read(all)).hasMessageContaining("needs evaluation.reveal: scores");
    String scores = all + "evaluation: {reveal: scores}\n";
    assertThat(read(scores).weighted()).isTrue();
    assertThat(read(all + "evaluation: {holdout: 0}\n").weighted()).isTrue();
    assertThatThrownBy(() -> read(scores + "model: {inference: true}"))
        .hasMessageContaining("rows of one person are not independent");
  }

  @Test
  void weightsAndExposuresHaveTheirLevelAndTheirModels() {
    String gradients = "training: {level: gradients}\n";
    String weight = BASE.replace("column: bad", "column: bad, weight: w");
    String exposure = BASE.replace("column: bad", "column: bad, exposure: e");
    assertThat(JobSpec.yaml("job", weight + gradients)).isInstanceOf(TrainSpec.class);
    assertThatThrownBy(() -> JobSpec.yaml("job", weight))
        .hasMessageContaining(
            "label.weight is for level gradients, and at level sealed for models of type poisson and"
                + " gamma, not logistic");
    for (String type : new String[] {"poisson", "gamma"}) {
      String both = BASE.replace("column: bad", "column: bad, weight: w, exposure: e");
      TrainSpec sealed = (TrainSpec) JobSpec.yaml("job", both + "model: {type: " + type + "}");
      assertThat(sealed.training().level()).isEqualTo("sealed");
      assertThat(sealed.weighted()).isTrue();
    }
    assertThatThrownBy(() -> JobSpec.yaml("job", exposure + gradients))
        .hasMessageContaining("label.exposure belongs to models of type poisson and gamma");
    String poisson = exposure + gradients + "model: {type: poisson}";
    TrainSpec spec = (TrainSpec) JobSpec.yaml("job", poisson);
    assertThat(JobSpec.json("job", Json.parse("job", Json.write(spec.toJson())))).isEqualTo(spec);
  }

  @Test
  void networksHaveTheirOwnDefaults() {
    String activations = "\ntraining: {level: activations, accept: [span]}\n";
    TrainSpec spec = read("model: {type: neural}" + activations);
    assertThat(spec.neural()).isTrue();
    assertThat(spec.model().hidden()).containsExactly(32, 16);
    assertThat(spec.model().task()).isEqualTo("binary");
    assertThat(spec.training().epochs()).isEqualTo(20);
    assertThat(spec.training().patience()).isEqualTo(5);
    assertThat(spec.training().countsPasses()).isTrue();
    assertThat(spec.training().maxPasses()).isNull();
    // Nothing of networks is in the canonical form of others, so that older jobs keep their digest.
    assertThat(read("").toJson().path("model").has("hidden")).isFalse();
    assertThat(read("").toJson().path("training").has("epochs")).isFalse();
    for (String task : new String[] {"multiclass", "regression"}) {
      String network = "model: {type: neural, task: %s}".formatted(task) + activations;
      assertThatThrownBy(() -> read(network + "evaluation: {thresholds: [0.5]}"))
          .hasMessageContaining("model.task: " + task + " predicts");
    }
    assertThatThrownBy(() -> read("model: {type: neural, weights: shared}" + activations))
        .hasMessageContaining("model.weights: shared is trained at level sealed");
  }

  @Test
  void splitNetworksHaveLayersOfEachPartyAndNoise() {
    TrainSpec spec = read("model: {type: neural}\ntraining: {level: split, accept: [span]}\n");
    assertThat(spec.model().bottom()).containsExactly(16);
    assertThat(spec.training().gradientNoise()).isEqualByComparingTo("2");
    assertThat(spec.training().activationNoise()).isEqualByComparingTo("1");
    assertThat(spec.training().sourceLearningRate()).isNull();
    String activations = "training: {level: activations, accept: [span]}";
    TrainSpec other = read("model: {type: neural}\n" + activations);
    assertThat(other.toJson().path("model").has("bottom")).isFalse();
    assertThat(other.toJson().path("training").has("gradient_noise")).isFalse();
    assertThatThrownBy(() -> read("model: {type: neural, bottom: [4]}\n" + activations))
        .hasMessageContaining("model.bottom belongs to level split");
  }

  @Test
  void thresholdsAreOfProbabilities() {
    assertThat(read("").toJson().path("evaluation").has("thresholds")).isFalse();
    assertThatThrownBy(() -> read("model: {type: linear}\nevaluation: {thresholds: [0.5]}"))
        .hasMessageContaining("model.type: linear predicts numbers");
  }
}
