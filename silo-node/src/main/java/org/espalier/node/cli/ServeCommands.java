package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.ServeSpec;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "serve",
    header = "Score single people on request, by HTTP at the label party.",
    description = {
      "",
      "Examples:",
      "  silo serve propose --model J-1a2b3c4d --scores-per-day 10000 --until 2027-01-31",
      "  silo job approve S-5e6f7a8b                     at every partner",
      "  silo serve start S-5e6f7a8b                     at every party",
      "  silo serve client add loan-desk                 at the label party: prints a token",
      "  silo serve list",
      "  silo serve stop S-5e6f7a8b                      here; start goes on",
      "  silo job abort S-5e6f7a8b                       for good, at all parties",
      "",
      "docs/serving.md says what the endpoint takes and answers, and who learns what.",
    },
    subcommands = {
      ServeCommands.Propose.class,
      ServeCommands.Start.class,
      ServeCommands.Stop.class,
      ServeCommands.ListServings.class,
      ServeCommands.Client.class,
    })
final class ServeCommands extends GroupCommand {

  @Command(
      name = "propose",
      header = "Propose to score people on request with a trained model.",
      description = {
        "",
        "Examples:",
        "  silo serve propose serve.yaml",
        "  silo serve propose --model J-1a2b3c4d --scores-per-day 10000 --until 2027-01-31",
        "",
        "Data sets are those of the training unless --dataset and --with name others. Every",
        "party approves (silo job approve S-...), within what its policy.yaml allows.",
      })
  static final class Propose extends SiloCommand {
    @Parameters(arity = "0..1", paramLabel = "FILE", description = "A serve job in YAML.")
    Path file;

    @Mixin ScoringJob scoring = new ScoringJob();
    @Mixin SignAs signAs = new SignAs();

    @Option(names = "--dataset", paramLabel = "NAME", description = "The own data set.")
    String dataset;

    @Option(
        names = "--scores-per-day",
        paramLabel = "N",
        description = "Most answers of each feature party in a day (UTC).")
    Integer scoresPerDay;

    @Option(names = "--until", paramLabel = "DATE", description = "The last day, as 2027-01-31.")
    String until;

    @Override
    public Integer call() {
      ObjectNode args = args();
      args.set("spec", (file == null ? fromFlags() : fromFile()).toJson());
      return JobCommands.proposed(this, signAs.propose(this, args));
    }

    private JobSpec fromFile() {
      if (scoring.isUsed() || dataset != null || scoresPerDay != null || until != null) {
        throw usage("give a file or --model, --scores-per-day and --until, not both");
      }
      JobSpec spec = JobSpec.yaml(file);
      if (!(spec instanceof ServeSpec)) {
        throw Problem.refused(file + " is no job of kind serve").next("silo job propose " + file);
      }
      return spec;
    }

    private JobSpec fromFlags() {
      if (scoring.model == null || scoresPerDay == null || until == null) {
        throw usage("give a file, or --model, --scores-per-day and --until")
            .next("silo serve propose --help");
      }
      ObjectNode spec = scoring.build(this, "serve", dataset, "online-");
      spec.put("duplicates", scoring.training(this).at("/alignment/duplicates").asText("reject"));
      spec.put("scores_per_day", scoresPerDay).put("until", until);
      return JobSpec.json("the serving", spec);
    }
  }

  @Command(
      name = "start",
      header = "Begin to serve here, or read the data set anew.",
      description = {
        "",
        "Example:",
        "  silo serve start S-5e6f7a8b",
        "",
        "Reads the data set of the serving as it is registered now. It goes on after a restart",
        "of the node.",
      })
  static final class Start extends SiloCommand {
    @Parameters(paramLabel = "SERVING", description = "Its job id.")
    String job;

    @Override
    public Integer call() {
      JsonNode started = ask("serve.start", args().put("job", job));
      show(
          started,
          s ->
              console()
                  .print(
                      "%s is served here: %s rows, at most %s scores a day until %s"
                          .formatted(
                              job,
                              Format.count(s.path("rows").asLong()),
                              Format.count(s.path("scores_per_day").asLong()),
                              s.path("until").asText())));
      for (Map.Entry<String, JsonNode> partner : started.path("partners").properties()) {
        if (!partner.getValue().asText().equals("serves")) {
          nextAt(partner.getKey(), "silo serve start " + job);
        }
      }
      return 0;
    }
  }

  @Command(
      name = "stop",
      header = "Serve no more here; silo serve start goes on.",
      description = {
        "",
        "Example:",
        "  silo serve stop S-5e6f7a8b",
        "",
        "At once, without asking anybody. For good, at all parties: silo job abort.",
      })
  static final class Stop extends SiloCommand {
    @Parameters(paramLabel = "SERVING", description = "Its job id.")
    String job;

    @Override
    public Integer call() {
      show(
          ask("serve.stop", args().put("job", job)),
          s -> console().print(job + " is not served here any more"));
      next("silo serve start " + job, "to go on");
      return 0;
    }
  }

  @Command(
      name = "list",
      header = "List the servings, how they stand here and at the partners.",
      description = {"", "Example:", "  silo serve list"})
  static final class ListServings extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("serve.list", args());
      show(
          result,
          r -> {
            Table table =
                new Table(
                    "SERVING", "MODEL", "STATE", "HERE", "PARTNERS", "TODAY", "A DAY", "UNTIL");
            for (JsonNode s : r.path("servings")) {
              List<String> partners = new ArrayList<>();
              s.path("partners")
                  .properties()
                  .forEach(p -> partners.add(p.getKey() + " " + p.getValue().asText()));
              table.row(
                  s.path("serving").asText(),
                  s.path("model").asText(),
                  s.path("expired").asBoolean() ? "EXPIRED" : s.path("state").asText(),
                  s.path("here").asText()
                      + (s.has("cause") ? ": " + s.at("/cause/what").asText() : ""),
                  partners.isEmpty() ? "-" : String.join(", ", partners),
                  s.has("spent_today") ? Format.count(s.path("spent_today").asLong()) : "-",
                  Format.count(s.path("scores_per_day").asLong()),
                  s.path("until").asText());
            }
            if (table.isEmpty()) {
              say("Nothing is served.");
            } else {
              table.print(console());
            }
          });
      if (result.path("servings").isEmpty()) {
        next("silo serve propose --help");
      }
      return 0;
    }
  }

  @Command(
      name = "client",
      header = "Say which applications may ask this node for scores.",
      description = {
        "",
        "Examples:",
        "  silo serve client add loan-desk > token.txt",
        "  silo serve client list",
        "  silo serve client remove loan-desk",
      },
      subcommands = {Client.Add.class, Client.ListClients.class, Client.Remove.class})
  static final class Client extends GroupCommand {

    @Command(
        name = "add",
        header = "Make a token for an application; it is shown once.",
        description = {
          "",
          "Example:",
          "  silo serve client add loan-desk > token.txt",
          "",
          "The application sends it as Authorization: Bearer TOKEN. The node keeps its hash.",
        })
    static final class Add extends SiloCommand {
      @Parameters(paramLabel = "NAME", description = "The application.")
      String name;

      @Override
      public Integer call() {
        show(
            ask("serve.client.add", args().put("name", name)),
            c -> {
              console().print(c.path("token").asText());
              say("This token is shown once: hand it over like a password.");
            });
        return 0;
      }
    }

    @Command(
        name = "list",
        header = "List the applications that have a token.",
        description = {"", "Example:", "  silo serve client list"})
    static final class ListClients extends SiloCommand {
      @Override
      public Integer call() {
        return show(
            ask("serve.client.list", args()),
            r -> {
              Table table = new Table("CLIENT", "SINCE");
              for (JsonNode c : r.path("clients")) {
                table.row(c.path("client").asText(), Format.time(c.path("created")));
              }
              if (table.isEmpty()) {
                say("No application has a token.");
              } else {
                table.print(console());
              }
            });
      }
    }

    @Command(
        name = "remove",
        header = "Take an application's token away, at once.",
        description = {"", "Example:", "  silo serve client remove loan-desk"})
    static final class Remove extends SiloCommand {
      @Parameters(paramLabel = "NAME", description = "The application.")
      String name;

      @Override
      public Integer call() {
        return show(
            ask("serve.client.remove", args().put("name", name)),
            c -> console().print("Client " + name + " has no token any more"));
      }
    }
  }
}
