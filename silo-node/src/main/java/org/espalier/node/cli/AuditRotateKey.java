package org.espalier.node.cli;

import org.espalier.node.daemon.NodeHome;
import picocli.CommandLine.Command;

@Command(
    name = "rotate-key",
    header = "End this log in order and begin the next one under a new key.",
    description = {
      "",
      "Example:",
      "  silo audit rotate-key --operator op-17 --operator op-4",
      "",
      "The node is stopped. The old key's last event names the new key; the old log is frozen in",
      "audit.frozen-N and its private key destroyed. The new log begins with the end of the old one.",
      "Partners' nodes take it up by themselves; auditors need the new key, from here.",
    })
final class AuditRotateKey extends NextLog {
  @Override
  public Integer call() {
    home().load();
    if (operators.size() != 2) {
      throw usage("--operator is needed twice");
    }
    confirm(
        "The log in " + home().audit() + " ends, and its private key is destroyed.",
        "rotate",
        yes,
        "silo audit rotate-key");
    return begun(NodeHome.rotate(home(), operators), "and give the new key to auditors");
  }
}
