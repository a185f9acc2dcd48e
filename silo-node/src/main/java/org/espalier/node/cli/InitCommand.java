package org.espalier.node.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.daemon.NodeHome;
import org.espalier.wire.Party;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "init",
    header = "Make a new node: its folder, configuration, keys and audit log.",
    description = {
      "",
      "Examples:",
      "  silo init --name bank.example --listen 0.0.0.0:9443 --url https://silo.bank.example:9443",
      "  silo init --home /srv/silo --name bank.example --listen 127.0.0.1:9443",
    })
final class InitCommand extends SiloCommand {
  @Option(
      names = "--name",
      required = true,
      paramLabel = "NAME",
      description = "The institution's name as partners know it, such as bank.example.")
  String name;

  @Option(
      names = "--listen",
      required = true,
      paramLabel = "HOST:PORT",
      description = "Where this node takes connections; 0.0.0.0 is every network of this machine.")
  String listen;

  @Option(
      names = "--url",
      paramLabel = "URL",
      description =
          "What partners dial, https://host:port (default: the address that it listens on, which"
              + " 0.0.0.0 cannot be).")
  URI url;

  @Override
  public Integer call() {
    SiloHome home = home();
    SiloConfig config;
    try {
      config = new SiloConfig(new Party(name), listen, url, null, null, null);
    } catch (IllegalArgumentException e) {
      throw Problem.of(Problem.Kind.USAGE, e.getMessage()).next("silo init --help").because(e);
    }
    String fingerprint = NodeHome.create(home, config);
    ObjectNode result =
        Json.object()
            .put("name", name)
            .put("home", home.root().toString())
            .put("url", config.url().toString())
            .put("fingerprint", fingerprint);
    show(
        result,
        r -> {
          console().print("Node " + name + " made in " + home.root());
          console().print("Identity " + fingerprint);
          say(
              "The passphrase of its keys is in "
                  + home.passphrase()
                  + "; back up the folder and keep it private.");
        });
    next("silo node start --background");
    return 0;
  }
}
