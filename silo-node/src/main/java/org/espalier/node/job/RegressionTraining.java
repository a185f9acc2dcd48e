package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.glm.Family;
import org.espalier.protocols.glm.FeatureOutcome;
import org.espalier.protocols.glm.Inference;
import org.espalier.protocols.glm.JointTraining;
import org.espalier.protocols.glm.LabelOutcome;
import org.espalier.protocols.glm.PassListener;
import org.espalier.protocols.glm.PassReport;
import org.espalier.protocols.glm.PassStore;
import org.espalier.protocols.glm.PenaltyPath;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.glm.TrainingJob;
import org.espalier.protocols.glm.TrainingSpec;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.model.SoftmaxSlice;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.predict.SharedWeights;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** Generalised linear models, at levels {@code sealed} and {@code gradients}. */
record RegressionTraining(TrainSpec spec) implements Training {
  /** Tolerance of a training that goes to the end of its level's own schedule. */
  private static final double SCHEDULE_ENDS = 1e-12;

  @Override
  public String protocol() {
    return "glm." + spec.model().type();
  }

  @Override
  public ObjectNode parameters() {
    TrainingSettings settings = spec.training();
    ObjectNode parameters =
        Json.object().put("level", settings.level()).put("l2", spec.model().l2().toString());
    if (spec.softmax()) {
      parameters.put("classes", spec.model().classes());
    }
    if (spec.model().l1() != null) {
      parameters.put("l1", spec.model().l1().toPlainString());
    }
    if (settings.maxPasses() != null) {
      parameters.put("max_passes", settings.maxPasses());
    }
    if (settings.tolerance() != null) {
      parameters.put("tolerance", settings.tolerance().toPlainString());
    }
    if (settings.countsPasses()) {
      parameters
          .put("accept_span", settings.acceptsSpan())
          .put("min_features_per_party", settings.minFeaturesPerParty());
    }
    if (spec.infers()) {
      parameters.put("inference", true);
    }
    if (spec.path() != null) {
      parameters.put("folds", spec.evaluation().folds()).put("choose", spec.evaluation().choose());
    }
    if (spec.model().start() != null) {
      parameters.put("start", spec.model().start()).put("start_digest", spec.model().startDigest());
    }
    if (spec.patience() > 0) {
      parameters.put("patience", spec.patience());
    }
    if (settings.labelPrivacy() != null) {
      parameters
          .put("label_epsilon", settings.labelPrivacy().epsilon().toPlainString())
          .put("label_delta", settings.labelPrivacy().delta().toPlainString());
    }
    return parameters;
  }

  private TrainingSpec trainingSpec() {
    TrainingSettings settings = spec.training();
    return new TrainingSpec(
        spec.family(),
        settings.disclosure(),
        spec.model().l2().weakest().doubleValue(),
        mostPasses(),
        settings.tolerance() == null ? SCHEDULE_ENDS : settings.tolerance().doubleValue(),
        settings.acceptsSpan(),
        spec.sharesWeights(),
        spec.weighted(),
        spec.labelPrivacy(),
        spec.infers(),
        spec.model().l1() == null ? 0 : spec.model().l1().doubleValue(),
        spec.path(),
        spec.softmax() ? spec.model().classes() : 0,
        spec.model().start() != null,
        spec.patience());
  }

  @Override
  public int numbers() {
    return trainingSpec().opened();
  }

  /** Of a softmax regression, at the label party; else none. */
  private List<Double> classes(Prepared prepared) {
    return spec.softmax()
        ? Target.of(Task.MULTICLASS, prepared.labels(prepared.training())).classes()
        : List.of();
  }

  /** A level's own schedule is shorter than what a job may ask for at most. */
  private int mostPasses() {
    Integer most = spec.training().maxPasses();
    return most == null ? TrainSpec.MAX_PASSES : most;
  }

  @Override
  public Disclosure.Facts facts(Map<Party, Integer> columns, int rows, int earlier) {
    return new Disclosure.Facts(
        spec.labelParty(),
        columns,
        mostPasses(),
        rows,
        spec.training().acceptsSpan(),
        earlier,
        !trainingSpec().boundedResiduals(),
        trainingSpec().classes());
  }

  @Override
  public TrainingCost cost(TrainingCost.Size size) {
    return TrainingCost.of(trainingSpec(), size);
  }

  @Override
  public void requireOutcomes(JobRun run, Prepared prepared) {
    if (spec.softmax()) {
      try {
        requireClasses(prepared);
      } catch (IllegalArgumentException e) {
        throw Training.untrainable(run, e.getMessage());
      }
      return;
    }
    Family family = spec.family();
    long strange =
        Arrays.stream(prepared.data().labels()).filter(label -> !family.allows(label)).count();
    if (strange > 0) {
      throw Training.untrainable(
          run,
          "%,d people have an outcome that no %s model has: it is to be %s"
              .formatted(
                  strange, family.wireName(), family == Family.GAMMA ? "above 0" : "0 or more"));
    }
  }

  private void requireClasses(Prepared prepared) {
    List<Double> classes = classes(prepared);
    if (classes.size() == 2) {
      throw new IllegalArgumentException(
          "the training people are of two classes, which is a model of type logistic");
    }
    if (classes.size() != spec.model().classes()) {
      throw new IllegalArgumentException(
          "the training people are of %d classes, and the job says model.classes: %d"
              .formatted(classes.size(), spec.model().classes()));
    }
    for (double label : prepared.labels(prepared.holdout())) {
      if (!classes.contains(label)) {
        throw new IllegalArgumentException(
            "some of the people held out are of a class that none of the training people is of");
      }
    }
    prepared.outcomes(spec.model().classWeights(), classes);
  }

  /** With categories as they are prepared now, which {@link LocalChecks} cannot know. */
  @Override
  public void requireColumns(JobRun run, Prepared prepared) {
    if (spec.model().start() != null) {
      ModelSlice earlier = LocalChecks.slice(run.context(), spec.model().start());
      LocalChecks.requireStart(
          run.self(),
          spec,
          prepared.preparation().carried(earlier.preparation(), earlier.weights()));
    }
  }

  @Override
  public Trained train(JobRun run, Prepared prepared, Map<Party, Channel> channels) {
    TrainingJob job =
        new TrainingJob(
            run.session(),
            spec.labelParty(),
            spec.featureParties(),
            prepared.split().training().length,
            trainingSpec(),
            prepared.earlier().passes(),
            run.workspace(),
            passes(run),
            prepared.folds(),
            start(run, prepared));
    run.progress().update("pass", 0, spec.training().maxPasses() == null ? -1 : mostPasses());
    return run.self().equals(spec.labelParty())
        ? trainWithLabel(run, job, channels, prepared)
        : new Trained(trainWithoutLabel(run, job, channels, prepared), null);
  }

  /** Of a feature party whose job begins at an earlier model, its weights there; else null. */
  private double[] start(JobRun run, Prepared prepared) {
    if (spec.model().start() == null || run.self().equals(spec.labelParty())) {
      return null;
    }
    ModelSlice earlier = LocalChecks.slice(run.context(), spec.model().start());
    return prepared.preparation().carry(earlier.preparation(), earlier.weights());
  }

  /** Passes of earlier attempts on the same cohort, data set and job, at levels that use them. */
  private PassStore passes(JobRun run) {
    boolean shares =
        spec.training().disclosure() == Level.SEALED
            && spec.labelPrivacy() == null
            && !spec.sharesWeights();
    boolean opened = spec.training().countsPasses() && !spec.infers() && spec.path() == null;
    if (!shares && !opened) {
      return PassStore.NONE;
    }
    byte[] subject =
        passSubject(
            run.jobFacts(),
            run.report().path("alignment"),
            LocalChecks.dataset(run.context(), spec));
    return run.context().cohorts().passes(run.job().id(), subject);
  }

  /** What passes are kept of: the same columns of the same people, in any attempt of the job. */
  static byte[] passSubject(ObjectNode jobFacts, JsonNode alignment, Dataset dataset) {
    ObjectNode subject = jobFacts.deepCopy();
    subject.remove("attempt");
    subject.set("alignment", alignment);
    // The same file is another table where other texts stand for what is missing.
    subject.put("file", dataset.scan().sha256()).set("schema", Json.tree(dataset.schema()));
    return Json.digest(subject);
  }

  private Trained trainWithLabel(
      JobRun run, TrainingJob job, Map<Party, Channel> channels, Prepared prepared) {
    PassListener listener =
        new PassListener() {
          @Override
          public void begins(int number) {
            prepared.earlier().count(run, number, numbers());
          }

          @Override
          public void resumes(int passes) {
            run.context()
                .jobs()
                .log(run.job().id(), "goes on after pass " + passes + " of an earlier attempt");
          }

          @Override
          public void pass(PassReport report) {
            note(run, report);
          }
        };
    List<Double> classes = classes(prepared);
    LabelOutcome end =
        JointTraining.label(
            job,
            channels,
            prepared.matrix(),
            prepared.outcomes(spec.model().classWeights(), classes),
            listener);
    ObjectNode report =
        Training.report(
            run,
            prepared,
            end.passes().size(),
            end.shared() == null
                ? end.weights().length + Math.max(1, spec.softmax() ? spec.model().classes() : 0)
                : 0,
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
      ObjectNode json =
          passes
              .addObject()
              .put("pass", pass.pass())
              .put("objective", known(pass.objective()))
              .put("estimated_gap", known(pass.estimatedGap()));
      if (end.earlyStop() != null) {
        json.put("set_aside", pass.setAside());
      }
      json.put("seconds", pass.seconds());
    }
    if (end.earlyStop() != null) {
      int kept = end.earlyStop().pass();
      if (kept < end.passes().size()) {
        report.put("objective", end.passes().get(kept).objective());
      }
      report
          .put("kept_pass", end.earlyStop().pass())
          .put("set_aside_people", end.earlyStop().people())
          .put("set_aside", end.earlyStop().loss());
    }
    if (end.path() != null) {
      report.put("objective", end.path().choice().objective());
      path(run, end.path());
    }
    ModelSlice slice =
        slice(
            run,
            prepared,
            end.path() == null ? null : end.path().chosen(),
            end.passes().size(),
            end.weights(),
            end.shared() == null && !spec.softmax() ? end.intercept() : null,
            end.parametersRun(),
            end.shared(),
            end.inference(),
            spec.softmax() ? new SoftmaxSlice(classes.size(), classes, end.intercepts()) : null);
    return new Trained(slice, end.trainingLogits());
  }

  /** One of the path's values as the job has it. */
  private String l2(int value) {
    List<BigDecimal> ascending = spec.model().l2().values();
    return ascending.get(ascending.size() - 1 - value).toPlainString();
  }

  /** The report's {@code path}: what cross-validation said of each penalty. */
  private void path(JobRun run, PenaltyPath.Result result) {
    ObjectNode path = run.report().putObject("path");
    path.put("folds", spec.evaluation().folds())
        .put("choose", spec.evaluation().choose())
        .put("l2", result.choice().l2());
    ArrayNode points = path.putArray("values");
    for (PenaltyPath.Point point : result.points()) {
      ObjectNode json =
          points
              .addObject()
              .put("l2", point.l2())
              .put("mean_loss", known(point.meanLoss()))
              .put("standard_error", known(point.standardError()))
              .put("passes", point.passes())
              .put("converged", point.converged());
      json.set("losses", Json.tree(point.losses()));
    }
  }

  /** A pass that opened no loss has none to report. */
  private static Double known(double figure) {
    return Double.isFinite(figure) ? figure : null;
  }

  private void note(JobRun run, PassReport pass) {
    Integer most = spec.training().maxPasses();
    run.progress().update("pass", pass.pass(), most == null ? -1 : most);
    if (Double.isFinite(pass.objective())) {
      run.progress().objective(pass.objective());
    }
    run.context()
        .jobs()
        .log(
            run.job().id(),
            "pass %d%s: objective %s, about %s above the optimum%s, %.1f s"
                .formatted(
                    pass.pass(),
                    most == null ? "" : " of at most " + most,
                    figure("%.6f", pass.objective()),
                    figure("%.1e", pass.estimatedGap()),
                    Double.isFinite(pass.setAside())
                        ? ", %.6f set aside".formatted(pass.setAside())
                        : "",
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
            pass -> prepared.earlier().count(run, pass, numbers()));
    Training.report(run, prepared, end.passes(), end.weights().length, end.parametersRun());
    return slice(
        run,
        prepared,
        end.path() == null ? null : end.path().chosen(),
        end.passes(),
        end.weights(),
        null,
        end.parametersRun(),
        end.shared(),
        end.inference(),
        spec.softmax() ? new SoftmaxSlice(spec.model().classes(), List.of(), null) : null);
  }

  private ModelSlice slice(
      JobRun run,
      Prepared prepared,
      Integer chosen,
      int passes,
      double[] weights,
      Double intercept,
      Map<String, Object> ran,
      SharedWeights shared,
      Inference inference,
      SoftmaxSlice softmax) {
    return new ModelSlice(
        run.job().id(),
        run.self(),
        run.self().equals(spec.labelParty()) ? ModelSlice.Role.LABEL : ModelSlice.Role.FEATURE,
        spec.model().type(),
        spec.training().level(),
        "%s%s + %s/2 * squared norm of the weights on the prepared features"
            .formatted(
                loss(),
                spec.model().l1() == null
                    ? ""
                    : " + %s * sum of their absolute values"
                        .formatted(spec.model().l1().toPlainString()),
                chosen == null ? spec.model().l2() : l2(chosen)),
        prepared.split().training().length,
        passes,
        weights,
        intercept,
        prepared.preparation(),
        ran,
        shared,
        null,
        inference,
        softmax);
  }

  private String loss() {
    String weighted =
        spec.label().weight() == null && spec.model().classWeights() == null ? "" : "weighted ";
    String loss =
        switch (spec.family()) {
          case LOGISTIC -> weighted + "mean log-loss" + (spec.softmax() ? " of the classes" : "");
          case LINEAR -> "half the " + weighted + "mean squared error";
          case POISSON -> "half the " + weighted + "mean Poisson deviance";
          case GAMMA -> "half the " + weighted + "mean gamma deviance";
        };
    return spec.alignment().severalRows() ? loss + " over the label party's rows" : loss;
  }
}
