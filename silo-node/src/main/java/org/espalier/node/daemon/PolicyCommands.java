package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlServer;
import org.espalier.node.job.DryRuns;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobChanges;
import org.espalier.node.job.JobRun;
import org.espalier.node.job.JobService;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.PolicyRules;
import org.espalier.node.policy.Policy;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.serve.Servings;

/** What the command line may ask about the policy, and the kill switch. */
final class PolicyCommands {
  private static final int MOST_CASES = 1000;

  private final SiloHome home;
  private final JobRun.Context context;
  private final JobService service;
  private final DryRuns dryRuns;
  private final Servings servings;
  private final AuditJournal journal;

  PolicyCommands(
      SiloHome home,
      JobRun.Context context,
      JobService service,
      DryRuns dryRuns,
      Servings servings,
      AuditJournal journal) {
    this.home = home;
    this.context = context;
    this.service = service;
    this.dryRuns = dryRuns;
    this.servings = servings;
    this.journal = journal;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("policy.show", (args, events) -> show());
    commands.put("policy.check", (args, events) -> check(new Args(args)));
    commands.put("policy.apply", (args, events) -> apply());
    commands.put("policy.diff", (args, events) -> diff(new Args(args)));
    commands.put("policy.test", (args, events) -> test(new Args(args)));
    commands.put("policy.suggest", (args, events) -> suggest(new Args(args)));
    commands.put("policy.init", (args, events) -> init(new Args(args)));
    commands.put("halt", (args, events) -> halt(new Args(args)));
    commands.put("resume", (args, events) -> resume());
  }

  private Rulebook rules() {
    return context.rules();
  }

  private JsonNode show() {
    Rulebook.InForce now = rules().now();
    ObjectNode json = Json.object().put("party", context.peers().self().name());
    json.put("digest", now.digest());
    json.set("policy", tree(now.policy()));
    json.put("file", home.policy().toString());
    json.put("changed", !rules().onDisk().digest().equals(now.digest()));
    rules().halted().ifPresent(halted -> json.set("halted", halted));
    return json;
  }

  private static JsonNode tree(Policy policy) {
    return pruned(Json.tree(policy));
  }

  /** Without what says nothing. */
  private static JsonNode pruned(JsonNode node) {
    if (node instanceof ObjectNode object) {
      ObjectNode kept = Json.object();
      object
          .properties()
          .forEach(
              field -> {
                if (!field.getValue().isNull()) {
                  kept.set(field.getKey(), pruned(field.getValue()));
                }
              });
      return kept;
    }
    return node;
  }

  private JobSpec spec(Args args) {
    Optional<String> job = args.optional("job");
    return job.isPresent()
        ? context.jobs().get(job.get()).spec()
        : JobSpec.json("the job", args.object("spec"));
  }

  private static Rulebook.InForce given(Args args, Rulebook.InForce otherwise) {
    return args.optional("policy")
        .map(text -> new Rulebook.InForce(Rulebook.parse("policy", text), Rulebook.digest(text)))
        .orElse(otherwise);
  }

  private JsonNode check(Args args) {
    Rulebook.InForce policy = given(args, rules().now());
    List<PolicyRules.Verdict> verdicts = PolicyRules.verdicts(context, policy, spec(args));
    ObjectNode json = Json.object().put("digest", policy.digest());
    json.set("verdicts", Json.tree(verdicts));
    rules().halted().ifPresent(halted -> json.set("halted", halted));
    return json.put(
        "passed", !json.has("halted") && verdicts.stream().allMatch(PolicyRules.Verdict::passed));
  }

  private JsonNode apply() {
    Rulebook.InForce fresh = rules().onDisk(); // throws before anything is logged as done
    Rulebook.InForce before = rules().now();
    return journal.command(
        "policy.apply",
        Map.of("before", before.digest(), "after", fresh.digest()),
        () -> {
          rules().apply(fresh);
          ObjectNode json = Json.object().put("before", before.digest());
          json.put("after", fresh.digest());
          json.set("changes", JobChanges.settings(tree(before.policy()), tree(fresh.policy())));
          return json;
        });
  }

  /** What is different about another policy, and about jobs known here that have not ended. */
  private JsonNode diff(Args args) {
    Rulebook.InForce now = rules().now();
    Rulebook.InForce other = given(args, rules().onDisk());
    ObjectNode json = Json.object().put("before", now.digest()).put("after", other.digest());
    json.set("changes", JobChanges.settings(tree(now.policy()), tree(other.policy())));
    ArrayNode jobs = json.putArray("jobs");
    for (Job job : context.jobs().list()) {
      Optional<PolicyRules.Verdict> before = denial(now, job.spec());
      Optional<PolicyRules.Verdict> after = denial(other, job.spec());
      if (before.isPresent() != after.isPresent()) {
        ObjectNode changed = jobs.addObject().put("job", job.id()).put("name", job.spec().name());
        changed.put("state", job.state().name()).put("allowed", after.isEmpty());
        after.or(() -> before).ifPresent(verdict -> changed.put("rule", verdict.rule()));
      }
    }
    return json;
  }

  private Optional<PolicyRules.Verdict> denial(Rulebook.InForce policy, JobSpec spec) {
    return PolicyRules.verdicts(context, policy, spec).stream()
        .filter(verdict -> !verdict.passed())
        .findFirst();
  }

  /** Jobs of which somebody wrote down what the policy should say. */
  private JsonNode test(Args args) {
    Rulebook.InForce policy = given(args, rules().onDisk());
    JsonNode cases = args.object("cases");
    if (!cases.isArray() || cases.isEmpty() || cases.size() > MOST_CASES) {
      throw Args.usage("cases is a list of 1 to " + MOST_CASES);
    }
    ObjectNode json = Json.object().put("digest", policy.digest());
    ArrayNode results = json.putArray("results");
    boolean all = true;
    for (JsonNode one : cases) {
      String name = one.path("name").asText();
      List<PolicyRules.Verdict> denials =
          PolicyRules.verdicts(context, policy, JobSpec.json(name, one.path("spec"))).stream()
              .filter(verdict -> !verdict.passed())
              .toList();
      boolean denied = !denials.isEmpty();
      boolean passed = denied == one.path("expect").asText().equals("deny");
      String rule = one.path("rule").asText("");
      if (passed && denied && !rule.isEmpty()) {
        passed = denials.stream().anyMatch(verdict -> verdict.rule().equals(rule));
      }
      all &= passed;
      ObjectNode result = results.addObject().put("name", name).put("passed", passed);
      result.put("expect", one.path("expect").asText()).put("found", denied ? "deny" : "allow");
      denials.forEach(
          verdict -> result.withArray("rules").add(verdict.rule() + ": " + verdict.text()));
    }
    return json.put("passed", all);
  }

  private JsonNode suggest(Args args) {
    ObjectNode policy = PolicyRules.suggestion(context, spec(args));
    return Json.object().put("yaml", Json.toYaml(policy)).set("policy", policy);
  }

  private JsonNode init(Args args) {
    JobSpec spec = spec(args);
    String text =
        "# What this node allows; everything else is denied. Made for the job "
            + spec.name()
            + ".\n"
            + Json.toYaml(PolicyRules.suggestion(context, spec)).replaceFirst("^---\n", "");
    rules().create(text);
    ObjectNode json = (ObjectNode) apply();
    return json.put("file", home.policy().toString()).put("yaml", text);
  }

  private JsonNode halt(Args args) {
    String reason = args.text("reason");
    // Before it is logged: a log that cannot be written must not keep a node going.
    ObjectNode said = Rulebook.halt(home, reason);
    int servingsEnded = servings.suspend();
    dryRuns.haltAll();
    said.put("attempts_stopped", service.haltAll()).put("servings", servingsEnded);
    return journal.command("halt", Map.of("reason", reason), () -> said);
  }

  private JsonNode resume() {
    return journal.command(
        "resume",
        Map.of(),
        () -> {
          Optional<ObjectNode> was = rules().halted();
          Rulebook.resume(home);
          servings.resumeSoon();
          return Json.object().put("was_halted", was.isPresent());
        });
  }
}
