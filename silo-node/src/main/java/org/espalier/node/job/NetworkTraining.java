package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.espalier.node.config.Json;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.model.NeuralSlice;
import org.espalier.protocols.neural.EpochListener;
import org.espalier.protocols.neural.FeatureSource;
import org.espalier.protocols.neural.LabelSource;
import org.espalier.protocols.neural.SourceCost;
import org.espalier.protocols.neural.SourceJob;
import org.espalier.protocols.neural.SourceProtocol;
import org.espalier.protocols.neural.SourceSpec;
import org.espalier.protocols.neural.SplitSpec;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Bottom;
import org.espalier.protocols.neural.top.Dense;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.neural.top.EpochReport;
import org.espalier.protocols.neural.top.FitSpec;
import org.espalier.protocols.neural.top.Target;
import org.espalier.protocols.neural.top.Task;
import org.espalier.protocols.neural.top.TopFit;
import org.espalier.protocols.neural.top.TopModel;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;

/** Networks, at levels {@code activations} and {@code split}. */
record NetworkTraining(TrainSpec spec) implements Training {
  /** Share of the training people whose loss tells when to end. */
  private static final double SET_ASIDE = 0.1;

  @Override
  public String protocol() {
    return "neural." + spec.model().task();
  }

  @Override
  public ObjectNode parameters() {
    TrainingSettings training = spec.training();
    ModelSettings model = spec.model();
    ObjectNode parameters =
        Json.object()
            .put("level", training.level())
            .put("l2", model.l2().toString())
            .put("hidden", model.hidden().toString())
            .put("activation", model.activation())
            .put("dropout", model.dropout().toPlainString())
            .put("epochs", training.epochs())
            .put("batch", training.batch())
            .put("optimiser", training.optimiser())
            .put("learning_rate", training.learningRate().toPlainString());
    if (split()) {
      parameters
          .put("bottom", model.bottom().toString())
          .put("gradient_noise", training.gradientNoise().toPlainString())
          .put("activation_noise", training.activationNoise().toPlainString());
    } else {
      parameters.put("source_learning_rate", training.sourceLearningRate().toPlainString());
    }
    return parameters
        .put("momentum", training.momentum().toPlainString())
        .put("patience", training.patience())
        .put("accept_span", training.acceptsSpan());
  }

  private boolean split() {
    return spec.training().level().equals(TrainingSettings.SPLIT);
  }

  @Override
  public int numbers() {
    return width();
  }

  private int width() {
    return spec.model().hidden().get(0);
  }

  private SourceSpec source() {
    TrainingSettings training = spec.training();
    BigDecimal rate = split() ? training.learningRate() : training.sourceLearningRate();
    return new SourceSpec(
        width(),
        training.batch(),
        training.epochs(),
        rate.doubleValue(),
        training.momentum().doubleValue(),
        training.acceptsSpan(),
        split() ? ownLayers() : null);
  }

  private SplitSpec ownLayers() {
    TrainingSettings training = spec.training();
    return new SplitSpec(
        spec.model().bottom(),
        Activation.parse(spec.model().activation()),
        Descent.Kind.parse(training.optimiser()),
        spec.model().l2().single(),
        training.gradientNoise().doubleValue(),
        training.activationNoise().doubleValue());
  }

  @Override
  public Disclosure.Facts facts(Map<Party, Integer> columns, int rows, int earlier) {
    return new Disclosure.Facts(
        spec.labelParty(),
        columns,
        source().passes(),
        rows,
        spec.training().acceptsSpan(),
        earlier,
        false);
  }

  @Override
  public TrainingCost cost(TrainingCost.Size size) {
    return SourceCost.of(source(), size);
  }

  @Override
  public void requireOutcomes(JobRun run, Prepared prepared) {
    try {
      Target target =
          Target.of(Task.parse(spec.model().task()), prepared.labels(prepared.training()));
      if (target.task() == Task.MULTICLASS) {
        for (double label : prepared.labels(prepared.holdout())) {
          target.index(label);
        }
      }
    } catch (IllegalArgumentException e) {
      throw Training.untrainable(run, e.getMessage());
    }
  }

  @Override
  public Trained train(JobRun run, Prepared prepared, Map<Party, Channel> channels) {
    SourceJob job =
        new SourceJob(
            run.session(),
            spec.labelParty(),
            spec.featureParties(),
            prepared.split().training().length,
            source(),
            prepared.earlier().passes(),
            run.workspace());
    run.progress().update("epoch", 0, spec.training().epochs());
    ModelSlice slice =
        run.self().equals(spec.labelParty())
            ? trainWithLabel(run, job, channels, prepared)
            : trainWithoutLabel(run, job, channels, prepared);
    return new Trained(slice, null);
  }

  private ModelSlice trainWithLabel(
      JobRun run, SourceJob job, Map<Party, Channel> channels, Prepared prepared) {
    // A cohort is cut evenly, so that a batch may be somewhat larger than was asked for.
    int most = spec.training().batch() * 3 / 2 + 1;
    FitSpec how =
        new FitSpec(
            spec.training().descent(spec.model().l2().weakest()),
            most,
            spec.training().epochs(),
            spec.training().patience(),
            SET_ASIDE);
    List<Double> seconds = new ArrayList<>();
    TopFit fit =
        new TopFit(
            spec.model().network(),
            how,
            prepared.outcomes(spec.model().classWeights()),
            Prg.fresh(),
            report -> note(run, report));
    EpochListener listener =
        new EpochListener() {
          @Override
          public void begins(int epoch) {
            prepared.earlier().count(run, epoch, width());
          }

          @Override
          public void ended(int epoch, double took) {
            seconds.add(took);
          }
        };
    LabelSource end =
        SourceProtocol.of(job.spec()).label(job, channels, prepared.matrix(), fit, listener);
    TopModel top = fit.model();
    int weights =
        end.weights().length
            + end.bias().length
            + Stream.concat(end.bottom().stream(), top.layers().stream())
                .mapToInt(NetworkTraining::numbers)
                .sum();
    ObjectNode report = Training.report(run, prepared, end.epochs(), weights, end.parametersRun());
    List<String> findings = new ArrayList<>(end.findings());
    findings.addAll(fit.findings());
    report
        .put("end", fit.end().text())
        .put("kept_epoch", fit.epoch())
        .put("objective", fit.epochs().get(fit.epoch() - 1).loss())
        .set("findings", Json.tree(findings));
    ArrayNode passes = run.report().putArray("passes");
    for (int i = 0; i < fit.epochs().size(); i++) {
      EpochReport epoch = fit.epochs().get(i);
      passes
          .addObject()
          .put("pass", epoch.epoch())
          .put("objective", epoch.loss())
          .put("set_aside", Double.isFinite(epoch.watched()) ? epoch.watched() : null)
          .put("seconds", i < seconds.size() ? seconds.get(i) : null);
    }
    return slice(
        run,
        prepared,
        end.epochs(),
        end.weights(),
        end.parametersRun(),
        new NeuralSlice(width(), end.bias(), top, bottom(end.bottom()), 0));
  }

  private static int numbers(Dense layer) {
    return layer.weights().length + layer.bias().length;
  }

  /** The own layers under the one whose weights the slice has; null if there are none. */
  private Bottom bottom(List<Dense> layers) {
    return layers.isEmpty()
        ? null
        : new Bottom(Activation.parse(spec.model().activation()), layers);
  }

  /** Numbers under noise have been shortened so in all of training. */
  private double reach() {
    return split() && spec.training().activationNoise().signum() > 0 ? Math.sqrt(width()) : 0;
  }

  private void note(JobRun run, EpochReport epoch) {
    run.progress().update("epoch", epoch.epoch(), spec.training().epochs());
    run.progress().objective(epoch.loss());
    String aside =
        Double.isFinite(epoch.watched()) ? ", %.6f set aside".formatted(epoch.watched()) : "";
    run.context()
        .jobs()
        .log(
            run.job().id(),
            "epoch %d of at most %d: loss %.6f%s"
                .formatted(epoch.epoch(), spec.training().epochs(), epoch.loss(), aside));
  }

  private ModelSlice trainWithoutLabel(
      JobRun run, SourceJob job, Map<Party, Channel> channels, Prepared prepared) {
    Map<Party, Channel> others = new TreeMap<>(channels);
    Channel label = others.remove(spec.labelParty());
    FeatureSource end =
        SourceProtocol.of(job.spec())
            .feature(
                job,
                label,
                others,
                prepared.matrix(),
                run.progress(),
                epoch -> prepared.earlier().count(run, epoch, width()));
    int weights =
        end.weights().length + end.bottom().stream().mapToInt(NetworkTraining::numbers).sum();
    Training.report(run, prepared, end.epochs(), weights, end.parametersRun());
    return slice(
        run,
        prepared,
        end.epochs(),
        end.weights(),
        end.parametersRun(),
        new NeuralSlice(width(), null, null, bottom(end.bottom()), reach()));
  }

  private ModelSlice slice(
      JobRun run,
      Prepared prepared,
      int epochs,
      double[] weights,
      Map<String, Object> ran,
      NeuralSlice neural) {
    return new ModelSlice(
        run.job().id(),
        run.self(),
        run.self().equals(spec.labelParty()) ? ModelSlice.Role.LABEL : ModelSlice.Role.FEATURE,
        spec.model().type(),
        spec.training().level(),
        "%s + %s/2 * squared norm of the weights%s"
            .formatted(loss(), spec.model().l2(), split() ? "" : " above the first layer"),
        prepared.split().training().length,
        epochs,
        weights,
        null,
        prepared.preparation(),
        ran,
        null,
        neural,
        null);
  }

  private String loss() {
    String weighted = spec.weighted() ? "weighted " : "";
    return switch (Task.parse(spec.model().task())) {
      case BINARY -> weighted + "mean log-loss";
      case MULTICLASS -> weighted + "mean log-loss of the classes";
      case REGRESSION -> "half the " + weighted + "mean squared error of the standardised outcome";
    };
  }
}
