package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "doctor",
    header = "Check this machine, the node and the links; says how to mend what is wrong.",
    description = {
      "",
      "Examples:",
      "  silo doctor",
      "  silo doctor insurer.example            the link to one partner, in both directions",
      "",
      "Exit code 4 if a check fails.",
    })
final class DoctorCommand extends SiloCommand {
  private static final long LOW_DISK = 1L << 30;
  private static final String FAIL = "fail";

  @Parameters(arity = "0..1", paramLabel = "PARTNER", description = "A partner to measure.")
  String partner;

  @Override
  public Integer call() {
    ObjectNode args = args();
    if (partner != null) {
      args.put("partner", partner);
    }
    JsonNode result;
    if (!isOwner() || node().isRunning()) {
      result = ask("doctor", args);
    } else if (partner != null) {
      throw Problem.of(Problem.Kind.NODE_DOWN, "the node in " + home().root() + " is not running")
          .next(withHome("silo node start --background"));
    } else {
      result = withoutNode();
    }
    show(result, this::print);
    for (JsonNode check : result.path("checks")) {
      if (check.path("level").asText().equals(FAIL)) {
        return Problem.Kind.REFUSED.exitCode();
      }
    }
    return 0;
  }

  private void print(JsonNode result) {
    Table table = new Table("", "CHECK", "RESULT");
    for (JsonNode check : result.path("checks")) {
      Object mark =
          switch (check.path("level").asText()) {
            case "pass" -> Table.colored("PASS", console()::good);
            case "warn" -> Table.colored("WARN", console()::warning);
            default -> Table.colored("FAIL", console()::bad);
          };
      table.row(mark, check.path("name").asText(), check.path("text").asText());
      if (check.hasNonNull("fix")) {
        table.row("", "", "fix: " + check.path("fix").asText());
      }
    }
    table.print(console());
  }

  /** What can be said of a node that does not run. */
  private ObjectNode withoutNode() {
    ObjectNode result = Json.object();
    ArrayNode checks = result.putArray("checks");
    SiloHome home = home();
    check(checks, "java", "pass", "Java " + Runtime.version(), null);
    if (!home.exists()) {
      check(
          checks,
          "folder",
          FAIL,
          "no node in " + home.root(),
          withHome("silo init --name NAME --listen HOST:PORT"));
      return result;
    }
    folder(checks, home);
    try {
      home.load();
      check(checks, "configuration", "pass", home.config().toString(), null);
    } catch (Problem e) {
      check(checks, "configuration", FAIL, e.what(), "correct " + home.config());
    }
    check(checks, "node", FAIL, "not running", withHome("silo node start --background"));
    return result;
  }

  private static void folder(ArrayNode checks, SiloHome home) {
    try {
      Set<PosixFilePermission> open = EnumSet.copyOf(Files.getPosixFilePermissions(home.root()));
      open.removeAll(
          EnumSet.of(
              PosixFilePermission.OWNER_READ,
              PosixFilePermission.OWNER_WRITE,
              PosixFilePermission.OWNER_EXECUTE));
      if (open.isEmpty()) {
        check(checks, "folder", "pass", home.root() + ", for its owner only", null);
      } else {
        check(
            checks,
            "folder",
            FAIL,
            home.root() + " can be read by others",
            "chmod 700 " + home.root());
      }
      long free = Files.getFileStore(home.root()).getUsableSpace();
      boolean low = free < LOW_DISK;
      check(
          checks,
          "disk",
          low ? "warn" : "pass",
          Format.bytes(free) + " free",
          low ? "make room: jobs and the audit log need it" : null);
    } catch (IOException e) {
      check(checks, "folder", FAIL, "cannot be read", "see who owns " + home.root());
    }
  }

  private static void check(ArrayNode checks, String name, String level, String text, String fix) {
    ObjectNode check = checks.addObject().put("name", name).put("level", level).put("text", text);
    if (fix != null) {
      check.put("fix", fix);
    }
  }
}
