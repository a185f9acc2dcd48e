package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "prune",
    header = "Remove the oldest events of the audit log, when their time is over.",
    description = {
      "",
      "Examples:",
      "  silo audit prune --keep 2190d                     six years",
      "  silo audit prune --before 2031-01-01 --dry-run",
      "  silo audit prune --yes                            by audit.retention in silo.yaml, for scripts",
      "",
      "Whole bundles of 256 events go from the beginning, whole jobs only, and none of a job that has not",
      "ended. Hashes stay: the log, proofs and partners' signatures still verify, and an event declares",
      "what was removed. What limits still count is kept word by word. The node must run.",
    })
final class AuditPrune extends SiloCommand {
  @Option(
      names = "--keep",
      paramLabel = "DAYS",
      description =
          "Keep events of so many days, such as 2190d; at least 100d and audit.retention.")
  String keep;

  @Option(names = "--before", paramLabel = "DATE", description = "Remove what is older (UTC).")
  String before;

  @Option(
      names = "--reason",
      paramLabel = "CODE",
      description = "A code that goes into the log (default: retention.expired).")
  String reason;

  @Option(names = "--dry-run", description = "Only say what would be removed.")
  boolean dryRun;

  @Option(names = "--yes", description = "Do not ask.")
  boolean yes;

  @Override
  public Integer call() {
    if (keep != null && before != null) {
      throw usage("--keep or --before, not both");
    }
    JsonNode plan = ask("audit.prune", request().put("plan", true));
    long removed = plan.path("removed").asLong();
    if (dryRun || removed == 0) {
      return show(
          plan,
          r ->
              console()
                  .print(
                      (removed == 0
                              ? "There is nothing to remove"
                              : "%s events would be removed, up to event %d"
                                  .formatted(Format.count(removed), r.path("first").asLong() - 1))
                          + ", in whole bundles of 256: %s."
                              .formatted(r.path("blocked").asText())));
    }
    confirm(
        "%s events from before %s will be gone for good."
            .formatted(Format.count(removed), plan.path("before").asText()),
        "prune",
        yes,
        "silo audit prune" + given(" --keep ", keep) + given(" --before ", before));
    show(
        ask("audit.prune", request()),
        r ->
            console()
                .print(
                    "%s events are removed; the log begins with event %d. Kept for limits: %s."
                        .formatted(
                            Format.count(r.path("removed").asLong()),
                            r.path("first").asLong(),
                            Format.count(r.path("kept").asLong()))));
    next("silo audit verify");
    return 0;
  }

  private ObjectNode request() {
    return args().put("keep", keep).put("before", before).put("reason", reason);
  }

  private static String given(String option, String value) {
    return value == null ? "" : option + value;
  }
}
