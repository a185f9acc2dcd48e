package org.espalier.node.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import org.espalier.node.config.Json;
import org.espalier.node.daemon.HomeBackup;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "restore",
    header = "Put a node back from a backup, into a folder that is empty or missing.",
    description = {
      "",
      "Examples:",
      "  silo restore /backup/silo-2026-11-29.zip",
      "  silo restore /backup/silo-2026-11-29.zip --home /srv/silo",
      "",
      "Everything is compared with the digests in the file. If the node logged more after the",
      "backup, partners that witness its log will refuse the restored one: see docs/operations.md.",
    })
final class RestoreCommand extends SiloCommand {
  @Parameters(paramLabel = "FILE", description = "What silo backup wrote.")
  Path file;

  @Override
  public Integer call() {
    int files = HomeBackup.restore(file.toAbsolutePath(), home());
    show(
        Json.object().put("home", home().root().toString()).put("files", files),
        r -> console().print(Format.count(files) + " files in " + home().root()));
    say("If the node ran after this backup was made, its log is older now than what partners saw:");
    say("they refuse to witness it and say so, here in silo doctor. See docs/operations.md.");
    if (!Files.exists(home().passphrase())) {
      next(
          "install -m 600 PASSPHRASE_FILE " + home().passphrase(),
          "the passphrase is not in a backup");
    }
    next("silo node start --background");
    return 0;
  }
}
