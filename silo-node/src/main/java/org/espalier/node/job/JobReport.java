package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HexFormat;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.evaluate.Detail;
import org.espalier.protocols.evaluate.WaldTest;
import org.espalier.wire.Party;

/** What is to be said of a trained model, in one piece: a model card, and how it was evaluated. */
public final class JobReport {
  /** How the report begins. */
  public static final String SCHEMA = "espalier.job-report/1";

  private JobReport() {}

  /**
   * {@code schema, party, job, card, coefficients?, metrics?, passes?, cost, digests}. The card has
   * numbers of people as buckets, as the log has; the evaluation counts those held out. Of a
   * partner's columns it has what the job names.
   *
   * @throws Problem if the job is no training, or has not ended with a model at this node
   */
  public static ObjectNode of(JobRun.Context context, Job job) {
    if (!(job.spec() instanceof TrainSpec spec)) {
      throw Problem.wrongState("job " + job.id() + " trained no model")
          .detail("a report is of a training")
          .next("silo job show " + job.id());
    }
    JsonNode report = context.jobs().report(job.id(), job.attempt()).orElseGet(() -> Json.object());
    JsonNode slice = context.jobs().model(job.id()).orElse(null);
    if (job.state() != JobState.DONE || slice == null) {
      throw Problem.wrongState("job " + job.id() + " is " + job.state() + " and has no model here")
          .next("silo job wait " + job.id());
    }
    Party self = context.peers().self();
    ObjectNode json = Json.object().put("schema", SCHEMA).put("party", self.name());
    json.putObject("job")
        .put("id", job.id())
        .put("name", spec.name())
        .put("purpose", spec.purpose())
        .put("proposer", job.proposer().name())
        .put("attempt", job.attempt())
        .put("began", report.path("began").asText())
        .put("ended", report.path("ended").asText());
    ObjectNode card = json.putObject("card");
    card.set("model", model(spec, slice, report));
    card.set("people", people(report));
    card.set("parties", parties(spec, self, slice));
    card.set("settings", settings(spec));
    card.set("learned", report.path("learned"));
    card.set("parameters", parameters(slice));
    card.set("findings", report.path("training").path("findings").deepCopy());
    card.set("limits", limits(spec, self, report, slice.has("inference")));
    if (slice.has("inference")) {
      json.set("coefficients", coefficients(slice));
    }
    for (String part : new String[] {"path", "metrics", "passes"}) {
      if (report.has(part)) {
        json.set(part, report.get(part));
      }
    }
    ObjectNode cost = json.putObject("cost");
    for (String part : new String[] {"seconds", "bytes", "peak_memory_bytes", "forecast"}) {
      if (report.has(part)) {
        cost.set(part, report.get(part));
      }
    }
    json.set("digests", digests(context, job, report));
    return json;
  }

  private static ObjectNode model(TrainSpec spec, JsonNode slice, JsonNode report) {
    ObjectNode model =
        Json.object()
            .put("type", spec.model().type())
            .put("level", spec.training().level())
            .put("weights", spec.model().weights());
    model.set("l2", spec.toJson().path("model").path("l2"));
    if (spec.softmax()) {
      model.put("classes", spec.model().classes());
    }
    if (spec.model().l1() != null) {
      model.put("l1", spec.model().l1());
    }
    if (spec.model().classWeights() != null) {
      model.set("class_weights", Json.tree(spec.model().classWeights()));
    }
    if (spec.neural()) {
      model.put("hidden", spec.model().hidden().toString());
      if (spec.model().bottom() != null) {
        model.put("bottom", spec.model().bottom().toString());
      }
      for (String key : new String[] {"activation", "dropout", "task"}) {
        model.set(key, spec.toJson().path("model").path(key));
      }
    }
    model.set("minimised", slice.path("objective"));
    model.set("passes", slice.path("passes"));
    if (spec.model().start() != null) {
      model.put("start", spec.model().start());
    }
    for (String key :
        new String[] {
          "converged", "end", "kept_pass", "set_aside", "objective", "gap", "gap_at_most"
        }) {
      if (report.path("training").hasNonNull(key)) {
        model.set(key, report.path("training").get(key));
      }
    }
    return model;
  }

  private static ObjectNode people(JsonNode report) {
    JsonNode training = report.path("training");
    return Json.object()
        .put("cohort", PhaseFacts.bucket(report.path("alignment").path("size").asLong()))
        .put("training", PhaseFacts.bucket(training.path("training_rows").asLong()))
        .put("holdout", PhaseFacts.bucket(training.path("holdout_rows").asLong()));
  }

  /** Own columns as they were prepared, others' as far as the job names them. */
  private static ArrayNode parties(TrainSpec spec, Party self, JsonNode slice) {
    ArrayNode parties = Json.object().arrayNode();
    for (Map.Entry<Party, JobSpec.Source> entry : spec.parties().entrySet()) {
      Party name = entry.getKey();
      ObjectNode party = parties.addObject().put("party", name.name());
      party.put("dataset", entry.getValue().dataset());
      if (name.equals(spec.labelParty())) {
        party.put("label", spec.label().column());
        if (spec.label().weight() != null) {
          party.put("weight", spec.label().weight());
        }
        if (spec.label().exposure() != null) {
          party.put("exposure", spec.label().exposure());
        }
      }
      if (name.equals(self)) {
        ArrayNode columns = party.putArray("columns");
        slice.path("preparation").path("columns").forEach(c -> columns.add(c.path("column")));
        party.set("dropped", slice.path("preparation").path("dropped"));
        party.put("prepared_columns", slice.path("features").size());
      } else if (!entry.getValue().columns().isEmpty()) {
        ArrayNode columns = party.putArray("columns");
        entry.getValue().columns().forEach(columns::add);
      }
    }
    return parties;
  }

  /**
   * A slice's own weights, the intercept last: {@code feature, weight, standard_error, z?, p?, low,
   * high, vif?}.
   *
   * @param slice with standard errors
   */
  public static ArrayNode coefficients(JsonNode slice) {
    ArrayNode all = Json.object().arrayNode();
    JsonNode inference = slice.path("inference");
    for (int j = 0; j < slice.path("features").size(); j++) {
      add(
          all,
          slice.path("features").get(j).asText(),
          slice.path("weights").get(j),
          inference.path("standard_errors").get(j),
          inference.path("vif").path(j));
    }
    if (slice.has("intercept")) {
      add(
          all,
          "(intercept)",
          slice.get("intercept"),
          inference.path("intercept"),
          Json.object().path("vif"));
    }
    return all;
  }

  private static void add(
      ArrayNode all, String feature, JsonNode weight, JsonNode error, JsonNode vif) {
    WaldTest test = WaldTest.of(weight.asDouble(), error.asDouble());
    ObjectNode row = all.addObject();
    row.put("feature", feature)
        .put("weight", test.estimate())
        .put("standard_error", test.standardError())
        .put("z", test.z())
        .put("p", test.p())
        .put("low", test.low())
        .put("high", test.high());
    if (vif.isNumber()) {
      row.set("vif", vif);
    }
  }

  private static ObjectNode settings(TrainSpec spec) {
    ObjectNode settings = Json.object();
    JsonNode all = spec.toJson();
    for (String part : new String[] {"alignment", "preparation", "training", "evaluation"}) {
      settings.set(part, all.path(part));
    }
    return settings;
  }

  /** As they ran; how many people there were is said elsewhere, and as a bucket. */
  private static JsonNode parameters(JsonNode slice) {
    JsonNode ran = slice.path("parameters_run").deepCopy();
    if (ran instanceof ObjectNode object) {
      object.remove("rows");
    }
    return ran;
  }

  private static ArrayNode limits(TrainSpec spec, Party self, JsonNode report, boolean inferred) {
    ArrayNode limits = Json.object().arrayNode();
    JsonNode metrics = report.path("metrics");
    boolean judged = spec.evaluation().holdout().signum() > 0;
    if (!judged) {
      limits.add("nobody was held out: nothing here says how well the model predicts");
    } else if (!self.equals(spec.labelParty())) {
      limits.add("the figures of the evaluation are at " + spec.labelParty());
    } else {
      limits.add(
          "the people held out were drawn at random from the same cohort: the figures say nothing"
              + " of another time, place or population");
      limits.add("the figures are of everybody together: no group was examined by itself");
    }
    if (metrics.path("detail").asText().equals("aggregate")) {
      limits.add(
          "no figure of the evaluation is of fewer than %d people; a curve's thresholds are means"
                  .formatted(Detail.FEWEST)
              + " of the scores around them (evaluation.reveal: metrics)");
    }
    if (metrics.has("detail") && !metrics.has("psi")) {
      limits.add(
          spec.neural() || spec.softmax()
              ? "there is no population stability index: the training people are not scored anew"
              : "there is no population stability index: level %s opens no scores of the training"
                      .formatted(spec.training().level())
                  + " people");
    }
    if (!spec.training().level().equals(TrainingSettings.SEALED)) {
      limits.add(
          "level %s protects against parties that keep to the protocol, and disclosed with every %s"
                  .formatted(spec.training().level(), spec.neural() ? "epoch" : "pass")
              + " what is listed under what was learned");
    } else {
      limits.add(
          "level sealed protects against any single party, also one that deviates, and is no proof"
              + " that the result is right; the label party and the first feature party together"
              + " could have read everything");
    }
    if (spec.patience() > 0) {
      limits.add(
          "a tenth of the training people chose the pass and were not fitted: their loss is a little too"
              + " good, figures of people held out are not");
    }
    if (spec.model().start() != null && judged) {
      limits.add(
          "people held out may be among those on whom the model of %s was trained, at which training"
                  .formatted(spec.model().start())
              + " began: within the tolerance of the minimum that remains in the weights, and their"
              + " figures may be too good by as much");
    }
    if (spec.path() != null) {
      limits.add(
          "the penalty was chosen among %d by the people trained on, whose columns were prepared"
                  .formatted(spec.path().values().size())
              + " once for all folds: the losses of folds are a little too good for the chosen one, the"
              + " figures of people held out are not");
    }
    if (inferred) {
      limits.add(
          "standard errors suppose that the model is right and people are independent; they are those"
              + " under model.l2, intervals and p-values by the normal distribution, without a"
              + " correction for looking at many columns");
    } else if (spec.infers()) {
      limits.add(
          "standard errors were asked for and could not be had: see the label party's findings");
    }
    limits.add(
        "parties' data were taken as they gave them: nobody else can check that they are true");
    return limits;
  }

  private static ObjectNode digests(JobRun.Context context, Job job, JsonNode report) {
    ObjectNode digests = Json.object();
    digests.put("job", "sha256:" + HexFormat.of().formatHex(job.digest()));
    digests.put("cohort", "sha256:" + report.path("alignment").path("digest").asText());
    ObjectNode checkpoints = digests.putObject("checkpoints");
    context
        .jobs()
        .receipts(job.id(), job.attempt())
        .forEach(
            (party, receipt) ->
                checkpoints.set(party.name(), receipt.content().path("checkpoint")));
    digests.set("receipts", report.path("receipts"));
    return digests;
  }
}
