package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.daemon.NodeHome;
import org.espalier.node.page.Format;
import org.espalier.wire.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "recover",
    header = "After the end of the log was lost: see how far partners saw it, and begin a new one.",
    description = {
      "",
      "Examples:",
      "  silo audit recover                                 asks partners; the node runs",
      "  silo audit recover --begin --reason disk.lost --operator op-17 --operator op-4",
      "                                                     the node is stopped",
      "  silo audit recover --begin --seen bank.checkpoint --reason disk.lost --operator op-17 ...",
      "                                                     from a partner's silo audit witness --seen",
      "",
      "The log that is left is frozen in audit.frozen-N and its private key destroyed: going on under its",
      "name would sign two histories. The new log has the next number and another key; its first event",
      "says how far the old one goes here, and how far a partner had seen it. Limits count what both hold.",
    })
final class AuditRecover extends NextLog {
  @Option(names = "--begin", description = "Freeze what is left and begin the new log.")
  boolean begin;

  @Option(
      names = "--reason",
      paramLabel = "CODE",
      description = "Why, as a code such as disk.lost or backup.restored.")
  String reason;

  @Option(
      names = "--seen",
      paramLabel = "FILE",
      description = "A checkpoint of this log that a partner keeps. May be given several times.")
  List<Path> seen = List.of();

  @Override
  public Integer call() {
    home().load();
    if (!begin) {
      if (reason != null || !operators.isEmpty() || !seen.isEmpty()) {
        throw usage("--reason, --operator and --seen are for --begin");
      }
      return asked();
    }
    if (reason == null || operators.size() != 2) {
      throw usage("--begin needs --reason, and --operator twice");
    }
    List<byte[]> notes = new ArrayList<>();
    for (Path file : seen) {
      try {
        notes.add(Files.readAllBytes(file));
      } catch (IOException e) {
        throw Problem.notFound("cannot read " + file).detail(e.getMessage()).because(e);
      }
    }
    confirm(
        "The log in " + home().audit() + " is frozen for ever and its private key destroyed.",
        "freeze",
        yes,
        "silo audit recover --begin");
    return begun(
        NodeHome.recover(home(), notes, reason, operators),
        "and give the new key to partners and auditors");
  }

  private int asked() {
    JsonNode result = ask("audit.recover", args());
    show(
        result,
        r -> {
          console()
              .print(
                  "%s has %s events here."
                      .formatted(r.path("origin").asText(), Format.count(r.path("size").asLong())));
          Table table = new Table("PARTNER", "HAS SEEN", "");
          for (JsonNode partner : r.path("partners")) {
            table.row(
                partner.path("partner").asText(),
                partner.has("size") ? Format.count(partner.path("size").asLong()) : "-",
                Printable.of(partner.path("problem").asText("")));
          }
          if (!table.isEmpty()) {
            table.print(console());
          }
        });
    if (result.path("behind").asBoolean()) {
      say("The end of this log is lost, or it was written anew. Keep the folder as it is first.");
      next(
          "silo audit recover --begin --reason disk.lost --operator ID --operator ID",
          "with the node stopped");
      return Problem.Kind.WRONG_STATE.exitCode();
    }
    say("The log here holds all that partners have seen.");
    return 0;
  }
}
