package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.DatasetScan;
import org.espalier.node.data.TableSchema;
import org.espalier.node.policy.Policy;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.protocols.prepare.Encoding;
import org.espalier.wire.Party;

/** Whether a job fits what this node has, checked before anything is sent or approved. */
final class LocalChecks {
  private LocalChecks() {}

  @FunctionalInterface
  private interface Rule {
    /**
     * @return what holds
     * @throws Problem if it does not
     */
    String check();
  }

  /** One line of {@code plan} and {@code show}. */
  record Check(String name, boolean passed, String text) {}

  /**
   * @param job its id; empty where it has none yet
   * @throws Problem the first check that fails
   */
  static void require(JobRun.Context context, String job, JobSpec spec) {
    PolicyRules.requireRunning(context);
    for (Rule rule : checks(context, job, spec)) {
      rule.check();
    }
    PolicyRules.require(context, spec);
  }

  /**
   * @return this node's data set, which fits the match key of the job
   * @throws Problem if there is none that does
   */
  static Dataset requireKeys(JobRun.Context context, JobSpec spec) {
    Party self = context.peers().self();
    party(self, spec);
    Dataset dataset = dataset(context, spec);
    file(dataset);
    keys(dataset, self, spec);
    phonetic(context, spec);
    return dataset;
  }

  static List<Check> run(JobRun.Context context, String job, JobSpec spec) {
    List<Check> results = new ArrayList<>();
    for (Rule rule : checks(context, job, spec)) {
      try {
        results.add(new Check("ok", true, rule.check()));
      } catch (Problem e) {
        String text = e.what() + e.detail().map(d -> ": " + d).orElse("");
        results.add(new Check("refused", false, text));
        break;
      }
    }
    return results;
  }

  private static List<Rule> checks(JobRun.Context context, String job, JobSpec spec) {
    Party self = context.peers().self();
    List<Rule> rules = new ArrayList<>();
    rules.add(() -> party(self, spec));
    rules.add(() -> file(dataset(context, spec)));
    rules.add(() -> columns(dataset(context, spec), self, spec));
    if (AlignPhase.key(spec.match(), self).isPhonetic()) {
      rules.add(() -> phonetic(context, spec));
    }
    rules.add(() -> role(context, self, spec));
    if (spec instanceof ServeSpec serve) {
      rules.add(() -> sameModel(context, self, serve));
      rules.add(() -> serving(context, self, serve));
      return rules;
    }
    if (spec instanceof TrainSpec train && train.model().start() != null) {
      rules.add(() -> start(context, self, train));
    }
    rules.add(() -> alignment(context, job, self, spec));
    if (spec instanceof TrainSpec train && train.training().countsPasses()) {
      rules.add(() -> "passes used so far on these people: " + passes(context, spec));
    }
    return rules;
  }

  /** Passes of all attempts and jobs so far on the people of a job. */
  static int passes(JobRun.Context context, JobSpec spec) {
    Dataset dataset = dataset(context, spec);
    return context.openings().passes(context.openings().people(dataset, spec.parties().keySet()));
  }

  static Dataset dataset(JobRun.Context context, JobSpec spec) {
    String name = spec.parties().get(context.peers().self()).dataset();
    try {
      return context.datasets().get(name);
    } catch (Problem e) {
      throw Problem.of(e.kind(), e.what())
          .at(context.peers().self())
          .next(e.next().orElse("silo dataset list"));
    }
  }

  private static String party(Party self, JobSpec spec) {
    if (!spec.parties().containsKey(self)) {
      throw Problem.refused("the job does not name " + self + " among its parties").at(self);
    }
    return spec.parties().size() + " parties, " + spec.labelParty() + " holds the label";
  }

  private static String file(Dataset dataset) {
    try {
      if (!Files.isReadable(dataset.file())) {
        throw Problem.refused("the file of data set " + dataset.name() + " cannot be read")
            .detail(dataset.file().toString());
      }
      if (Files.size(dataset.file()) != dataset.scan().bytes()) {
        throw changed(dataset);
      }
    } catch (IOException e) {
      throw Problem.refused("the file of data set " + dataset.name() + " cannot be read")
          .because(e);
    }
    return "data set %s: %,d rows, sha256:%s"
        .formatted(dataset.name(), dataset.scan().rows(), dataset.scan().sha256().substring(0, 16));
  }

  /**
   * @param now what a complete read has just found
   * @throws Problem if it is not what was found when the data set was registered
   */
  static void requireUnchanged(Dataset dataset, DatasetScan now) {
    if (!now.sha256().equals(dataset.scan().sha256())) {
      throw changed(dataset);
    }
  }

  static Problem changed(Dataset dataset) {
    return Problem.refused("data set " + dataset.name() + " has changed since it was registered")
        .detail(dataset.file() + " is not the file that was checked")
        .next("silo dataset add " + dataset.name() + " --file FILE --schema SCHEMA");
  }

  private static String columns(Dataset dataset, Party self, JobSpec spec) {
    TableSchema schema = dataset.schema();
    List<String> features = spec instanceof TrainSpec ? features(dataset, self, spec) : List.of();
    for (String column : features) {
      if (!schema.features().contains(column)) {
        throw Problem.refused(
                "data set " + dataset.name() + " has no number or category column " + column)
            .at(self);
      }
    }
    keys(dataset, self, spec);
    requireRows(dataset, self, spec);
    if (spec instanceof ScoringSpec) {
      return "match key found";
    }
    if (features.isEmpty() && !self.equals(spec.labelParty())) {
      throw Problem.refused("data set " + dataset.name() + " has no feature column").at(self);
    }
    return features.size() + " feature columns, match key found";
  }

  private static void keys(Dataset dataset, Party self, JobSpec spec) {
    for (List<JobSpec.KeyPart> rule : spec.match()) {
      for (JobSpec.KeyPart part : rule) {
        String column = part.column().at(self);
        if (!dataset.schema().names(ColumnType.ID).contains(column)) {
          throw Problem.refused("data set " + dataset.name() + " has no id column " + column)
              .at(self);
        }
      }
    }
    AlignPhase.key(spec.match(), self);
  }

  private static void requireRows(Dataset dataset, Party self, JobSpec spec) {
    int people = spec.alignment().minIntersection();
    if (dataset.scan().rows() < people) {
      throw Problem.refused(
              "data set " + dataset.name() + " has fewer rows than alignment.min_intersection")
          .at(self)
          .detail("%,d rows, and %,d people in common".formatted(dataset.scan().rows(), people))
          .next("lower it in the job, or silo predict --min-intersection N");
    }
  }

  /** Keys that sound alike match people who are not the same: each party must have allowed it. */
  private static String phonetic(JobRun.Context context, JobSpec spec) {
    Party self = context.peers().self();
    if (!AlignPhase.key(spec.match(), self).isPhonetic()) {
      return "no phonetic keys";
    }
    for (Party partner : spec.parties().keySet()) {
      if (!partner.equals(self) && !context.policy().allowsPhoneticKeys(partner)) {
        throw Problem.refused(
                "the policy of %s allows no phonetic keys (soundex, metaphone) with %s"
                    .formatted(self, partner))
            .at(self)
            .detail("policy.yaml has no partners.%s.phonetic_keys: true".formatted(partner))
            .next("add it to policy.yaml of the home folder, then silo policy apply");
      }
    }
    return "phonetic keys allowed by the policy";
  }

  static List<String> features(Dataset dataset, Party self, JobSpec spec) {
    return dataset.features(spec.parties().get(self).columns());
  }

  private static String role(JobRun.Context context, Party self, JobSpec spec) {
    if (spec instanceof TrainSpec train) {
      if (!self.equals(train.labelParty())) {
        return "feature party";
      }
      return label(dataset(context, spec), self, train);
    }
    return model(context, self, (ScoringSpec) spec);
  }

  private static String alignment(JobRun.Context context, String job, Party self, JobSpec spec) {
    Dataset dataset = dataset(context, spec);
    if (spec.alignment().severalRows()
        && spec instanceof ScoringSpec scoring
        && sharesWeights(context, scoring)) {
      throw Problem.refused(
              "alignment.duplicates: all is not for models whose weights nobody has: others would"
                  + " compute with each row of a person and so learn how many there are")
          .at(self)
          .next("score one row of each person: alignment: {duplicates: first}");
    }
    if (spec.alignment().isFrozen()) {
      Cohort cohort = FrozenCohort.require(context, spec, dataset);
      return "reuses cohort %s of %s, %,d people: nothing new is learnt about who they are"
          .formatted(cohort.shortDigest(), cohort.job(), cohort.size());
    }
    Alignments.Wanted wanted =
        context.alignments().wanted(job, 0, self, dataset, spec.parties().keySet());
    String count = context.alignments().require(wanted);
    int least = context.alignments().setDifference(wanted.others());
    return least == 0
        ? count
        : "%s; own keys as in earlier ones, or %d different".formatted(count, least);
  }

  private static String label(Dataset dataset, Party self, TrainSpec spec) {
    String column = spec.label().column();
    boolean number = !spec.predictsProbability();
    String beside =
        beside(dataset, self, ColumnType.WEIGHT, spec.label().weight())
            + beside(dataset, self, ColumnType.EXPOSURE, spec.label().exposure());
    if (number && dataset.schema().names(ColumnType.TARGET).contains(column)) {
      return "target column " + column + beside + " found";
    }
    if (!dataset.schema().names(ColumnType.LABEL).contains(column)) {
      Problem absent =
          Problem.refused(
                  "data set %s has no %s column %s"
                      .formatted(dataset.name(), number ? "target or label" : "label", column))
              .at(self);
      throw number
          ? absent.detail("a number that a model predicts is declared as type: target")
          : absent;
    }
    int positives = dataset.scan().positives();
    if (positives == 0 || positives == dataset.scan().rows()) {
      throw Problem.refused("the label is the same in every row of " + dataset.name()).at(self);
    }
    return "label column " + column + beside + " found, both classes present";
  }

  private static String beside(Dataset dataset, Party self, ColumnType type, String column) {
    if (column == null) {
      return "";
    }
    String name = type.name().toLowerCase(Locale.ROOT);
    if (!dataset.schema().names(type).contains(column)) {
      throw Problem.refused(
              "data set %s has no %s column %s".formatted(dataset.name(), name, column))
          .at(self)
          .detail("it is declared as type: " + name);
    }
    return ", " + name + " column " + column;
  }

  private static String model(JobRun.Context context, Party self, ScoringSpec spec) {
    trained(context, self, spec.model(), spec);
    ModelSlice slice = slice(context, spec);
    Dataset dataset = dataset(context, spec);
    for (Encoding encoding : slice.preparation().encodings()) {
      ColumnType type = type(encoding);
      if (!dataset.schema().names(type).contains(encoding.column())) {
        throw Problem.refused("data set " + dataset.name() + " lacks a column of the model")
            .at(self)
            .detail("column %s of type %s".formatted(encoding.column(), type));
      }
    }
    return "model " + spec.model() + " found, level " + slice.level();
  }

  /** The finished job that trained a model, of the same parties in the same parts. */
  private static Job trained(JobRun.Context context, Party self, String model, JobSpec spec) {
    Job trained =
        context
            .jobs()
            .find(model)
            .filter(job -> job.state() == JobState.DONE)
            .orElseThrow(
                () ->
                    Problem.notFound("no finished training job " + model)
                        .at(self)
                        .next("silo model list"));
    if (!trained.spec().labelParty().equals(spec.labelParty())
        || !trained.spec().parties().keySet().equals(spec.parties().keySet())) {
      throw Problem.refused("the model was trained by other parties than these").at(self);
    }
    return trained;
  }

  /** Whether training can begin at the model that the job names, and all mean the same one. */
  private static String start(JobRun.Context context, Party self, TrainSpec spec) {
    String model = spec.model().start();
    Job trained = trained(context, self, model, spec);
    if (!(trained.spec() instanceof TrainSpec before)) {
      throw Problem.refused("model.start: " + model + " is no training job")
          .at(self)
          .next("silo model list");
    }
    if (!before.model().type().equals(spec.model().type())) {
      throw Problem.refused(
              "model.start: %s is a model of type %s, and the job's is of type %s"
                  .formatted(model, before.model().type(), spec.model().type()))
          .at(self);
    }
    if (before.sharesWeights()) {
      throw Problem.refused(
              "model.start: nobody has the weights of %s, so nobody can begin at them"
                  .formatted(model))
          .at(self)
          .next("leave model.start out of the job");
    }
    ModelSlice slice =
        slice(
            context,
            model,
            () ->
                Problem.notFound(
                        "model.start: %s does not have its part of the model of %s any more"
                            .formatted(self, model))
                    .at(self)
                    .next("leave model.start out of the job"));
    String known = ServedModel.digest(context, model);
    String meant = spec.model().startDigest();
    if (meant != null && !meant.equals(known)) {
      throw Problem.refused(
              "model.start: the job means another model %s than %s has".formatted(model, self))
          .at(self)
          .next("silo model show " + model);
    }
    if (before.model().l1() != null && !spec.training().acceptsSpan()) {
      throw Problem.refused(
              "model.start: %s was trained with model.l1, which leaves few weights: what the first pass"
                      .formatted(model)
                  + " opens may be a single column")
          .at(self)
          .next("leave model.start out of the job");
    }
    if (self.equals(spec.labelParty())) {
      return "begins at model " + model;
    }
    Dataset dataset = dataset(context, spec);
    List<String> columns = features(dataset, self, spec);
    Predicate<Encoding> here =
        encoding ->
            columns.contains(encoding.column())
                && dataset.schema().names(type(encoding)).contains(encoding.column());
    long same = slice.preparation().encodings().stream().filter(here).count();
    if (same == 0) {
      throw Problem.refused(
              "model.start: %s has no column of the model of %s in the job".formatted(self, model))
          .at(self)
          .next("leave model.start out of the job");
    }
    requireStart(
        self,
        spec,
        slice.preparation().weighted(slice.weights(), (encoding, feature) -> here.test(encoding)));
    return "begins at model %s, with weights for %d of %d columns"
        .formatted(model, same, columns.size());
  }

  /**
   * The first pass opens one combination of columns, by the weights of an earlier model: as all
   * that passes open, it is to be of several. Of a party without weights it would be nothing, and
   * the sum over the feature parties that of the others alone.
   *
   * @param weights other than 0, of prepared columns of this party
   */
  static void requireStart(Party self, TrainSpec spec, int weights) {
    TrainingSettings training = spec.training();
    int fewest = training.acceptsSpan() ? 1 : training.minFeaturesPerParty();
    if (weights >= fewest) {
      return;
    }
    throw Problem.refused(
            weights == 0
                ? "model.start: all weights with which the earlier model begins are 0"
                : "model.start: the earlier model has weights for fewer of its prepared columns than"
                    + " training.min_features_per_party")
        .at(self)
        .detail(
            "%d, and %d %s needed: the first pass shows the label party one combination of them"
                .formatted(weights, fewest, fewest == 1 ? "is" : "are"))
        .next("leave model.start out of the job");
  }

  private static ColumnType type(Encoding encoding) {
    return encoding instanceof Encoding.Numeric ? ColumnType.NUMBER : ColumnType.CATEGORY;
  }

  private static String sameModel(JobRun.Context context, Party self, ServeSpec spec) {
    if (sharesWeights(context, spec)) {
      throw Problem.refused(
              "nobody has the weights of " + spec.model() + ", so nobody can answer for one person")
          .at(self)
          .next("silo predict --model " + spec.model());
    }
    ModelSlice slice = slice(context, spec);
    if (slice.logitsOfAPerson() > 1 || slice.neural() != null) {
      throw Problem.refused(
              spec.model()
                  + (slice.neural() != null ? " is a network" : " has a score for each class")
                  + ": only single sums of parts, as of one linear predictor, are served")
          .at(self)
          .next("silo predict --model " + spec.model());
    }
    String known = ServedModel.digest(context, spec.model());
    if (spec.modelDigest() != null && !spec.modelDigest().equals(known)) {
      throw Problem.refused(
              "the job means another model " + spec.model() + " than " + self + " has")
          .at(self);
    }
    return "model digest sha256:" + known.substring(0, 16);
  }

  /** Nothing is served that the own policy does not allow. */
  static String serving(JobRun.Context context, Party self, ServeSpec spec) {
    LocalDate today = LocalDate.now(ZoneOffset.UTC);
    if (spec.until().isBefore(today)) {
      throw Problem.refused("scoring was agreed until " + spec.lastDay()).at(self);
    }
    if (self.equals(spec.labelParty())) {
      return "%,d scores a day until %s".formatted(spec.scoresPerDay(), spec.lastDay());
    }
    Policy.OnlineScoring allowed =
        context
            .policy()
            .onlineScoring(spec.labelParty())
            .orElseThrow(
                () ->
                    Problem.refused(
                            "the policy of %s allows no online scoring to %s"
                                .formatted(self, spec.labelParty()))
                        .at(self)
                        .detail(
                            "policy.yaml has no partners.%s.online_scoring"
                                .formatted(spec.labelParty()))
                        .next("add it to policy.yaml of the home folder, then silo policy apply"));
    if (spec.scoresPerDay() > allowed.scoresPerDay()) {
      throw Problem.refused(
              "the policy of %s allows %s %,d scores a day, and the job asks for %,d"
                  .formatted(self, spec.labelParty(), allowed.scoresPerDay(), spec.scoresPerDay()))
          .at(self)
          .detail("partners.%s.online_scoring.scores_per_day".formatted(spec.labelParty()));
    }
    if (allowed.until().isBefore(today) || spec.until().isAfter(allowed.until())) {
      throw Problem.refused(
              "the policy of %s allows online scoring to %s until %s"
                  .formatted(self, spec.labelParty(), allowed.until()))
          .at(self)
          .detail("partners.%s.online_scoring.until".formatted(spec.labelParty()));
    }
    return "%,d scores a day until %s: allowed by the policy"
        .formatted(spec.scoresPerDay(), spec.lastDay());
  }

  /** This party's slice of the model that a prediction uses. */
  static ModelSlice slice(JobRun.Context context, ScoringSpec spec) {
    return slice(context, spec.model());
  }

  /** This party's slice of the model that a job trained. */
  static ModelSlice slice(JobRun.Context context, String model) {
    Party self = context.peers().self();
    return slice(context, model, () -> Problem.notFound("no model of job " + model).at(self));
  }

  private static ModelSlice slice(JobRun.Context context, String model, Supplier<Problem> missing) {
    return ModelSlice.fromJson(context.jobs().model(model).orElseThrow(missing));
  }

  /** Whether nobody has the weights of the model that a prediction uses, as far as known here. */
  static boolean sharesWeights(JobRun.Context context, ScoringSpec spec) {
    return context.jobs().model(spec.model()).map(slice -> slice.has("shared")).orElse(false);
  }

  /** Numbers of each person that the model of a prediction sums up, as far as known here. */
  static int logitsOfAPerson(JobRun.Context context, PredictSpec spec) {
    JsonNode slice = context.jobs().model(spec.model()).orElse(Json.object());
    return slice.has("softmax")
        ? slice.path("softmax").path("classes").asInt()
        : slice.path("neural").path("units").asInt(1);
  }

  /** What of each person the model of a prediction sums up, as far as known here. */
  static String scored(JobRun.Context context, PredictSpec spec) {
    JsonNode slice = context.jobs().model(spec.model()).orElse(Json.object());
    if (slice.has("neural")) {
      return "each unit of the network's first joint layer";
    }
    return slice.has("softmax") ? "the score of each class" : "the score";
  }

  /** The raw columns that a slice scores people by. */
  static List<String> modelColumns(ModelSlice slice) {
    return slice.preparation().encodings().stream().map(Encoding::column).toList();
  }
}
