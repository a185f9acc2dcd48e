package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import org.espalier.node.daemon.NodeHome;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "keys",
    header = "Have the node's keys sealed by a hardware security module.",
    description = {
      "",
      "Example:",
      "  silo keys seal                        after keys.pkcs11 was added to silo.yaml",
    },
    subcommands = {KeysCommands.Seal.class})
final class KeysCommands extends GroupCommand {

  @Command(
      name = "seal",
      header = "Seal the passphrase of the key files by a key in a PKCS#11 token.",
      description = {
        "",
        "Examples:",
        "  silo keys seal",
        "  silo keys seal --yes                  for scripts",
        "",
        "The node does not run. silo.yaml names the token: keys.pkcs11 with library, slot, key and",
        "pin_file. A key of that label is made in the token if there is none; it cannot leave it.",
        "From then on the node starts only where the token is.",
      })
  static final class Seal extends SiloCommand {
    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    public Integer call() {
      String name = home().load().name().name();
      confirm(
          "Without the token, or a copy of the passphrase in a safe, the keys of "
              + name
              + " will be lost. Whoever has a copy of the passphrase opens copies of the key files"
              + " as before.",
          name,
          yes,
          "silo keys seal");
      JsonNode sealed = NodeHome.seal(home());
      show(
          sealed,
          r ->
              console()
                  .print(
                      "The passphrase is sealed by key "
                          + r.path("key").asText()
                          + " of the token at "
                          + r.path("library").asText()));
      next("silo node start --background");
      return 0;
    }
  }
}
