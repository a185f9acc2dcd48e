package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.prepare.Folds;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.Split;
import org.espalier.psi.Alignment;
import org.espalier.wire.Party;

/** Align, prepare, train, evaluate; at the end every party holds its slice of the model. */
final class TrainFlow implements JobRun.Flow {
  static final String PREPARE = "prepare";
  static final String TRAIN = "train";
  static final String EVALUATE = "evaluate";

  private final TrainSpec spec;

  TrainFlow(TrainSpec spec) {
    this.spec = spec;
  }

  @Override
  public void run(JobRun run) {
    Dataset dataset = LocalChecks.dataset(run.context(), spec);
    AlignPhase.Aligned aligned = AlignPhase.run(run, dataset);
    Alignment alignment = aligned.alignment();
    OwnRows own = OwnRows.of(run, dataset, alignment);
    Prepared prepared = prepare(run, dataset, alignment, own);
    Training.Trained trained = train(run, prepared);
    if (prepared.split().holdout().length > 0) {
      evaluate(run, prepared, own, trained);
    }
    run.context().jobs().model(run.job().id(), trained.slice().toJson());
    run.report().set("learned", JobPlan.learns(run.context(), spec, facts(run, prepared)));
    Estimate.forecast(
            run.context(),
            spec,
            aligned,
            prepared.split().training().length,
            prepared.matrix().columns())
        .ifPresent(run::forecast);
  }

  private boolean hasLabel(JobRun run) {
    return run.self().equals(spec.labelParty());
  }

  private Prepared prepare(JobRun run, Dataset dataset, Alignment alignment, OwnRows own) {
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
              CohortData.read(dataset, own.rows(), columns, hasLabel(run) ? spec.label() : null);
          Split split = Split.of(alignment.size(), spec.evaluation().holdout(), alignment.digest());
          OwnRows.Part training = own.part(split.training());
          Folds folds =
              spec.path() == null
                  ? null
                  : Folds.of(split.training().length, spec.path().folds(), alignment.digest());
          // The label party gets no gradients that would tell a fold's few people.
          Preparation preparation =
              Preparation.fit(data.table(), training.rows(), hasLabel(run) ? null : folds, how);
          Prepared prepared =
              new Prepared(
                  data,
                  split,
                  training,
                  own.part(split.holdout()),
                  preparation,
                  preparation.apply(data.table(), training.rows()),
                  folds,
                  Prepared.Earlier.of(run, dataset, spec));
          if (hasLabel(run)) {
            requireOutcomes(run, prepared);
          } else {
            requireColumns(run, prepared.matrix().columns(), how);
            Training.of(spec).requireColumns(run, prepared);
          }
          keepCohort(run, own, split);
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

  /** A model needs outcomes that it can have, and that differ. */
  private void requireOutcomes(JobRun run, Prepared prepared) {
    double[] labels = prepared.labels(prepared.training());
    Training.of(spec).requireOutcomes(run, prepared);
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
    int numbers = Training.of(spec).numbers();
    if (fewest != null && columns < fewest) {
      throw Problem.of(
              Problem.Kind.JOB_FAILED,
              "it has fewer prepared columns than training.min_features_per_party")
          .at(run.self())
          .detail(
              "%d, and %d are needed: a pass shows the label party %s"
                  .formatted(
                      columns,
                      fewest,
                      numbers == 1 ? "one combination of them" : numbers + " combinations of them"))
          .next("bring more columns, or train at level sealed");
    }
  }

  private static void keepCohort(JobRun run, OwnRows own, Split split) {
    String[] parts = new String[split.training().length + split.holdout().length];
    Arrays.stream(split.training()).forEach(person -> parts[person] = "train");
    Arrays.stream(split.holdout()).forEach(person -> parts[person] = "holdout");
    ResultFiles.writeCohort(run.context().results(), run.job().id(), own, parts);
  }

  // ---- train ----------------------------------------------------------------------------------

  private Training.Trained train(JobRun run, Prepared prepared) {
    Training training = Training.of(spec);
    Disclosure.require(
        spec.training().disclosure(),
        facts(run, prepared),
        spec.path() == null ? 1 : spec.path().fits());
    ObjectNode parameters = training.parameters();
    if (spec.training().countsPasses()) {
      parameters.put("earlier_passes", prepared.earlier().passes());
    }
    ObjectNode facts = PhaseFacts.of(training.protocol(), "1", parameters);
    if (spec.labelPrivacy() != null) {
      // By the file it is counted what label privacy has been spent on its outcomes.
      PhaseFacts.input(facts, run, LocalChecks.dataset(run.context(), spec), List.of());
    }
    return run.phase(
        TRAIN,
        facts,
        () -> PolicyRules.requireLabelEpsilon(run.context(), spec),
        outcome -> {
          Training.Trained trained = training.train(run, prepared, run.open(TRAIN));
          ModelSlice slice = trained.slice();
          ObjectNode ran = parameters.deepCopy();
          ran.setAll((ObjectNode) run.report().path("training").path("parameters"));
          outcome.set("parameters", ran.put("passes", slice.passes()));
          PhaseFacts.output(
              outcome, "model_slice", slice.rows(), slice.weights().length, List.of(run.self()));
          return trained;
        });
  }

  /** How many columns the others prepared is for the label party's part of training to learn. */
  private Disclosure.Facts facts(JobRun run, Prepared prepared) {
    Map<Party, Integer> columns = new TreeMap<>();
    for (Party party : spec.parties().keySet()) {
      if (!party.equals(spec.labelParty())) {
        columns.put(party, party.equals(run.self()) ? prepared.matrix().columns() : -1);
      }
    }
    return Training.of(spec)
        .facts(columns, prepared.split().training().length, prepared.earlier().passes());
  }

  // ---- evaluate -------------------------------------------------------------------------------

  private void evaluate(JobRun run, Prepared prepared, OwnRows own, Training.Trained trained) {
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
          Scores.joint(
                  run, spec, EVALUATE, trained.slice(), prepared.data().table(), prepared.holdout())
              .ifPresent(logits -> reveal(run, prepared, own, logits, trained));
          PhaseFacts.output(
              outcome,
              "holdout_scores",
              holdout.length,
              (long) holdout.length * trained.slice().logitsOfAPerson(),
              List.of(spec.labelParty()));
          return null;
        });
  }

  /** What the label party's operator gets of the scores that its node holds for this moment. */
  private void reveal(
      JobRun run, Prepared prepared, OwnRows own, double[] logits, Training.Trained trained) {
    OwnRows.Part holdout = prepared.holdout();
    Predictions predictions = Predictions.of(trained.slice(), logits);
    ObjectNode metrics =
        HoldOut.figures(
            spec,
            predictions,
            prepared.labels(holdout),
            holdout.of(prepared.data().exposures()),
            trained.logits());
    Scores.revealing(
        run,
        "metrics",
        prepared.split().holdout().length,
        HoldOut.scalars(metrics),
        run.self(),
        () -> run.report().set("metrics", metrics));
    if (spec.evaluation().revealsScores()) {
      int[] rows = Arrays.stream(holdout.rows()).map(row -> own.rows()[row]).toArray();
      Scores.keep(run, "holdout_scores", rows, predictions);
    }
  }
}
