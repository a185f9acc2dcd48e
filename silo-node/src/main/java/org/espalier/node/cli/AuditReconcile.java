package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import org.espalier.audit.verify.Reconciler;
import org.espalier.audit.verify.Reconciliation;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.node.Problem;
import org.espalier.node.daemon.NodeHome;
import org.espalier.wire.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "reconcile",
    header = "Hold this node's log against a partner's: what one of them lacks is named.",
    description = {
      "",
      "Examples:",
      "  silo audit reconcile                               with all partners",
      "  silo audit reconcile clinic.example --job J-1a2b3c4d",
      "  silo audit reconcile --mine bank.zip --key bank.vkey --theirs clinic.zip --key clinic.vkey",
      "                                                     two exports, without a node",
      "",
      "Of every shared job both logs must hold the same specification, decisions, attempts,",
      "conversations (by their hashes) and receipts. Names each event that is on one side only, or",
      "another, with its party and number.",
      "",
      "Exit codes: 0 nothing is missing, 10 not the same, 11 missing on one side, 13 the partner's log",
      "has two histories, 14 not signed by the known key, 7 a partner cannot be asked.",
    })
final class AuditReconcile extends SiloCommand {
  /** Gravest first, as in the verifier. */
  private static final List<Integer> GRAVITY = List.of(14, 13, 10, 11, 15, 12);

  @Parameters(
      arity = "0..1",
      paramLabel = "PARTNER",
      description = "Only this one (default: all that are confirmed).")
  String partner;

  @Option(names = "--job", paramLabel = "JOB", description = "Only this job.")
  String job;

  @Option(names = "--mine", paramLabel = "FILE", description = "This party's export of a job.")
  Path mine;

  @Option(
      names = "--theirs",
      paramLabel = "FILE",
      description = "The other party's export of the same job.")
  Path theirs;

  @Option(
      names = "--key",
      paramLabel = "VKEY",
      description =
          "The verifier keys of --mine and --theirs, in this order, or files with them (default: this"
              + " node's own, and the one under which it knows PARTNER's log).")
  List<String> keys = List.of();

  @Override
  public Integer call() {
    if (mine != null || theirs != null) {
      return offline();
    }
    if (!keys.isEmpty()) {
      throw usage("--key is for --mine and --theirs");
    }
    requireNode();
    ObjectNode args = args();
    if (partner != null) {
      args.put("partner", partner);
    }
    if (job != null) {
      args.put("job", job);
    }
    JsonNode all = ask("audit.reconcile", args);
    show(all, this::print);
    int code = 0;
    for (JsonNode result : all.path("results")) {
      code =
          graver(
              code,
              result.has("problem")
                  ? Problem.Kind.PARTNER.exitCode()
                  : result.path("exit_code").asInt());
    }
    return code;
  }

  private static int graver(int one, int other) {
    for (int code : GRAVITY) {
      if (one == code || other == code) {
        return code;
      }
    }
    return Math.max(one, other);
  }

  private void print(JsonNode all) {
    for (JsonNode result : all.path("results")) {
      String theirs = Printable.of(result.path("theirs").asText());
      if (result.has("problem")) {
        console()
            .print(
                "%s: not compared: %s"
                    .formatted(theirs, Printable.of(result.at("/problem/what").asText())));
        continue;
      }
      console()
          .print(
              "%s: %s, %d shared jobs, %d events on both sides"
                  .formatted(
                      theirs,
                      result.path("ok").asBoolean()
                          ? "OK"
                          : "NOT OK, " + result.path("verdict").asText(),
                      result.path("jobs").asInt(),
                      result.path("compared").asInt()));
      for (JsonNode difference : result.path("differences")) {
        String of = difference.path("job").asText();
        console()
            .print(
                "- "
                    + (of.isEmpty() ? "" : "job " + of + ": ")
                    + Printable.of(difference.path("text").asText()));
      }
      result.path("notes").forEach(note -> console().print("note: " + Printable.of(note.asText())));
    }
    if (all.path("results").isEmpty()) {
      say("There is no confirmed partner: silo partner list");
    }
  }

  private int offline() {
    if (mine == null || theirs == null || job != null) {
      throw usage("--mine and --theirs go together, and name the job themselves");
    }
    if (keys.size() != 2 && !(keys.isEmpty() && partner != null)) {
      throw usage("--key is needed twice: what is checked cannot say itself whom to trust")
          .next("silo audit reconcile --mine FILE --key VKEY --theirs FILE --key VKEY");
    }
    try {
      Reconciliation result =
          Reconciler.bundles(
              mine,
              TrustedKey.parse(
                  keys.isEmpty()
                      ? NodeHome.auditKey(home())
                      : AuditCommands.Verify.keyText(keys.get(0))),
              theirs,
              TrustedKey.parse(
                  keys.isEmpty() ? known() : AuditCommands.Verify.keyText(keys.get(1))),
              Clock.systemUTC());
      show(result.toJson(), r -> result.lines().forEach(console()::print));
      return result.verdict().exitCode();
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage()).because(e);
    } catch (IOException e) {
      Path missing = Files.exists(mine) ? theirs : mine;
      throw Problem.of(
              Files.exists(missing) ? Problem.Kind.REFUSED : Problem.Kind.NOT_FOUND,
              "cannot read " + missing)
          .detail(e.getMessage())
          .because(e);
    }
  }

  private String known() {
    for (JsonNode log : NodeHome.witnesses(home()).path("logs")) {
      if (log.path("log").asText().startsWith(partner + "/")) {
        return log.path("key").asText();
      }
    }
    throw Problem.notFound("this node knows no log of " + partner).next("silo audit witness");
  }
}
