package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.prepare.Table;
import org.espalier.psi.Alignment;

/** Align new people, prepare them as in training, and let the label party learn their scores. */
final class PredictFlow implements JobRun.Flow {
  private static final String PREPARE = "prepare";
  static final String PREDICT = "predict";

  private final PredictSpec spec;

  PredictFlow(PredictSpec spec) {
    this.spec = spec;
  }

  @Override
  public void run(JobRun run) {
    Dataset dataset = LocalChecks.dataset(run.context(), spec);
    ModelSlice slice = LocalChecks.slice(run.context(), spec);
    AlignPhase.Aligned aligned = AlignPhase.run(run, dataset);
    Alignment alignment = aligned.alignment();
    OwnRows own = OwnRows.of(run, dataset, alignment);
    Table table = prepare(run, dataset, slice, own, alignment.size());
    predict(run, own, alignment.size(), slice, table);
    run.report().set("learned", JobPlan.learns(run.context(), spec));
    Estimate.forecast(run.context(), spec, aligned, 0, slice.preparation().features().size())
        .ifPresent(run::forecast);
  }

  private Table prepare(JobRun run, Dataset dataset, ModelSlice slice, OwnRows own, int people) {
    List<String> columns = LocalChecks.modelColumns(slice);
    ObjectNode parameters =
        Json.object()
            .put("model", spec.model())
            .put("features", slice.preparation().features().size());
    return run.phase(
        PREPARE,
        PhaseFacts.input(PhaseFacts.of("prepare", "1", parameters), run, dataset, columns),
        outcome -> {
          run.progress().update("read", 0, -1);
          CohortData data = CohortData.read(dataset, own.rows(), columns, null);
          String[] parts = new String[people];
          Arrays.fill(parts, "score");
          ResultFiles.writeCohort(run.context().results(), run.job().id(), own, parts);
          return data.table();
        });
  }

  private void predict(JobRun run, OwnRows own, int people, ModelSlice slice, Table table) {
    ObjectNode parameters =
        Json.object().put("model", spec.model()).put("rows", PhaseFacts.bucket(people));
    if (slice.logitsOfAPerson() != 1) {
      parameters.put("numbers", slice.logitsOfAPerson());
    }
    ObjectNode facts = PhaseFacts.of("predict.joint-logits", "1", parameters);
    run.phase(
        PREDICT,
        PhaseFacts.output(
            facts,
            "predictions",
            people,
            (long) people * slice.logitsOfAPerson(),
            List.of(spec.labelParty())),
        () -> PolicyRules.requirePredictions(run.context(), people),
        outcome -> {
          run.progress().update("scores", 0, -1);
          Scores.joint(run, spec, PREDICT, slice, table, own.all())
              .ifPresent(
                  logits ->
                      Scores.keep(run, "predictions", own.rows(), Predictions.of(slice, logits)));
          return null;
        });
  }
}
