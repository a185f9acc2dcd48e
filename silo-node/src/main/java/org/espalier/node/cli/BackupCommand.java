package org.espalier.node.cli;

import java.nio.file.Path;
import org.espalier.node.config.Json;
import org.espalier.node.daemon.HomeBackup;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "backup",
    header = "Copy everything of the node but its passphrase into one file.",
    description = {
      "",
      "Examples:",
      "  silo backup /backup/silo-2026-11-29.zip          after silo node stop",
      "",
      "The node must not run, so that all of it is of one moment. Keys are sealed by the",
      "passphrase, which is not in the file: keep it elsewhere. docs/operations.md says more.",
    })
final class BackupCommand extends SiloCommand {
  @Parameters(paramLabel = "FILE", description = "The new file.")
  Path file;

  @Override
  public Integer call() {
    HomeBackup.Made made = HomeBackup.write(home(), file.toAbsolutePath());
    show(
        Json.object()
            .put("file", made.file().toString())
            .put("files", made.files())
            .put("bytes", made.bytes()),
        r ->
            console()
                .print(
                    "%s: %s files, %s"
                        .formatted(
                            made.file(), Format.count(made.files()), Format.bytes(made.bytes()))));
    say("The passphrase is not in it: keep " + home().passphrase() + " elsewhere.");
    if (home().load().database() != null) {
      say("The database in PostgreSQL is not in it: pg_dump it before the node runs again.");
    }
    next("silo node start --background");
    return 0;
  }
}
