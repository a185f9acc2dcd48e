package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "erase",
    header = "Destroy what tells who a person in the audit log was.",
    description = {
      "",
      "Examples:",
      "  silo audit erase anna --reason request",
      "  silo audit erase anna@clinic.example --reason request    a partner's person",
      "  silo audit erase uid-1000 --reason left --yes            for scripts",
      "",
      "The log holds pseudonyms; the key that says whose one is, is destroyed, and an event says that",
      "it was. No event changes: the log still verifies, here and at partners. Events show 'erased'",
      "from then on. Other things that hold a name are named in docs/audit.md. The node must run.",
    })
final class AuditErase extends SiloCommand {
  @Parameters(
      paramLabel = "PERSON",
      description = "As silo audit tail shows it; of a partner NAME@PARTNER.")
  String person;

  @Option(
      names = "--reason",
      required = true,
      paramLabel = "CODE",
      description = "A code that goes into the log, such as request; no name.")
  String reason;

  @Option(names = "--yes", description = "Do not ask.")
  boolean yes;

  @Override
  public Integer call() {
    JsonNode plan = ask("audit.erase", args().put("person", person).put("plan", true));
    confirm(
        "%s events will not show any more who %s was. This cannot be undone."
            .formatted(Format.count(plan.path("events").asLong()), person),
        person,
        yes,
        "silo audit erase " + person + " --reason " + reason);
    return show(
        ask("audit.erase", args().put("person", person).put("reason", reason)),
        r -> {
          console()
              .print(
                  "%s is erased from %s events."
                      .formatted(person, Format.count(r.path("events").asLong())));
          if (r.path("clear").asLong() > 0) {
            say(
                "%s older events hold the identifier itself: only silo audit prune removes them."
                    .formatted(Format.count(r.path("clear").asLong())));
          }
          say(
              "Backups made before hold the key: destroy them, or restore them with this log only.");
        });
  }
}
