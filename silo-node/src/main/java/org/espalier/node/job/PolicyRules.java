package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.node.policy.Policy;
import org.espalier.node.policy.Rulebook;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.wire.Party;

/**
 * A job held against the policy of this node, rule by rule. Everything is denied that the policy
 * does not allow. Proposals, approvals and starts are held against all rules; each phase of an
 * attempt, and so each time that something is revealed, against those that do not count what the
 * job itself does.
 */
public final class PolicyRules {
  private final JobRun.Context context;
  private final Policy policy;
  private final JobSpec spec;
  private final Party self;
  private final Clock clock;
  private final List<Verdict> verdicts = new ArrayList<>();

  /**
   * What one rule says of a job.
   *
   * @param rule the key of the policy, such as {@code training.max_passes}
   * @param text what is asked for and what the limit is; may be told to partners
   * @param allow what to add to the policy, in YAML, so that it would be allowed; null if it is, or
   *     if there is no such line
   */
  public record Verdict(String rule, boolean passed, String text, String allow) {}

  private PolicyRules(JobRun.Context context, Rulebook.InForce rules, JobSpec spec, Clock clock) {
    this.context = context;
    this.policy = rules.policy();
    this.spec = spec;
    this.self = context.peers().self();
    this.clock = clock;
  }

  /** What the policy in force says, all rules. */
  static List<Verdict> verdicts(JobRun.Context context, JobSpec spec) {
    return verdicts(context, context.rules().now(), spec);
  }

  /** What another policy would say. */
  public static List<Verdict> verdicts(
      JobRun.Context context, Rulebook.InForce rules, JobSpec spec) {
    return new PolicyRules(context, rules, spec, Clock.systemUTC()).all(true);
  }

  /**
   * @throws Problem naming the first rule that denies the job, the limit, what is asked for, and
   *     who may change it
   */
  static void require(JobRun.Context context, JobSpec spec) {
    require(context, spec, true);
  }

  /** The same of an attempt that is under way. */
  static void requireStill(JobRun.Context context, JobSpec spec) {
    require(context, spec, false);
  }

  private static void require(JobRun.Context context, JobSpec spec, boolean counting) {
    requireRunning(context);
    Rulebook.InForce rules = context.rules().now();
    PolicyRules all = new PolicyRules(context, rules, spec, Clock.systemUTC());
    all.requirePassed("job", all.all(counting));
  }

  /** What a policy says against a job that is under way; empty if nothing. */
  static Optional<Problem> denial(
      JobRun.Context context, Rulebook.InForce rules, JobSpec spec, LocalDate today) {
    Clock clock = Clock.fixed(today.atStartOfDay(ZoneOffset.UTC).toInstant(), ZoneOffset.UTC);
    PolicyRules all = new PolicyRules(context, rules, spec, clock);
    return all.denial("job", all.all(false));
  }

  /**
   * Holds a dry run against what it shares with a job: with whom, for what, and by which keys
   * people of the own data set are matched. Nothing is computed with its other columns.
   *
   * @throws Problem as {@link #require(JobRun.Context, JobSpec)}
   */
  static void requireDryRun(JobRun.Context context, JobSpec spec) {
    requireRunning(context);
    PolicyRules some = new PolicyRules(context, context.rules().now(), spec, Clock.systemUTC());
    some.agreed();
    some.dataset(false);
    some.requirePassed("dry run", some.verdicts);
  }

  private void requirePassed(String what, List<Verdict> said) {
    Optional<Problem> denial = denial(what, said);
    if (denial.isPresent()) {
      throw denial.get();
    }
  }

  private Optional<Problem> denial(String what, List<Verdict> said) {
    return said.stream()
        .filter(verdict -> !verdict.passed())
        .findFirst()
        .map(
            verdict ->
                Problem.refused(
                        "the policy of %s denies the %s: %s: %s"
                            .formatted(self, what, verdict.rule(), verdict.text()))
                    .at(self)
                    .detail("policy.yaml, %s; its owners may change it".formatted(verdict.rule()))
                    .next("silo policy check JOB, then silo policy apply"));
  }

  /**
   * @throws Problem if this node is halted
   */
  static void requireRunning(JobRun.Context context) {
    Optional<ObjectNode> halted = context.rules().halted();
    if (halted.isPresent()) {
      Party self = context.peers().self();
      throw Problem.refused(self + " is halted: nothing is done there")
          .at(self)
          .detail(
              "%s, since %s"
                  .formatted(
                      halted.get().path("reason").asText("no reason given"),
                      halted.get().path("since").asText("an unknown time")))
          .next("silo resume");
    }
  }

  private List<Verdict> all(boolean counting) {
    LocalDate today = agreed();
    dataset(true);
    if (!(spec instanceof ServeSpec)) {
      alignment();
    }
    if (spec instanceof TrainSpec train) {
      training(train, counting);
    } else if (spec instanceof PredictSpec) {
      predictions(counting, today);
    }
    if (counting) {
      LocalTime time = LocalTime.ofInstant(clock.instant(), ZoneOffset.UTC);
      String window = policy.operations().window();
      if (window != null) {
        add(
            "operations.window",
            policy.operations().includes(time),
            "jobs begin from %s UTC, and it is %s"
                .formatted(window, time.truncatedTo(ChronoUnit.MINUTES)),
            null);
      }
    }
    return List.copyOf(verdicts);
  }

  private void add(String rule, boolean passed, String text, String allow) {
    verdicts.add(new Verdict(rule, passed, text, passed ? null : allow));
  }

  // ---- who and why ------------------------------------------------------------------------------

  /** Returns the day on which this is. */
  private LocalDate agreed() {
    LocalDate today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    for (Party partner : spec.parties().keySet()) {
      if (!partner.equals(self)) {
        partner(partner, today);
      }
    }
    purpose(today);
    return today;
  }

  private void partner(Party partner, LocalDate today) {
    String rule = "partners." + partner;
    Policy.JobRole role =
        partner.equals(spec.labelParty()) ? Policy.JobRole.LABEL : Policy.JobRole.FEATURE;
    String code = role.name().toLowerCase(Locale.ROOT);
    String allow = "partners: {%s: {roles: [%s]}}".formatted(partner, code);
    Optional<Policy.ForPartner> known = policy.partner(partner);
    if (known.isEmpty()) {
      add(rule, false, partner + " is not named", allow);
      return;
    }
    Set<Policy.JobRole> roles = known.get().roles();
    add(
        rule + ".roles",
        roles != null && roles.contains(role),
        "%s is the %s party, and may be %s"
            .formatted(partner, code, roles == null ? "in no job" : codes(roles)),
        allow);
    until(rule + ".until", "jobs with " + partner, known.get().until(), today);
  }

  private static String codes(Set<Policy.JobRole> roles) {
    return String.join(
        " or ", roles.stream().map(role -> role.name().toLowerCase(Locale.ROOT)).toList());
  }

  private void until(String rule, String what, LocalDate last, LocalDate today) {
    if (last != null) {
      add(rule, !today.isAfter(last), "%s until %s".formatted(what, last), null);
    }
  }

  private void purpose(LocalDate today) {
    String rule = "purposes." + spec.purpose();
    Optional<Policy.Purpose> known = policy.purpose(spec.purpose());
    if (known.isEmpty()) {
      add(rule, false, "the purpose is not named", "purposes: {%s: {}}".formatted(spec.purpose()));
      return;
    }
    String basis = known.get().legalBasis() == null ? "" : ", " + known.get().legalBasis();
    String dpia = known.get().dpia() == null ? "" : ", assessment " + known.get().dpia();
    add(rule, true, "known purpose" + basis + dpia, null);
    until(rule + ".until", "data may be used for it", known.get().until(), today);
  }

  // ---- which data -------------------------------------------------------------------------------

  /**
   * @param computes with other columns than those that people are matched by
   */
  private void dataset(boolean computes) {
    JobSpec.Source source = spec.parties().get(self);
    if (source == null) {
      return; // which local checks say
    }
    String rule = "datasets." + source.dataset();
    Optional<Policy.DatasetRules> known = policy.dataset(source.dataset());
    if (known.isEmpty()) {
      add(
          rule,
          false,
          "the data set is not named",
          "datasets: {%s: {purposes: [%s], columns: {allow: %s}, keys: %s}}"
              .formatted(
                  source.dataset(), spec.purpose(), yaml(columns(source)), yaml(keyColumns())));
      return;
    }
    Policy.DatasetRules set = known.get();
    add(
        rule + ".purposes",
        Policy.names(set.purposes(), spec.purpose()),
        "for %s, and the job is for %s".formatted(list(set.purposes()), spec.purpose()),
        "datasets: {%s: {purposes: [%s]}}".formatted(source.dataset(), spec.purpose()));
    if (computes) {
      columns(rule, source, set);
    }
    keys(rule, source, set);
  }

  private void columns(String rule, JobSpec.Source source, Policy.DatasetRules set) {
    Collection<String> wanted = columns(source);
    List<String> never =
        wanted.stream().filter(c -> Policy.names(set.columns().never(), c)).toList();
    if (!never.isEmpty()) {
      add(rule + ".columns.never", false, "never " + list(never), null);
    }
    List<String> absent =
        wanted.stream().filter(c -> !Policy.names(set.columns().allow(), c)).toList();
    add(
        rule + ".columns.allow",
        absent.isEmpty(),
        absent.isEmpty() ? wanted.size() + " columns allowed" : "not allowed: " + list(absent),
        "datasets: {%s: {columns: {allow: %s}}}".formatted(source.dataset(), yaml(absent)));
  }

  private void keys(String rule, JobSpec.Source source, Policy.DatasetRules set) {
    List<String> absent =
        keyColumns().stream().filter(key -> !Policy.names(set.keys(), key)).toList();
    add(
        rule + ".keys",
        absent.isEmpty(),
        absent.isEmpty()
            ? "people may be matched by " + list(keyColumns())
            : "people may not be matched by " + list(absent),
        "datasets: {%s: {keys: %s}}".formatted(source.dataset(), yaml(absent)));
  }

  /** What of the own data set the job computes with: features, outcome, weight, exposure. */
  private Collection<String> columns(JobSpec.Source source) {
    Set<String> columns = new TreeSet<>(source.columns());
    try {
      if (spec instanceof TrainSpec train) {
        if (columns.isEmpty()) {
          columns.addAll(context.datasets().get(source.dataset()).schema().features());
        }
        if (self.equals(train.labelParty())) {
          columns.add(train.label().column());
          Optional.ofNullable(train.label().weight()).ifPresent(columns::add);
          Optional.ofNullable(train.label().exposure()).ifPresent(columns::add);
        }
      } else {
        ModelSlice slice = LocalChecks.slice(context, (ScoringSpec) spec);
        columns.addAll(LocalChecks.modelColumns(slice));
      }
    } catch (Problem unknown) {
      // No such data set or model: local checks say so, before anything is done.
    }
    return columns;
  }

  private List<String> keyColumns() {
    return spec.match().stream()
        .flatMap(List::stream)
        .map(part -> part.column().at(self))
        .distinct()
        .toList();
  }

  // ---- how --------------------------------------------------------------------------------------

  /** Of a frozen cohort how many people it has, since nobody is aligned anew. */
  private void alignment() {
    JobSpec.AlignmentSettings asked = spec.alignment();
    boolean anew = !asked.isFrozen();
    for (Party partner : spec.parties().keySet()) {
      if (partner.equals(self)) {
        continue;
      }
      Policy.Alignments limits = policy.alignments(partner);
      if (anew && limits.protocols() != null && !asked.isOpen()) {
        add(
            "alignment.protocols",
            limits.protocols().contains(asked.protocol()),
            "%s with %s, and the job asks for %s"
                .formatted(list(limits.protocols()), partner, asked.protocol()),
            "alignment: {protocols: [%s]}".formatted(asked.protocol()));
      }
      if (anew && limits.security() != null) {
        add(
            "alignment.security",
            asked.isMalicious(),
            "malicious with %s, and the job asks for %s"
                .formatted(
                    partner,
                    asked.isMalicious()
                        ? JobSpec.AlignmentSettings.MALICIOUS
                        : JobSpec.AlignmentSettings.SEMI_HONEST),
            null);
      }
      if (limits.minIntersection() != null) {
        add(
            "alignment.min_intersection",
            asked.minIntersection() >= limits.minIntersection(),
            "at least %,d with %s, and the job asks for %,d"
                .formatted(limits.minIntersection(), partner, asked.minIntersection()),
            "alignment: {min_intersection: %d}".formatted(asked.minIntersection()));
      }
      if (limits.minFraction() != null) {
        fraction(partner, limits.minFraction(), asked.minIntersection());
      }
    }
  }

  private void fraction(Party partner, BigDecimal share, int asked) {
    Optional<Dataset> dataset = ownDataset();
    if (dataset.isEmpty()) {
      return;
    }
    int least =
        share
            .multiply(BigDecimal.valueOf(dataset.get().scan().rows()))
            .setScale(0, RoundingMode.CEILING)
            .intValueExact();
    add(
        "alignment.min_fraction",
        asked >= least,
        "%s of the own rows with %s: alignment.min_intersection of %,d, and the job asks for %,d"
            .formatted(share.toPlainString(), partner, least, asked),
        null);
  }

  private void training(TrainSpec train, boolean counting) {
    Policy.Training limits = policy.training();
    String model = train.model().type();
    add(
        "training.models",
        Policy.names(limits.models(), model),
        "%s, and the job asks for %s".formatted(list(limits.models()), model),
        "training: {models: [%s]}".formatted(model));
    String level = train.training().level();
    add(
        "training.levels",
        Policy.names(limits.levels(), level),
        "%s, and the job asks for %s".formatted(list(limits.levels()), level),
        "training: {levels: [%s]}".formatted(level));
    if (!train.training().accept().isEmpty()) {
      add(
          "training.accept_span",
          Boolean.TRUE.equals(limits.acceptSpan()),
          "the job accepts that all that partners' columns span is disclosed",
          "training: {accept_span: true}");
    }
    if (counting && limits.maxPasses() != null) {
      passes(train, limits.maxPasses());
    }
    Integer features = train.training().minFeaturesPerParty();
    if (limits.minFeaturesPerParty() != null && features != null) {
      add(
          "training.min_features_per_party",
          features >= limits.minFeaturesPerParty(),
          "at least %d, and the job asks for %d".formatted(limits.minFeaturesPerParty(), features),
          "training: {min_features_per_party: %d}".formatted(features));
    }
    if (limits.labelEpsilon() != null && self.equals(train.labelParty())) {
      labelEpsilon(train, limits.labelEpsilon(), counting);
    }
    if (train.path() != null) {
      add(
          "training.cross_validation",
          Boolean.TRUE.equals(limits.crossValidation()),
          "the job makes %d fits: %d values of model.l2, on everybody and without each of %d folds"
              .formatted(train.path().fits(), train.path().values().size(), train.path().folds()),
          "training: {cross_validation: true}");
    }
    if (train.model().start() != null) {
      add(
          "training.warm_start",
          Boolean.TRUE.equals(limits.warmStart()),
          "the job begins at the model of " + train.model().start(),
          "training: {warm_start: true}");
    }
    if (train.evaluation().revealsScores()) {
      add(
          "outputs.scores",
          Boolean.TRUE.equals(policy.outputs().scores()),
          "the job writes down the scores of people held out",
          "outputs: {scores: true}");
    }
    if (train.infers()) {
      add(
          "outputs.inference",
          Boolean.TRUE.equals(policy.outputs().inference()),
          "the job tells the standard errors of weights",
          "outputs: {inference: true}");
    }
  }

  private void labelEpsilon(TrainSpec train, BigDecimal most, boolean counting) {
    String rule = "training.label_epsilon";
    if (train.training().labelPrivacy() == null) {
      add(rule, false, "the job has no training.label_privacy", null);
      return;
    }
    BigDecimal asked = train.training().labelPrivacy().epsilon();
    BigDecimal used =
        (counting ? ownDataset() : Optional.<Dataset>empty())
            .map(dataset -> context.datasets().commitments(dataset.scan().sha256()))
            .map(context.journal()::labelEpsilon)
            .orElse(BigDecimal.ZERO);
    add(
        rule,
        used.add(asked).compareTo(most) <= 0,
        "%s for all jobs on the data set, %s were spent, and the job asks for %s"
            .formatted(
                most.toPlainString(),
                used.stripTrailingZeros().toPlainString(),
                asked.toPlainString()),
        null);
  }

  /**
   * Holds ε that is about to be spent on outcomes against what is left of it.
   *
   * @throws Problem if it is too much
   */
  static void requireLabelEpsilon(JobRun.Context context, TrainSpec train) {
    PolicyRules rules = new PolicyRules(context, context.rules().now(), train, Clock.systemUTC());
    BigDecimal most = rules.policy.training().labelEpsilon();
    if (most != null && rules.self.equals(train.labelParty())) {
      rules.labelEpsilon(train, most, true);
      rules.requirePassed("job", rules.verdicts);
    }
  }

  private void passes(TrainSpec train, int most) {
    boolean counts = train.training().countsPasses() && !train.neural();
    Integer named = train.neural() ? train.training().epochs() : train.training().maxPasses();
    int asked =
        (named == null ? TrainSpec.MAX_PASSES : named)
            * (train.neural() ? 1 : Training.of(train).numbers());
    int before = counts && ownDataset().isPresent() ? LocalChecks.passes(context, train) : 0;
    add(
        "training.max_passes",
        asked + before <= most,
        "at most %d on the same people, and the job asks for %s%s"
            .formatted(
                most,
                named == null
                    ? "up to %d: it names no training.max_passes".formatted(asked)
                    : asked,
                before == 0 ? "" : " after " + before + " of earlier attempts and jobs"),
        "training: {max_passes: %d}".formatted(asked + before));
  }

  /** Empty where there is none of this name, which local checks say. */
  private Optional<Dataset> ownDataset() {
    try {
      return Optional.of(LocalChecks.dataset(context, spec));
    } catch (Problem unknown) {
      return Optional.empty();
    }
  }

  private void predictions(boolean counting, LocalDate today) {
    Policy.Predictions allowed = policy.outputs().predictions();
    add(
        "outputs.predictions",
        allowed != null,
        allowed == null ? "people may not be scored" : "people may be scored",
        "outputs: {predictions: {}}");
    if (!counting || allowed == null || allowed.maxRowsPerDay() == null) {
      return;
    }
    long used = predicted(context, today);
    add(
        "outputs.predictions.max_rows_per_day",
        used < allowed.maxRowsPerDay(),
        "%,d people a day, and %,d were scored today".formatted(allowed.maxRowsPerDay(), used),
        null);
  }

  private static long predicted(JobRun.Context context, LocalDate today) {
    Instant from = today.atStartOfDay(ZoneOffset.UTC).toInstant();
    return context.journal().predictions(from);
  }

  /**
   * Holds the people that are about to be scored against what is left of the day.
   *
   * @throws Problem if they are too many
   */
  static void requirePredictions(JobRun.Context context, int people) {
    Policy.Predictions allowed = context.rules().policy().outputs().predictions();
    if (allowed == null || allowed.maxRowsPerDay() == null) {
      return;
    }
    long used = predicted(context, LocalDate.now(ZoneOffset.UTC));
    if (used + people > allowed.maxRowsPerDay()) {
      Party self = context.peers().self();
      throw Problem.refused(
              "the policy of %s denies the job: outputs.predictions.max_rows_per_day: %,d people a day, %,d were scored today and these are %,d"
                  .formatted(self, allowed.maxRowsPerDay(), used, people))
          .at(self)
          .next("the same tomorrow (UTC), or with fewer people");
    }
  }

  // ---- what would allow it ----------------------------------------------------------------------

  /** A policy, as a tree, under which this node allows the job and no more than it needs. */
  public static ObjectNode suggestion(JobRun.Context context, JobSpec spec) {
    Party self = context.peers().self();
    ObjectNode policy = Json.object();
    for (Party partner : spec.parties().keySet()) {
      if (!partner.equals(self)) {
        policy
            .withObject("/partners")
            .putObject(partner.name())
            .putArray("roles")
            .add(partner.equals(spec.labelParty()) ? "label" : "feature");
      }
    }
    policy.putObject("purposes").putObject(spec.purpose());
    JobSpec.Source source = spec.parties().get(self);
    PolicyRules rules =
        new PolicyRules(context, new Rulebook.InForce(Policy.NONE, ""), spec, Clock.systemUTC());
    ObjectNode dataset = policy.putObject("datasets").putObject(source.dataset());
    dataset.putArray("purposes").add(spec.purpose());
    dataset.putObject("columns").set("allow", Json.tree(rules.columns(source)));
    dataset.set("keys", Json.tree(rules.keyColumns()));
    ObjectNode alignment = policy.putObject("alignment");
    alignment.put("min_intersection", spec.alignment().minIntersection());
    if (spec instanceof TrainSpec train) {
      training(policy, train);
    } else {
      policy.putObject("outputs").putObject("predictions");
    }
    return policy;
  }

  private static void training(ObjectNode policy, TrainSpec train) {
    ObjectNode training = policy.putObject("training");
    training.putArray("models").add(train.model().type());
    training.putArray("levels").add(train.training().level());
    if (!train.training().accept().isEmpty()) {
      training.put("accept_span", true);
    }
    if (train.path() != null) {
      training.put("cross_validation", true);
    }
    if (train.model().start() != null) {
      training.put("warm_start", true);
    }
    ObjectNode outputs = policy.putObject("outputs");
    if (train.evaluation().revealsScores()) {
      outputs.put("scores", true);
    }
    if (train.infers()) {
      outputs.put("inference", true);
    }
    outputs.putObject("predictions"); // a model that may score nobody is of little use
  }

  // ---- texts ------------------------------------------------------------------------------------

  private static String list(Collection<String> names) {
    return names.isEmpty() ? "nothing" : String.join(", ", names);
  }

  private static String yaml(Collection<String> names) {
    JsonNode array = Json.tree(names);
    return Json.write(array);
  }
}
