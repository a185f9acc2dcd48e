package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.AuditUnavailableException;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlServer;
import org.espalier.node.job.Job;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the command line may ask about the audit log while the node runs. */
final class AuditCommands {
  private static final Logger LOG = LoggerFactory.getLogger(AuditCommands.class);

  /** Bytes of an export in an event. */
  private static final int PIECE = 1 << 20;

  private final SiloHome home;
  private final AuditLog log;
  private final AuditJournal journal;
  private final People people;
  private final Witnesses witnesses;
  private final WitnessRequests witnessing;
  private final Reconciling reconciling;
  private final TimeStamps stamps;
  private final Recovery recovery;

  AuditCommands(
      SiloHome home,
      AuditLog log,
      AuditJournal journal,
      People people,
      Witnesses witnesses,
      WitnessRequests witnessing,
      Reconciling reconciling,
      TimeStamps stamps,
      Recovery recovery) {
    this.home = home;
    this.log = log;
    this.journal = journal;
    this.people = people;
    this.witnesses = witnesses;
    this.witnessing = witnessing;
    this.reconciling = reconciling;
    this.stamps = stamps;
    this.recovery = recovery;
  }

  void addTo(Map<String, ControlServer.Command> commands) {
    commands.put("audit.checkpoint", (args, events) -> journal.checkpoint());
    commands.put("audit.tail", (args, events) -> tail(new Args(args)));
    commands.put("audit.witness", (args, events) -> witness(new Args(args)));
    commands.put("audit.forget-witness", (args, events) -> forget(new Args(args)));
    commands.put("audit.reconcile", (args, events) -> reconciling.reconcile(new Args(args)));
    commands.put("audit.recover", (args, events) -> recovery.ask());
    commands.put("audit.stamp", (args, events) -> stamp(new Args(args)));
    commands.put("audit.verified", (args, events) -> verified());
    commands.put("audit.export", (args, events) -> export(new Args(args), events));
  }

  private JsonNode tail(Args args) {
    EventSearch search = EventSearch.of(args.json());
    ObjectNode result = Json.object();
    ArrayNode events = result.putArray("events");
    try {
      for (LoggedEvent event : search.in(log.reader())) {
        events.add(people.shown(event));
      }
    } catch (IOException e) {
      throw Problem.refused("the audit log cannot be read").detail(e.getMessage()).because(e);
    }
    try {
      journal.fact(EventType.AUDIT_REVIEWED, e -> e.actor(journal.operator()));
    } catch (Problem e) {
      // Reading must stay possible when writing is not: that is when it is needed most.
      LOG.error("that the audit log was read could not be logged", e);
    }
    return result;
  }

  /** What the verifier finds in the log now, by the node's own word. */
  private JsonNode verified() {
    long began = System.nanoTime();
    try {
      Verification found =
          Verifier.trusting(TrustedKey.parse(AuditKeys.verifierKey(home))).verify(home.audit());
      ObjectNode json = Json.object().put("ok", found.ok()).put("origin", found.origin());
      json.put("seconds", (System.nanoTime() - began) / 1e9);
      found.lines().forEach(json.putArray("lines")::add);
      return json;
    } catch (IOException e) {
      throw Problem.refused("the audit log cannot be read").detail(e.getMessage()).because(e);
    }
  }

  private JsonNode witness(Args args) {
    if (args.json().path("now").asBoolean()) {
      witnesses.askAll();
    }
    return witnesses.view();
  }

  private JsonNode stamp(Args args) {
    return args.json().path("now").asBoolean()
        ? journal.command("audit.stamp", Map.of(), stamps::now)
        : stamps.view();
  }

  /** Its log and its key as a witness are taken up anew, as if it had just become a partner. */
  private JsonNode forget(Args args) {
    Party party = args.party("partner");
    return journal.command(
        "audit.forget-witness",
        Map.of("partner", party.name()),
        () -> {
          try {
            boolean key = witnesses.forget(party);
            int logs = witnessing.forget(party);
            if (!key && logs == 0) {
              throw Problem.notFound("nothing is known of " + party + "'s log or key as a witness")
                  .next("silo audit witness");
            }
            return Json.object().put("partner", party.name()).put("key", key).put("logs", logs);
          } catch (IOException e) {
            throw Problem.refused("what is known of " + party + "'s log cannot be put aside")
                .detail(e.getMessage())
                .because(e);
          }
        });
  }

  /**
   * The export logs itself, so that an auditor can tell whether it is complete. Its bytes go out in
   * pieces before the answer: whoever asks may be another user than the node.
   */
  private JsonNode export(Args args, ControlServer.Events events) {
    String job = args.text("job");
    if (!job.matches(Job.ID)) {
      throw Args.usage("job is no job id");
    }
    JobExport.Partners said = reconciling.said(job);
    Path folder = null;
    try {
      folder = Files.createTempDirectory(home.work(), "export");
      Path file = folder.resolve("export.zip");
      JobExport.Exported exported =
          JobExport.write(
              log,
              job,
              file,
              e -> e.actor(journal.operator()),
              witnesses::signed,
              stamps::forExport,
              said);
      try (InputStream bytes = Files.newInputStream(file)) {
        for (byte[] piece = bytes.readNBytes(PIECE);
            piece.length > 0;
            piece = bytes.readNBytes(PIECE)) {
          events.send(Json.object().put("content", piece));
        }
      }
      ObjectNode result =
          Json.object()
              .put("events", exported.events())
              .put("checkpoint_size", exported.checkpointSize())
              .put("stamped", exported.stamped())
              .put("receipts", said.receipts().size());
      said.logs().keySet().forEach(result.putArray("partners")::add);
      said.leftOut().forEach(result.putArray("left_out")::add);
      return stamps.problem().isEmpty() ? result : result.put("problem", stamps.problem());
    } catch (IOException e) {
      throw Problem.refused("the events of job " + job + " cannot be exported")
          .detail(e.getMessage())
          .because(e);
    } catch (AuditUnavailableException e) {
      throw AuditJournal.unavailable(e);
    } finally {
      discard(folder);
    }
  }

  private static void discard(Path folder) {
    try {
      if (folder != null) {
        SiloHome.delete(folder);
      }
    } catch (IOException e) {
      LOG.warn("a copy of an export is left in {}", folder, e);
    }
  }
}
