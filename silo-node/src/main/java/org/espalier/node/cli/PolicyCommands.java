package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobSpec;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "policy",
    header = "Say what this node allows, and why not.",
    description = {
      "",
      "Everything that policy.yaml does not allow is denied.",
      "",
      "Examples:",
      "  silo policy suggest job.yaml          the least policy that allows this job",
      "  silo policy init job.yaml             writes it as the first policy of the node",
      "  silo policy check J-1a2b3c4d          each rule's verdict on a job or a job file",
      "  silo policy diff                      what the changed file would change",
      "  silo policy test policy-tests.yaml    jobs of which it is known what it should say",
      "  silo policy apply                     puts the changed file into force",
    },
    subcommands = {
      PolicyCommands.Show.class,
      PolicyCommands.Check.class,
      PolicyCommands.Explain.class,
      PolicyCommands.Diff.class,
      PolicyCommands.Test.class,
      PolicyCommands.Suggest.class,
      PolicyCommands.Init.class,
      PolicyCommands.Apply.class,
    })
final class PolicyCommands extends GroupCommand {

  /** A command on a job that the node knows, or a job file. */
  abstract static class OfJobOrFile extends SiloCommand {
    @Parameters(
        paramLabel = "JOB|FILE",
        description = "A job's id, such as J-1a2b3c4d, or a job in YAML.")
    String job;

    ObjectNode jobArgs() {
      return job.matches(Job.ID)
          ? args().put("job", job)
          : args().set("spec", JobSpec.yaml(Path.of(job)).toJson());
    }
  }

  @Command(
      name = "show",
      header = "Print the policy in force and its digest.",
      description = {"", "Examples:", "  silo policy show", "  silo policy show --json"})
  static final class Show extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("policy.show", args());
      show(
          result,
          r -> {
            new JobView(console()).halted(r.path("halted"));
            console().out().print(Json.toYaml(r.path("policy")).replaceFirst("^---\n", ""));
            say("sha256:" + r.path("digest").asText() + " of " + r.path("file").asText());
          });
      if (result.path("changed").asBoolean()) {
        say("The file has changed since; what is shown is what holds.");
        next("silo policy diff");
      }
      return 0;
    }
  }

  @Command(
      name = "check",
      header = "Hold a job against the policy, rule by rule. Sends nothing.",
      description = {
        "",
        "Examples:",
        "  silo policy check job.yaml",
        "  silo policy check J-1a2b3c4d --policy new-policy.yaml",
        "",
        "Exit code 4 if the policy denies the job; then what would allow it is shown.",
      })
  static final class Check extends OfJobOrFile {
    @Option(
        names = "--policy",
        paramLabel = "FILE",
        description = "Another policy than the one in force.")
    Path policy;

    @Override
    public Integer call() {
      ObjectNode args = jobArgs();
      if (policy != null) {
        args.put("policy", Json.text(policy));
      }
      JsonNode result = ask("policy.check", args);
      show(
          result,
          r -> {
            JobView view = new JobView(console());
            view.halted(r.path("halted"));
            view.policy(r.path("verdicts"));
          });
      if (result.path("passed").asBoolean()) {
        return 0;
      }
      say("This node would refuse the job.");
      next("silo policy suggest " + job);
      return Problem.Kind.REFUSED.exitCode();
    }
  }

  @Command(
      name = "explain",
      header = "Say what a rule means, what it is set to, and who may change it. Needs no node.",
      description = {
        "",
        "Examples:",
        "  silo policy explain",
        "  silo policy explain training.max_passes",
      })
  static final class Explain extends SiloCommand {
    @Parameters(arity = "0..1", paramLabel = "RULE", description = "A rule (default: all).")
    String asked;

    @Override
    public Integer call() {
      JsonNode policy = isOwner() ? written() : ask("policy.show", args()).path("policy");
      ObjectNode result = Json.object();
      ArrayNode rules = result.putArray("rules");
      for (Map.Entry<String, String> known : PolicyHelp.RULES.entrySet()) {
        if (asked == null || PolicyHelp.isMeant(known.getKey(), asked)) {
          JsonNode set = PolicyHelp.value(policy, known.getKey());
          ObjectNode one = rules.addObject().put("rule", known.getKey());
          one.put("text", known.getValue()).set("set", set);
        }
      }
      if (rules.isEmpty()) {
        throw Problem.notFound("no rule " + asked).next("silo policy explain");
      }
      return show(
          result,
          r -> {
            for (JsonNode one : rules) {
              console().print(console().strong(one.path("rule").asText()));
              console().paragraph("    ", "    ", one.path("text").asText());
              String set =
                  one.path("set").isMissingNode() || one.path("set").isNull()
                      ? "not set"
                      : Json.write(one.path("set"));
              console().paragraph("    in policy.yaml: ", "    ", set);
            }
            say(
                "Whoever may write %s may change it; silo policy apply is logged."
                    .formatted(isOwner() ? home().policy() : "the node's policy.yaml"));
          });
    }

    private JsonNode written() {
      return Files.isRegularFile(home().policy())
          ? Json.yaml(home().policy(), JsonNode.class)
          : Json.object();
    }
  }

  @Command(
      name = "diff",
      header = "Say what a changed policy would change, also for jobs known here.",
      description = {
        "",
        "Examples:",
        "  silo policy diff                      policy.yaml against what is in force",
        "  silo policy diff new-policy.yaml",
      })
  static final class Diff extends SiloCommand {
    @Parameters(arity = "0..1", paramLabel = "FILE", description = "Another policy.")
    Path file;

    @Override
    public Integer call() {
      ObjectNode args = args();
      if (file != null) {
        args.put("policy", Json.text(file));
      }
      JsonNode result = ask("policy.diff", args);
      show(
          result,
          r -> {
            if (r.path("changes").isEmpty()) {
              console().print("No difference.");
            }
            new JobView(console()).settings(r.path("changes"));
            for (JsonNode job : r.path("jobs")) {
              console()
                  .print(
                      "%-10s%s (%s, %s) would be %s by %s"
                          .formatted(
                              "job",
                              job.path("job").asText(),
                              job.path("name").asText(),
                              job.path("state").asText(),
                              job.path("allowed").asBoolean() ? "allowed" : "denied",
                              job.path("rule").asText()));
            }
          });
      if (!result.path("changes").isEmpty() && file == null) {
        next("silo policy apply");
      }
      return 0;
    }
  }

  @Command(
      name = "test",
      header = "Hold jobs against the policy of which it is known what it should say.",
      description = {
        "",
        "Examples:",
        "  silo policy test policy-tests.yaml",
        "  silo policy test policy-tests.yaml --policy new-policy.yaml",
        "",
        "The file is a list of cases:",
        "  - name: research on claims is allowed",
        "    job: job.yaml                        # beside this file",
        "    expect: allow",
        "  - name: nobody trains at gradients",
        "    job: job.yaml",
        "    change: {training.level: gradients}",
        "    expect: deny",
        "    rule: training.levels                # one of those that deny it",
        "",
        "Exit code 4 if the policy says something else.",
      })
  static final class Test extends SiloCommand {
    @Parameters(paramLabel = "FILE", description = "The cases in YAML.")
    Path file;

    @Option(
        names = "--policy",
        paramLabel = "FILE",
        description = "Another policy than policy.yaml of the node.")
    Path policy;

    /** One case of the file. */
    record Case(String name, String job, Map<String, JsonNode> change, String expect, String rule) {
      Case {
        if (name == null || job == null) {
          throw new IllegalArgumentException("a case needs a name and a job");
        }
        if (!List.of("allow", "deny").contains(expect)) {
          throw new IllegalArgumentException("expect is allow or deny");
        }
      }
    }

    @Override
    public Integer call() {
      ObjectNode args = args();
      if (policy != null) {
        args.put("policy", Json.text(policy));
      }
      ArrayNode cases = args.putArray("cases");
      for (Case one : Json.yaml(file, Case[].class)) {
        ObjectNode sent = cases.addObject().put("name", one.name()).put("expect", one.expect());
        sent.put("rule", one.rule()).set("spec", spec(one));
      }
      JsonNode result = ask("policy.test", args);
      show(
          result,
          r -> {
            for (JsonNode one : r.path("results")) {
              boolean passed = one.path("passed").asBoolean();
              console()
                  .print(
                      (passed ? console().good("PASS") : console().bad("FAIL"))
                          + " "
                          + one.path("name").asText()
                          + (passed
                              ? ""
                              : ": %s expected, %s found"
                                  .formatted(
                                      one.path("expect").asText(), one.path("found").asText())));
              if (!passed) {
                one.path("rules").forEach(rule -> console().print("     " + rule.asText()));
              }
            }
          });
      return result.path("passed").asBoolean() ? 0 : Problem.Kind.REFUSED.exitCode();
    }

    private JsonNode spec(Case one) {
      Path job = file.toAbsolutePath().resolveSibling(one.job());
      ObjectNode tree = Json.yaml(job, ObjectNode.class);
      if (one.change() != null) {
        one.change()
            .forEach(
                (key, value) -> {
                  int dot = key.lastIndexOf('.');
                  ObjectNode in =
                      dot < 0
                          ? tree
                          : tree.withObject("/" + key.substring(0, dot).replace('.', '/'));
                  in.set(key.substring(dot + 1), value);
                });
      }
      return JobSpec.json(one.name(), tree).toJson();
    }
  }

  @Command(
      name = "suggest",
      header = "Print the least policy under which this node allows a job.",
      description = {
        "",
        "Examples:",
        "  silo policy suggest job.yaml",
        "  silo policy suggest J-1a2b3c4d >> policy.yaml    and put it in its place by hand",
      })
  static final class Suggest extends OfJobOrFile {
    @Override
    public Integer call() {
      JsonNode result = ask("policy.suggest", jobArgs());
      show(result, r -> console().out().print(r.path("yaml").asText().replaceFirst("^---\n", "")));
      next("silo policy diff", "when it is in policy.yaml");
      return 0;
    }
  }

  @Command(
      name = "init",
      header = "Write the least policy that allows a job as the node's first, and apply it.",
      description = {
        "",
        "Examples:",
        "  silo policy init job.yaml",
        "  silo policy init J-1a2b3c4d"
      })
  static final class Init extends OfJobOrFile {
    @Override
    public Integer call() {
      JsonNode result = ask("policy.init", jobArgs());
      show(
          result,
          r -> {
            console().out().print(r.path("yaml").asText());
            say("Written to " + r.path("file").asText() + " and in force.");
          });
      next(job.matches(Job.ID) ? "silo job show " + job : "silo job plan " + job);
      return 0;
    }
  }

  @Command(
      name = "apply",
      header = "Put the policy file into force; running jobs feel it at their next phase.",
      description = {"", "Example:", "  silo policy diff && silo policy apply"})
  static final class Apply extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("policy.apply", args());
      return show(
          result,
          r -> {
            new JobView(console()).settings(r.path("changes"));
            console().print("In force: sha256:" + r.path("after").asText());
          });
    }
  }
}
