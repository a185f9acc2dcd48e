package org.espalier.node.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonKey;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "person",
    header = "Make the key with which a person signs proposals and approvals.",
    description = {
      "",
      "Examples:",
      "  silo person create alice --role privacy_officer --key alice.key",
      "  silo job approve J-1a2b3c4d --as alice --key alice.key",
      "",
      "A policy may ask for such signatures: approval.needs in policy.yaml.",
    },
    subcommands = PersonCommands.Create.class)
final class PersonCommands extends GroupCommand {

  @Command(
      name = "create",
      header = "Make a person's key, on the person's own machine. Needs no node.",
      description = {
        "",
        "Examples:",
        "  silo person create alice --role privacy_officer --key alice.key",
        "  silo person create bob --role data_steward --role scientist --key bob.key"
            + " --passphrase-file bob.pass",
        "",
        "The file is an encrypted private key (PKCS#8) that stays with the person. What is printed",
        "goes into the policy of the node, which then knows whose signature it is.",
        "Roles: operator, data_steward, privacy_officer, scientist, auditor.",
      })
  static final class Create extends SiloCommand {
    private static final int SHORTEST = 12;

    @Parameters(paramLabel = "NAME", description = "A pseudonym: partners and logs will see it.")
    String name;

    @Option(
        names = "--role",
        required = true,
        paramLabel = "ROLE",
        description = "What the person signs as; may be repeated.")
    List<Role> roles;

    @Option(
        names = "--key",
        required = true,
        paramLabel = "FILE",
        description = "The new key file.")
    Path key;

    @Option(
        names = "--passphrase-file",
        paramLabel = "FILE",
        description = "Where the passphrase is (default: it is asked for).")
    Path passphraseFile;

    @Override
    public Integer call() {
      String text = passphraseFile == null ? typed() : PersonKey.generate(key, passphraseFile);
      ObjectNode person = Json.object();
      roles.stream().distinct().forEach(role -> person.withArray("roles").add(role.code()));
      person.put("key", text);
      ObjectNode result = Json.object();
      result.putObject("people").set(name, person);
      result.put("file", key.toString());
      show(
          result,
          r -> {
            ObjectNode people = Json.object();
            people.set("people", r.path("people"));
            console().out().print(Json.toYaml(people).replaceFirst("^---\n", ""));
            say("The key is in " + key + "; it and its passphrase stay with " + name + ".");
          });
      next("silo policy apply", "when the lines above are in policy.yaml of the node");
      return 0;
    }

    private String typed() {
      char[] first = SignAs.ask(this, "A passphrase of %d characters or more:".formatted(SHORTEST));
      char[] second = SignAs.ask(this, "The same again:");
      try {
        if (first.length < SHORTEST) {
          throw Problem.refused("the passphrase has fewer than " + SHORTEST + " characters");
        }
        if (!Arrays.equals(first, second)) {
          throw Problem.refused("these were two different passphrases; no key was made");
        }
        return PersonKey.generate(key, first);
      } finally {
        Arrays.fill(first, '\0');
        Arrays.fill(second, '\0');
      }
    }
  }
}
