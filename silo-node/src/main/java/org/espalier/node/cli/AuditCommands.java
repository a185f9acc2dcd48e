package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.EventQuery;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.log.PersonStore;
import org.espalier.audit.report.EventExport;
import org.espalier.audit.verify.TimeStampTrust;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.audit.verify.WitnessPolicy;
import org.espalier.node.Build;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.daemon.EventSearch;
import org.espalier.node.daemon.NodeHome;
import org.espalier.node.page.Format;
import org.espalier.wire.Printable;
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
      "  silo audit witness                                 who has signed this log",
      "  silo audit reconcile                               holds it against the partners' logs",
      "  silo audit key > bank.vkey",
      "  silo audit verify job.zip --key bank.vkey          at the auditor, without a node",
    },
    subcommands = {
      AuditCommands.Tail.class,
      AuditCommands.Verify.class,
      AuditCommands.Export.class,
      AuditCommands.Key.class,
      AuditCommands.Witness.class,
      AuditReconcile.class,
      AuditCommands.Stamp.class,
      AuditRecover.class,
      AuditRotateKey.class,
      AuditReport.class,
      AuditErase.class,
      AuditPrune.class,
    })
final class AuditCommands extends GroupCommand {

  @Command(
      name = "tail",
      header = "Print the newest events, or those that are looked for.",
      description = {
        "",
        "Examples:",
        "  silo audit tail",
        "  silo audit tail --count 100 --job J-1a2b3c4d",
        "  silo audit tail --type job. --json",
        "  silo audit tail --seq 4711                          all of the event with this number",
        "  silo audit tail --since 2031-01-30 --until 2031-01-31 --partner clinic.example",
        "  silo audit tail /mnt/copy/audit --seq 4711          of a copy of a log, without a node",
        "",
        "While the node runs, that somebody read its log is an event as well. What several options",
        "say must all hold; of what is found the newest are shown.",
      })
  static final class Tail extends SiloCommand {
    @Parameters(
        arity = "0..1",
        paramLabel = "PATH",
        description = "Folder of a log (default: this node's). Names of people are not in a copy.")
    Path path;

    @Option(
        names = {"-n", "--count"},
        paramLabel = "N",
        description = "How many (default: 20).")
    Integer count;

    @Option(
        names = "--seq",
        paramLabel = "N",
        description = "Only the event with this number, as it is stored; the first has 0.")
    Long seq;

    @Option(
        names = "--type",
        paramLabel = "TYPE",
        description = "Only this type, or all of a group such as job. with the dot.")
    String type;

    @Option(names = "--job", paramLabel = "JOB", description = "Only events of this job.")
    String job;

    @Option(
        names = "--partner",
        paramLabel = "PARTNER",
        description = "Only events that name this partner.")
    String partner;

    @Option(
        names = "--outcome",
        paramLabel = "OUTCOME",
        description = "Only what ended so: ok, denied, failed or aborted.")
    String outcome;

    @Option(
        names = "--since",
        paramLabel = "WHEN",
        description = "From then on: a day, which is its beginning, or a time (UTC).")
    String since;

    @Option(names = "--until", paramLabel = "WHEN", description = "Before then, likewise.")
    String until;

    @Option(
        names = "--text",
        paramLabel = "TEXT",
        description = "Only events in which it stands anywhere, in any case.")
    String text;

    @Override
    public Integer call() {
      Stream<Object> others = Stream.of(count, type, job, partner, outcome, since, until, text);
      if (seq != null && others.anyMatch(Objects::nonNull)) {
        throw usage("--seq names one event; give it alone");
      }
      JsonNode result =
          path == null && node().isRunning() ? ask("audit.tail", wanted()) : fromFiles();
      return show(
          result,
          r -> {
            for (JsonNode event : r.path("events")) {
              if (seq == null) {
                console().print(line(event));
              } else {
                Json.pretty(event).lines().forEach(console()::print);
              }
            }
            if (r.path("events").isEmpty()) {
              say("No such events.");
            }
          });
    }

    private ObjectNode wanted() {
      ObjectNode wanted = args();
      Stream.of(
              Map.entry("count", Optional.ofNullable(count)),
              Map.entry("seq", Optional.ofNullable(seq)),
              Map.entry("type", Optional.ofNullable(type)),
              Map.entry("job", Optional.ofNullable(job)),
              Map.entry("partner", Optional.ofNullable(partner)),
              Map.entry("outcome", Optional.ofNullable(outcome)),
              Map.entry("since", Optional.ofNullable(since)),
              Map.entry("until", Optional.ofNullable(until)),
              Map.entry("text", Optional.ofNullable(text)))
          .forEach(
              option ->
                  option
                      .getValue()
                      .ifPresent(value -> wanted.set(option.getKey(), Json.tree(value))));
      return wanted;
    }

    private JsonNode fromFiles() {
      EventSearch search = EventSearch.of(wanted());
      if (path == null) {
        home().load();
      }
      LogReader reader = open(path == null ? home().audit() : path);
      ObjectNode result = Json.object();
      ArrayNode events = result.putArray("events");
      try {
        List<LoggedEvent> found = search.in(reader);
        if (path == null) {
          PersonStore people = PersonStore.open(home().people());
          found.forEach(event -> events.add(people.shown(event).json()));
        } else {
          found.forEach(event -> events.add(event.json()));
        }
      } catch (IOException e) {
        throw Problem.refused("the audit log cannot be read").detail(e.getMessage()).because(e);
      }
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
        "  silo audit verify --policy bank.policy              asks also for partners' signatures",
        "  silo audit verify --seen bank.checkpoint            that a partner keeps of this log",
        "  silo audit verify --tsa tsa.pem                     asks also for time stamps",
        "  silo audit verify job.zip --key bank.vkey --partner clinic.vkey   and for the clinic's log",
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

    @Option(
        names = "--policy",
        paramLabel = "FILE",
        description =
            "Witnesses to ask for, as silo audit witness --policy prints them; names the key too.")
    Path policy;

    @Option(
        names = "--grace",
        paramLabel = "HOURS",
        description =
            "How old events may be without having been seen by as many witnesses as the policy"
                + " asks for (default: 24).")
    int grace = 24;

    @Option(
        names = "--tsa",
        paramLabel = "FILE",
        description =
            "PEM file with certificates of time-stamping authorities to trust, and lists of revoked"
                + " ones: asks for their time stamps as well.")
    Path tsa;

    @Option(
        names = "--partner",
        paramLabel = "VKEY",
        description =
            "The verifier key of a partner's log, or a file with it: an export must hold what that log"
                + " says of the same conversations. May be given several times.")
    List<String> partners = List.of();

    @Option(
        names = "--seen",
        paramLabel = "FILE",
        description =
            "A checkpoint of the log that somebody else keeps: the log must continue it."
                + " May be given several times.")
    List<Path> seen = List.of();

    @Override
    public Integer call() {
      if (grace < 0) {
        throw usage("--grace is a number of hours");
      }
      Path checked = path == null ? home().audit() : path;
      if (path == null) {
        home().load();
        if (node().isRunning()) {
          ask("audit.checkpoint", args());
        }
      }
      try {
        WitnessPolicy witnesses = policy == null ? null : WitnessPolicy.parse(bytes(policy));
        Verifier verifier =
            Verifier.trusting(
                witnesses == null || key != null
                    ? TrustedKey.parse(trusted())
                    : witnesses.onlyLog());
        if (witnesses != null) {
          verifier = verifier.witnessed(witnesses, Duration.ofHours(grace));
        }
        if (tsa != null) {
          verifier = verifier.stamped(TimeStampTrust.parse(bytes(tsa)));
        }
        verifier = verifier.against(seen.stream().map(Verify::bytes).toList());
        verifier = verifier.withPartners(partners.stream().map(this::key).toList());
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
        return keyText(key);
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

    private TrustedKey key(String text) {
      return TrustedKey.parse(keyText(text));
    }

    /** A key, or the first line of the file that holds it. */
    static String keyText(String key) {
      Path file = file(key);
      return file == null ? key : Json.text(file).lines().findFirst().orElse("");
    }

    private static byte[] bytes(Path file) {
      return Json.text(file).getBytes(StandardCharsets.UTF_8);
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
        "Examples:",
        "  silo audit export --job J-1a2b3c4d --out job.zip",
        "  silo audit export --format fhir --out events.json     all events as FHIR AuditEvents",
        "  silo audit export --format ocsf --job J-1a2b3c4d --out events.ndjson",
        "  silo audit export --format cef --out events.cef",
        "",
        "Without --format: for auditors. The file holds the events word by word, a proof for each, the",
        "signed checkpoint and how to check all of it by hand. Of other jobs it tells nothing.",
        "While the node runs also the receipts that the parties signed, and what the logs of partners",
        "that are connected hold of the job, for silo audit verify --partner.",
      })
  static final class Export extends SiloCommand {
    @Option(
        names = "--job",
        paramLabel = "JOB",
        description = "The job; may be left out with --format.")
    String job;

    @Option(
        names = "--format",
        paramLabel = "FORMAT",
        description =
            "Events for other systems, without proofs: fhir (HL7 FHIR R4 AuditEvent), ocsf or cef.")
    String format;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "A new file.")
    Path out;

    @Option(
        names = "--frozen",
        paramLabel = "N",
        description = "From the log audit.frozen-N, which this node's log continues.")
    Integer frozen;

    @Override
    public Integer call() {
      requireNode();
      if (Files.exists(out)) {
        throw Problem.refused(out + " exists already").next("remove it or choose another --out");
      }
      if (format != null) {
        return converted();
      }
      if (job == null) {
        throw usage("--job is missing");
      }
      show(
          frozen == null && node().isRunning() ? fromNode() : fromFiles(),
          r -> {
            console()
                .print(
                    "%s events of %s in %s"
                            .formatted(
                                Format.count(r.path("events").asLong()),
                                job,
                                r.path("file").asText())
                        + receipts(r));
            r.path("left_out").forEach(what -> console().print("left out: " + what.asText()));
          });
      next("silo audit verify " + out, "elsewhere with --key and what silo audit key prints here");
      return 0;
    }

    private static String receipts(JsonNode exported) {
      long receipts = exported.path("receipts").asLong();
      List<String> logs = new ArrayList<>();
      exported.path("partners").forEach(partner -> logs.add(partner.asText()));
      return receipts == 0
          ? "; without receipts"
          : "; %s receipts; %s"
              .formatted(
                  Format.count(receipts),
                  logs.isEmpty()
                      ? "no partner's log"
                      : "proven by the log of " + String.join(", ", logs));
    }

    /** Reads files only, so that a collector can do it beside the node. */
    private int converted() {
      EventExport wanted =
          EventExport.of(format).orElseThrow(() -> usage("--format is fhir, ocsf or cef"));
      StringWriter text = new StringWriter();
      int count = 0;
      try {
        List<LogReader> logs =
            frozen == null
                ? List.of(LogReader.open(home().audit()))
                : List.of(LogReader.open(home().frozenAudit(frozen)));
        List<LoggedEvent> events = new ArrayList<>();
        for (LogReader log : logs) {
          events.addAll(
              log.search(
                  0, Integer.MAX_VALUE, job == null ? EventQuery.ALL : EventQuery.ofJob(job)));
        }
        PersonStore people = PersonStore.open(home().people());
        events.replaceAll(people::shown);
        count = events.size();
        wanted.write(
            new EventExport.Source(
                logs.get(0).origin(), home().load().name().name(), Build.version(), Instant.now()),
            events,
            text);
      } catch (IOException e) {
        throw Problem.refused("the audit log cannot be read").detail(e.getMessage()).because(e);
      }
      AuditReport.write(out, text.toString());
      int events = count;
      return show(
          Json.object().put("file", out.toString()).put("events", events),
          r -> console().print("%s events in %s".formatted(Format.count(events), out)));
    }

    /** The node's own export is an event of the log itself. */
    private JsonNode fromNode() {
      boolean whole = false;
      try (OutputStream file = Files.newOutputStream(out, StandardOpenOption.CREATE_NEW)) {
        ObjectNode asked = args().put("job", job);
        JsonNode result = node().call("audit.export", asked, piece -> append(file, piece));
        whole = true;
        return ((ObjectNode) result).put("file", out.toAbsolutePath().toString());
      } catch (IOException | UncheckedIOException e) {
        throw Problem.refused("cannot write " + out).detail(e.getMessage()).because(e);
      } finally {
        if (!whole) {
          discard(out);
        }
      }
    }

    private static void discard(Path part) {
      try {
        Files.deleteIfExists(part);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void append(OutputStream file, JsonNode piece) {
      try {
        file.write(piece.path("content").binaryValue());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private JsonNode fromFiles() {
      try {
        Path log = frozen == null ? home().audit() : home().frozenAudit(frozen);
        JobExport.Exported exported = JobExport.write(log, job, out);
        return Json.object()
            .put("file", exported.file().toString())
            .put("events", exported.events())
            .put("checkpoint_size", exported.checkpointSize())
            .put("stamped", exported.stamped());
      } catch (IOException e) {
        throw Problem.refused("cannot export job " + job).detail(e.getMessage()).because(e);
      }
    }
  }

  @Command(
      name = "stamp",
      header = "Show how far a time-stamping authority has stamped this node's log.",
      description = {
        "",
        "Examples:",
        "  silo audit stamp",
        "  silo audit stamp --now                             asks for one now, and waits",
        "",
        "The authority is named in silo.yaml, audit: {timestamps: {url: ..., certificates: tsa.pem}}.",
        "The node asks it by itself after every job and once a day. It sees a hash only.",
      })
  static final class Stamp extends SiloCommand {
    @Option(names = "--now", description = "Ask for a time stamp of the log as it is.")
    boolean now;

    @Override
    public Integer call() {
      requireNode();
      JsonNode view =
          now || node().isRunning()
              ? ask("audit.stamp", args().put("now", now))
              : NodeHome.stamps(home());
      return show(
          view,
          r -> {
            console()
                .print(
                    r.has("size")
                        ? "The first %s events have a time stamp."
                            .formatted(Format.count(r.path("size").asLong()))
                        : "The log has no time stamp.");
            if (r.has("problem")) {
              say("The newest attempt failed: " + Printable.of(r.path("problem").asText()));
            } else if (r.has("configured") && !r.path("configured").asBoolean()) {
              say("No authority is named: audit.timestamps in silo.yaml");
            }
          });
    }
  }

  @Command(
      name = "key",
      header = "Print the verifier key of this node's log, for auditors and partners.",
      description = {"", "Example:", "  silo audit key > bank.vkey"})
  static final class Key extends SiloCommand {
    @Override
    public Integer call() {
      requireNode();
      String key = NodeHome.auditKey(home());
      return show(Json.object().put("key", key), r -> console().print(key));
    }
  }

  @Command(
      name = "witness",
      header =
          "Show who has signed how far this node's log has come, and whose logs this node signs.",
      description = {
        "",
        "Examples:",
        "  silo audit witness",
        "  silo audit witness --now                            asks all partners now",
        "  silo audit witness --policy 1 > bank.policy         for silo audit verify --policy",
        "  silo audit witness --seen clinic.example > clinic.checkpoint",
        "                                                      for the clinic's auditor: verify --seen",
        "  silo audit witness --forget clinic.example          after the clinic had to begin a new log",
        "",
        "Confirmed partners' nodes sign each other's checkpoints by themselves, after each job and",
        "every hour. They see sizes and hashes only.",
      })
  static final class Witness extends SiloCommand {
    @Option(names = "--now", description = "Ask all partners that are connected, and wait.")
    boolean now;

    @Option(
        names = "--policy",
        paramLabel = "K",
        description = "Print a C2SP tlog-policy: so many of the known witnesses must have signed.")
    Integer policy;

    @Option(
        names = "--seen",
        paramLabel = "PARTNER",
        description = "Print the newest checkpoint that this node has signed of a partner's log.")
    String seen;

    @Option(
        names = "--forget",
        paramLabel = "PARTNER",
        description =
            "Take up a partner's log and key anew. Only after its operator has told why, by another"
                + " way: whoever rewrites a log needs just this.")
    String forget;

    @Override
    public Integer call() {
      requireNode();
      if (Stream.of(now ? now : null, policy, seen, forget).filter(Objects::nonNull).count() > 1) {
        throw usage("only one of --now, --policy, --seen and --forget");
      }
      if (forget != null) {
        return show(
            ask("audit.forget-witness", args().put("partner", forget)),
            r -> say("The log and the key of " + forget + " are taken up anew."));
      }
      JsonNode view =
          now || node().isRunning()
              ? ask("audit.witness", args().put("now", now))
              : NodeHome.witnesses(home());
      if (policy != null) {
        String text = policy(view, policy);
        return show(Json.object().put("policy", text), r -> text.lines().forEach(console()::print));
      }
      if (seen != null) {
        String note = checkpoint(view, seen);
        return show(
            Json.object().put("checkpoint", note), r -> note.lines().forEach(console()::print));
      }
      return show(view, this::print);
    }

    private void print(JsonNode view) {
      Table table = new Table("WITNESS", "SIGNED EVENTS", "AT", "");
      for (JsonNode partner : view.path("partners")) {
        table.row(
            partner.path("partner").asText(),
            partner.has("size") ? Format.count(partner.path("size").asLong()) : "-",
            partner.path("time").asText("-"),
            partner.path("problem").asText(""));
      }
      if (view.path("partners").isEmpty()) {
        say("No partner has signed this node's log: silo partner list");
      } else {
        table.print(console());
      }
      for (JsonNode log : view.path("logs")) {
        console()
            .print(
                "This node has signed %s events of %s."
                    .formatted(Format.count(log.path("size").asLong()), log.path("log").asText()));
      }
    }

    /** Such as an auditor gives to a verifier, once compared with what the partners say. */
    private String policy(JsonNode view, int least) {
      StringBuilder text = new StringBuilder("log " + view.path("log").asText() + "\n");
      List<String> names = new ArrayList<>();
      for (JsonNode partner : view.path("partners")) {
        if (partner.has("key")) {
          names.add(partner.path("partner").asText());
          text.append(
              "witness %s %s\n"
                  .formatted(names.get(names.size() - 1), partner.path("key").asText()));
        }
      }
      if (least < 1 || least > names.size()) {
        throw usage("--policy is 1 to %d, as many witnesses are known".formatted(names.size()))
            .next("silo audit witness --now");
      }
      return text
          + "group partners %d %s\nquorum partners".formatted(least, String.join(" ", names));
    }

    private static String checkpoint(JsonNode view, String partner) {
      String newest = null;
      for (JsonNode log : view.path("logs")) {
        if (log.path("log").asText().startsWith(partner + "/")
            && !log.path("checkpoint").asText().isEmpty()) {
          newest = log.path("checkpoint").asText();
        }
      }
      if (newest == null) {
        throw Problem.notFound("this node has signed no checkpoint of " + partner)
            .next("silo audit witness");
      }
      return newest.stripTrailing();
    }
  }
}
