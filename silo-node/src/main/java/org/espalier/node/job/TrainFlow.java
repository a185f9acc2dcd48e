package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.Outcomes;
import org.espalier.protocols.glm.PassListener;
import org.espalier.protocols.glm.PassReport;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.Split;
import org.espalier.psi.Alignment;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** Align, prepare, train, evaluate; at the end every party holds its slice of the model. */
final class TrainFlow implements JobRun.Flow {
  static final String PREPARE = "prepare";
  static final String TRAIN = "train";
  static final String EVALUATE = "evaluate";

  /** Tolerance of a training that goes to the end of its level's own schedule. */
  private static final double SCHEDULE_ENDS = 1e-12;

  private final TrainSpec spec;

  TrainFlow(TrainSpec spec) {
    this.spec = spec;
  }

  /** What this party brings to training, and to evaluation. */
  private record Prepared(
      CohortData data, Split split, Preparation preparation, Matrix matrix, Earlier earlier) {
    double[] labels(int[] people) {
      return of(people, data.labels());
    }

    /** What training is to know of people beside features. */
    Outcomes outcomes(int[] people, ClassWeights classWeights) {
      double[] exposures = of(people, data.exposures());
      Outcomes outcomes =
          new Outcomes(
              labels(people),
              of(people, data.weights()),
              exposures == null ? null : Arrays.stream(exposures).map(Math::log).toArray());
      return classWeights == null ? outcomes : classWeights.apply(outcomes);
    }

    private static double[] of(int[] people, double[] values) {
      return values == null
          ? null
          : Arrays.stream(people).mapToDouble(person -> values[person]).toArray();
    }
  }

  /**
   * Passes on the same people in earlier attempts and jobs.
   *
   * @param people null at levels where passes do not count
   * @param limit they count against the limit of this attempt
   * @param passes their number when this attempt began
   * @param facts what the log is to hold of each further one
   */
  private record Earlier(Openings.People people, boolean limit, int passes, ObjectNode facts) {
    static Earlier of(JobRun run, Dataset dataset, TrainSpec spec) {
      if (!spec.training().countsPasses()) {
        return new Earlier(null, false, 0, Json.object());
      }
      Openings openings = run.context().openings();
      Openings.People people = openings.people(dataset, spec.parties().keySet());
      ObjectNode facts =
          run.jobFacts()
              .put("phase_name", TRAIN)
              .setAll(PhaseFacts.of("glm." + spec.model().type(), "1", Json.object()));
      PhaseFacts.input(facts, run, dataset, List.of());
      // The label party opens gradients to their owners, these their joint logits to it.
      ArrayNode recipients = facts.putArray("recipients");
      if (run.self().equals(spec.labelParty())) {
        run.job().others(run.self()).forEach(party -> recipients.add(party.name()));
      } else {
        recipients.add(spec.labelParty().name());
      }
      return new Earlier(
          people,
          !spec.training().acceptsSpan(),
          openings.passesBefore(people, run.session()),
          facts);
    }

    /** Counts a pass of this attempt, before anything of it leaves the node. */
    void count(JobRun run, int pass) {
      if (people != null) {
        run.context().openings().count(people, run.session(), facts, pass, limit, passes);
      }
    }
  }

  @Override
  public void run(JobRun run) {
    Dataset dataset = LocalChecks.dataset(run.context(), spec);
    Alignment alignment = AlignPhase.run(run, dataset);
    Prepared prepared = prepare(run, dataset, alignment);
    Trained trained = train(run, prepared);
    if (prepared.split().holdout().length > 0) {
      evaluate(run, prepared, alignment, trained);
    }
    run.context().jobs().model(run.job().id(), trained.slice().toJson());
    run.report().set("learned", JobPlan.learns(run.context(), spec, facts(run, prepared)));
    Estimate.forecast(
            run.context(),
            spec,
            alignment.size(),
            prepared.split().training().length,
            prepared.matrix().columns())
        .ifPresent(run::forecast);
  }

  private boolean hasLabel(JobRun run) {
    return run.self().equals(spec.labelParty());
  }

  private Prepared prepare(JobRun run, Dataset dataset, Alignment alignment) {
    TrainSpec.PreparationSettings settings = spec.preparation();
    PreparationSpec how =
        new PreparationSpec(settings.standardise(), settings.impute(), settings.minPerCategory());
    List<String> columns = LocalChecks.features(dataset, run.self(), spec);
    ObjectNode parameters =
        Json.object()
            .put("standardise", how.standardise())
            .put("impute", how.impute())
            .put("min_per_category", how.minPerCategory())
            .put("holdout", spec.evaluation().holdout().toPlainString());
    ObjectNode facts =
        PhaseFacts.input(PhaseFacts.of("prepare", "1", parameters), run, dataset, columns);
    return run.phase(
        PREPARE,
        facts,
        outcome -> {
          run.progress().update("read", 0, -1);
          CohortData data =
              CohortData.read(
                  dataset, alignment.rows(), columns, hasLabel(run) ? spec.label() : null);
          Split split = Split.of(alignment.size(), spec.evaluation().holdout(), alignment.digest());
          Preparation preparation = Preparation.fit(data.table(), split.training(), how);
          Prepared prepared =
              new Prepared(
                  data,
                  split,
                  preparation,
                  preparation.apply(data.table(), split.training()),
                  Earlier.of(run, dataset, spec));
          if (hasLabel(run)) {
            requireOutcomes(run, prepared);
          } else {
            requireColumns(run, prepared.matrix().columns(), how);
          }
          keepCohort(run, alignment.rows(), split);
          outcome.set(
              "parameters",
              parameters
                  .deepCopy()
                  .put("training_rows", PhaseFacts.bucket(split.training().length))
                  .put("holdout_rows", PhaseFacts.bucket(split.holdout().length))
                  .put("features", preparation.features().size()));
          return prepared;
        });
  }

  /** A model needs outcomes that its family knows, and that differ. */
  private void requireOutcomes(JobRun run, Prepared prepared) {
    Family family = spec.family();
    double[] labels = prepared.labels(prepared.split().training());
    long strange =
        Arrays.stream(prepared.data().labels()).filter(label -> !family.allows(label)).count();
    if (strange > 0) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "the cohort cannot be trained on")
          .at(run.self())
          .detail(
              "%,d people have an outcome that no %s model has: it is to be %s"
                  .formatted(
                      strange,
                      family.wireName(),
                      family == Family.GAMMA ? "above 0" : "0 or more"));
    }
    if (Arrays.stream(labels).allMatch(label -> label == labels[0])) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "the cohort cannot be trained on")
          .detail("the label is the same for everybody in the training part");
    }
  }

  private void requireColumns(JobRun run, int columns, PreparationSpec how) {
    if (columns == 0) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "none of its columns can be used")
          .at(run.self())
          .detail("every category is rarer than " + how.minPerCategory() + " people");
    }
    Integer fewest = spec.training().minFeaturesPerParty();
    if (fewest != null && columns < fewest) {
      throw Problem.of(
              Problem.Kind.JOB_FAILED,
              "it has fewer prepared columns than training.min_features_per_party")
          .at(run.self())
          .detail(
              "%d, and %d are needed: a pass shows the label party one combination of them"
                  .formatted(columns, fewest))
          .next("bring more columns, or train at level sealed");
    }
  }

  private static void keepCohort(JobRun run, int[] rows, Split split) {
    String[] parts = new String[rows.length];
    Arrays.stream(split.training()).forEach(person -> parts[person] = "train");
    Arrays.stream(split.holdout()).forEach(person -> parts[person] = "holdout");
    ResultFiles.writeCohort(run.context().results(), run.job().id(), rows, parts);
  }

  // ---- train ----------------------------------------------------------------------------------

  /**
   * @param logits of the training people, where training opened them to this party; or null
   */
  private record Trained(ModelSlice slice, double[] logits) {}

  private Trained train(JobRun run, Prepared prepared) {
    TrainSpec.TrainingSettings settings = spec.training();
    Level level = Level.parse(settings.level());
    int rows = prepared.split().training().length;
    Disclosure.require(level, facts(run, prepared));
    TrainingJob job =
        new TrainingJob(
            run.session(),
            spec.labelParty(),
            spec.parties().keySet().stream().filter(p -> !p.equals(spec.labelParty())).toList(),
            rows,
            trainingSpec(spec),
            prepared.earlier().passes(),
            run.workspace());
    ObjectNode parameters =
        Json.object().put("level", settings.level()).put("l2", spec.model().l2().toPlainString());
    if (settings.maxPasses() != null) {
      parameters.put("max_passes", settings.maxPasses());
    }
    if (settings.tolerance() != null) {
      parameters.put("tolerance", settings.tolerance().toPlainString());
    }
    if (settings.labelPrivacy() != null) {
      parameters
          .put("label_epsilon", settings.labelPrivacy().epsilon().toPlainString())
          .put("label_delta", settings.labelPrivacy().delta().toPlainString());
    }
    if (settings.countsPasses()) {
      parameters
          .put("accept_span", settings.acceptsSpan())
          .put("min_features_per_party", settings.minFeaturesPerParty())
          .put("earlier_passes", prepared.earlier().passes());
    }
    return run.phase(
        TRAIN,
        PhaseFacts.of("glm." + spec.model().type(), "1", parameters),
        outcome -> {
          run.progress().update("pass", 0, settings.maxPasses() == null ? -1 : mostPasses(spec));
          Map<Party, Channel> channels = run.open(TRAIN);
          Trained trained =
              hasLabel(run)
                  ? trainWithLabel(run, job, channels, prepared)
                  : new Trained(trainWithoutLabel(run, job, channels, prepared), null);
          ModelSlice slice = trained.slice();
          ObjectNode ran = parameters.deepCopy();
          ran.setAll((ObjectNode) run.report().path("training").path("parameters"));
          outcome.set("parameters", ran.put("passes", slice.passes()));
          PhaseFacts.output(
              outcome, "model_slice", rows, slice.weights().length, List.of(run.self()));
          return trained;
        });
  }

  static TrainingSpec trainingSpec(TrainSpec spec) {
    TrainSpec.TrainingSettings settings = spec.training();
    return new TrainingSpec(
        spec.family(),
        Level.parse(settings.level()),
        spec.model().l2().doubleValue(),
        mostPasses(spec),
        settings.tolerance() == null ? SCHEDULE_ENDS : settings.tolerance().doubleValue(),
        settings.acceptsSpan(),
        spec.sharesWeights(),
        spec.weighted(),
        spec.labelPrivacy());
  }

  /** A level's own schedule is shorter than what a job may ask for at most. */
  static int mostPasses(TrainSpec spec) {
    Integer most = spec.training().maxPasses();
    return most == null ? TrainSpec.MAX_PASSES : most;
  }

  /** How many columns the others prepared is for the label party's part of training to learn. */
  private Disclosure.Facts facts(JobRun run, Prepared prepared) {
    Map<Party, Integer> columns = new TreeMap<>();
    for (Party party : spec.parties().keySet()) {
      if (!party.equals(spec.labelParty())) {
        columns.put(party, party.equals(run.self()) ? prepared.matrix().columns() : -1);
      }
    }
    return new Disclosure.Facts(
        spec.labelParty(),
        columns,
        mostPasses(spec),
        prepared.split().training().length,
        spec.training().acceptsSpan(),
        prepared.earlier().passes(),
        !trainingSpec(spec).boundedResiduals());
  }

  private Trained trainWithLabel(
      JobRun run, TrainingJob job, Map<Party, Channel> channels, Prepared prepared) {
    PassListener listener =
        new PassListener() {
          @Override
          public void begins(int number) {
            prepared.earlier().count(run, number);
          }

          @Override
          public void pass(PassReport report) {
            note(run, report);
          }
        };
    LabelOutcome end =
        JointTraining.label(
            job,
            channels,
            prepared.matrix(),
            prepared.outcomes(prepared.split().training(), spec.model().classWeights()),
            listener);
    ObjectNode report =
        report(
            run,
            prepared,
            end.passes().size(),
            end.shared() == null ? end.weights().length + 1 : 0,
            end.parametersRun());
    report.put("converged", end.converged()).put("end", end.end().text());
    report
        .put("gap", known(end.gap().estimate()))
        .put("gap_at_most", known(end.gap().most()))
        .set("findings", Json.tree(end.findings()));
    ArrayNode passes = run.report().putArray("passes");
    for (PassReport pass : end.passes()) {
      if (Double.isFinite(pass.objective())) {
        report.put("objective", pass.objective());
      }
      passes
          .addObject()
          .put("pass", pass.pass())
          .put("objective", known(pass.objective()))
          .put("estimated_gap", known(pass.estimatedGap()))
          .put("seconds", pass.seconds());
    }
    ModelSlice slice =
        slice(
            run,
            prepared,
            end.passes().size(),
            end.weights(),
            end.shared() == null ? end.intercept() : null,
            end.parametersRun(),
            end.shared());
    return new Trained(slice, end.trainingLogits());
  }

  /** A pass that opened no loss has none to report. */
  private static Double known(double figure) {
    return Double.isFinite(figure) ? figure : null;
  }

  private void note(JobRun run, PassReport pass) {
    Integer most = spec.training().maxPasses();
    run.progress().update("pass", pass.pass(), most == null ? -1 : most);
    if (Double.isFinite(pass.objective())) {
      run.progress().fact("objective", pass.objective());
    }
    run.context()
        .jobs()
        .log(
            run.job().id(),
            "pass %d%s: objective %s, about %s above the optimum, %.1f s"
                .formatted(
                    pass.pass(),
                    most == null ? "" : " of at most " + most,
                    figure("%.6f", pass.objective()),
                    figure("%.1e", pass.estimatedGap()),
                    pass.seconds()));
  }

  private static String figure(String format, double value) {
    return Double.isFinite(value) ? format.formatted(value) : "-";
  }

  private ModelSlice trainWithoutLabel(
      JobRun run, TrainingJob job, Map<Party, Channel> channels, Prepared prepared) {
    Map<Party, Channel> others = new TreeMap<>(channels);
    Channel label = others.remove(spec.labelParty());
    FeatureOutcome end =
        JointTraining.feature(
            job,
            label,
            others,
            prepared.matrix(),
            run.progress(),
            pass -> prepared.earlier().count(run, pass));
    report(run, prepared, end.passes(), end.weights().length, end.parametersRun());
    return slice(
        run, prepared, end.passes(), end.weights(), null, end.parametersRun(), end.shared());
  }

  private static ObjectNode report(
      JobRun run, Prepared prepared, int passes, int weights, Map<String, Object> ran) {
    ObjectNode report = run.report().putObject("training");
    report.put("passes", passes).put("weights", weights);
    report.put("training_rows", prepared.split().training().length);
    report.put("holdout_rows", prepared.split().holdout().length);
    report.set("parameters", Json.tree(ran));
    return report;
  }

  private ModelSlice slice(
      JobRun run,
      Prepared prepared,
      int passes,
      double[] weights,
      Double intercept,
      Map<String, Object> ran,
      SharedWeights shared) {
    return new ModelSlice(
        run.job().id(),
        run.self(),
        hasLabel(run) ? ModelSlice.Role.LABEL : ModelSlice.Role.FEATURE,
        spec.model().type(),
        spec.training().level(),
        "%s + %s/2 * squared norm of the weights on the prepared features"
            .formatted(loss(), spec.model().l2().toPlainString()),
        prepared.split().training().length,
        passes,
        weights,
        intercept,
        prepared.preparation(),
        ran,
        shared);
  }

  private String loss() {
    String weighted =
        spec.label().weight() == null && spec.model().classWeights() == null ? "" : "weighted ";
    return switch (spec.family()) {
      case LOGISTIC -> weighted + "mean log-loss";
      case LINEAR -> "half the " + weighted + "mean squared error";
      case POISSON -> "half the " + weighted + "mean Poisson deviance";
      case GAMMA -> "half the " + weighted + "mean gamma deviance";
    };
  }

  // ---- evaluate -------------------------------------------------------------------------------

  private void evaluate(JobRun run, Prepared prepared, Alignment alignment, Trained trained) {
    int[] holdout = prepared.split().holdout();
    ObjectNode parameters =
        Json.object()
            .put("rows", PhaseFacts.bucket(holdout.length))
            .put("reveal", spec.evaluation().reveal());
    run.phase(
        EVALUATE,
        PhaseFacts.of("predict.joint-logits", "1", parameters),
        outcome -> {
          run.progress().update("hold-out scores", 0, -1);
          Scores.joint(run, spec, EVALUATE, trained.slice(), prepared.data().table(), holdout)
              .ifPresent(logits -> reveal(run, prepared, alignment, logits, trained.logits()));
          PhaseFacts.output(
              outcome,
              "holdout_scores",
              holdout.length,
              holdout.length,
              List.of(spec.labelParty()));
          return null;
        });
  }

  /** What the label party's operator gets of the scores that its node holds for this moment. */
  private void reveal(
      JobRun run,
      Prepared prepared,
      Alignment alignment,
      double[] logits,
      double[] trainingLogits) {
    int[] holdout = prepared.split().holdout();
    ObjectNode metrics =
        HoldOut.figures(
            spec,
            logits,
            prepared.labels(holdout),
            Prepared.of(holdout, prepared.data().exposures()),
            trainingLogits);
    Scores.revealing(
        run,
        "metrics",
        holdout.length,
        HoldOut.scalars(metrics),
        run.self(),
        () -> run.report().set("metrics", metrics));
    if (spec.evaluation().revealsScores()) {
      int[] rows = Arrays.stream(holdout).map(person -> alignment.rows()[person]).toArray();
      String family = spec.model().type();
      Scores.keep(run, "holdout_scores", family, rows, Scores.of(family, logits));
    }
  }
}
