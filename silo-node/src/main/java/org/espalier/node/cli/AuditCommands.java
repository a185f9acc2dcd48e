package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.EventQuery;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.daemon.NodeHome;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "audit",
    header = "Read, export and verify the tamper-evident log of what this node did.",
    description = {
      "",
      "Examples:",
      "  silo audit tail",
      "  silo audit verify",
      "  silo audit export --job J-1a2b3c4d --out job.zip",
      "  silo audit key > bank.vkey",
      "  silo audit verify job.zip --key bank.vkey          at the auditor, without a node",
    },
    subcommands = {
      AuditCommands.Tail.class,
      AuditCommands.Verify.class,
      AuditCommands.Export.class,
      AuditCommands.Key.class,
    })
final class AuditCommands extends GroupCommand {

  @Command(
      name = "tail",
      header = "Print the newest events.",
      description = {
        "",
        "Examples:",
        "  silo audit tail",
        "  silo audit tail --count 100 --job J-1a2b3c4d",
        "  silo audit tail --type job. --json",
        "",
        "While the node runs, that somebody read the log is an event as well.",
      })
  static final class Tail extends SiloCommand {
    private static final int MAX_EVENTS = 10_000;

    @Option(
        names = {"-n", "--count"},
        paramLabel = "N",
        description = "How many (default: 20).")
    int count = 20;

    @Option(
        names = "--type",
        paramLabel = "TYPE",
        description = "Only this type, or all of a group such as job. with the dot.")
    String type;

    @Option(names = "--job", paramLabel = "JOB", description = "Only events of this job.")
    String job;

    @Override
    public Integer call() throws IOException {
      if (count < 1 || count > MAX_EVENTS) {
        throw usage("--count is 1 to " + MAX_EVENTS);
      }
      JsonNode result = node().isRunning() ? fromNode() : fromFiles();
      return show(
          result,
          r -> {
            for (JsonNode event : r.path("events")) {
              console().print(line(event));
            }
            if (r.path("events").isEmpty()) {
              say("No such events.");
            }
          });
    }

    private JsonNode fromNode() {
      ObjectNode args = args().put("count", count);
      if (type != null) {
        args.put("type", type);
      }
      if (job != null) {
        args.put("job", job);
      }
      return ask("audit.tail", args);
    }

    private JsonNode fromFiles() throws IOException {
      home().load();
      LogReader reader = open(home().audit());
      EventQuery query = new EventQuery(type, job, null, null, null, null, null);
      ObjectNode result = Json.object();
      ArrayNode events = result.putArray("events");
      reader.tail(count, query).forEach(event -> events.add(event.json()));
      return result;
    }

    private static LogReader open(Path folder) {
      try {
        return LogReader.open(folder);
      } catch (IOException e) {
        throw Problem.notFound("cannot read an audit log").detail(e.getMessage()).because(e);
      }
    }

    private static String line(JsonNode event) {
      byte[] bytes = Json.write(event).getBytes(StandardCharsets.UTF_8);
      return new LoggedEvent(event.path("seq").asLong(), bytes, event).line();
    }
  }

  @Command(
      name = "verify",
      header = "Check a log or an export against a key. Needs no node and no network.",
      description = {
        "",
        "Examples:",
        "  silo audit verify                                   this node's log",
        "  silo audit verify /mnt/copy/audit --key bank.vkey   a copy of a log",
        "  silo audit verify job.zip --key bank.example/silo/audit/1+0a1b2c3d+AbCd...=",
        "  silo audit verify --state ~/audit-state             notices also a log that was cut",
        "",
        "Exit codes: 0 intact, 10 altered, 11 truncated or missing, 12 too few witnesses, 13 forked,",
        "14 not signed by the trusted key, 15 impossible time. The first bad event is named.",
      })
  static final class Verify extends SiloCommand {
    @Parameters(
        arity = "0..1",
        paramLabel = "PATH",
        description = "Folder of a log or file of an export (default: this node's log).")
    Path path;

    @Option(
        names = "--key",
        paramLabel = "VKEY",
        description =
            "The verifier key to trust, or a file with it, from another source than the log"
                + " (default: this node's own).")
    String key;

    @Option(
        names = "--state",
        paramLabel = "DIR",
        description = "Remembers how far each log had come, to notice a missing end.")
    Path state;

    @Override
    public Integer call() {
      Path checked = path == null ? home().audit() : path;
      if (path == null) {
        home().load();
        if (node().isRunning()) {
          ask("audit.checkpoint", args());
        }
      }
      try {
        Verifier verifier = Verifier.trusting(TrustedKey.parse(trusted()));
        if (state != null) {
          verifier = verifier.remembering(state);
        }
        Verification result = verifier.verify(checked);
        show(result.toJson(), r -> result.lines().forEach(console()::print));
        return result.exitCode();
      } catch (IllegalArgumentException e) {
        throw usage(e.getMessage()).because(e);
      } catch (IOException e) {
        throw Problem.of(
                Files.exists(checked) ? Problem.Kind.REFUSED : Problem.Kind.NOT_FOUND,
                "cannot verify " + checked)
            .detail(e.getMessage())
            .because(e);
      }
    }

    private String trusted() {
      if (key != null) {
        Path file = file(key);
        return file == null ? key : Json.text(file).lines().findFirst().orElse("");
      }
      if (path != null && !home().exists()) {
        throw usage("--key is missing: what is checked cannot say itself whom to trust")
            .next("silo audit verify " + path + " --key VKEY");
      }
      if (path != null) {
        say("Trusting the key of the node in " + home().root() + ".");
      }
      return NodeHome.auditKey(home());
    }

    private static Path file(String text) {
      try {
        Path file = Path.of(text);
        return Files.isRegularFile(file) ? file : null;
      } catch (InvalidPathException notAPath) {
        return null;
      }
    }
  }

  @Command(
      name = "export",
      header = "Write the events of one job, with proofs, into a file for an auditor.",
      description = {
        "",
        "Example:",
        "  silo audit export --job J-1a2b3c4d --out job.zip",
        "",
        "The file holds the events word by word, a proof for each, the signed checkpoint and how to",
        "check all of it by hand. Of other jobs it tells nothing.",
      })
  static final class Export extends SiloCommand {
    @Option(names = "--job", required = true, paramLabel = "JOB", description = "The job.")
    String job;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "A new file.")
    Path out;

    @Override
    public Integer call() {
      home().load();
      if (Files.exists(out)) {
        throw Problem.refused(out + " exists already").next("remove it or choose another --out");
      }
      show(
          node().isRunning() ? fromNode() : fromFiles(),
          r ->
              console()
                  .print(
                      "%s events of %s in %s"
                          .formatted(
                              Format.count(r.path("events").asLong()),
                              job,
                              r.path("file").asText())));
      next("silo audit verify " + out, "elsewhere with --key and what silo audit key prints here");
      return 0;
    }

    /** The node's own export is an event of the log itself. */
    private JsonNode fromNode() {
      return ask(
          "audit.export", args().put("job", job).put("file", out.toAbsolutePath().toString()));
    }

    private JsonNode fromFiles() {
      try {
        JobExport.Exported exported = JobExport.write(home().audit(), job, out);
        return Json.object()
            .put("file", exported.file().toString())
            .put("events", exported.events())
            .put("checkpoint_size", exported.checkpointSize());
      } catch (IOException e) {
        throw Problem.refused("cannot export job " + job).detail(e.getMessage()).because(e);
      }
    }
  }

  @Command(
      name = "key",
      header = "Print the verifier key of this node's log, for auditors and partners.",
      description = {"", "Example:", "  silo audit key > bank.vkey"})
  static final class Key extends SiloCommand {
    @Override
    public Integer call() {
      home().load();
      String key = NodeHome.auditKey(home());
      return show(Json.object().put("key", key), r -> console().print(key));
    }
  }
}
