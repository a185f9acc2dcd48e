package org.espalier.node.daemon;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.espalier.audit.checkpoint.AuditKey;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.Passphrase;
import org.espalier.wire.Party;

/** The key that signs a node's audit log: another one than the identity's, same passphrase. */
final class AuditKeys {
  private AuditKeys() {}

  private static Path file(SiloHome home) {
    return home.keys().resolve("audit.key");
  }

  /** Makes a new key; the keys folder and the passphrase exist. */
  static NoteSigner create(SiloHome home, Party party) throws IOException {
    char[] secret = secret(home);
    try {
      return AuditKey.create(file(home), party + "/silo/audit/1", NoteSigner.Use.LOG, secret);
    } finally {
      Arrays.fill(secret, '\0');
    }
  }

  /**
   * @throws Problem if the file is missing, readable by others or damaged, or the passphrase wrong
   */
  static NoteSigner open(SiloHome home) {
    try {
      char[] secret = secret(home);
      try {
        return AuditKey.open(file(home), secret);
      } finally {
        Arrays.fill(secret, '\0');
      }
    } catch (IOException e) {
      throw Problem.refused("cannot open the key of the audit log")
          .detail(e.getMessage())
          .because(e);
    }
  }

  /** The public half as the line that verifiers take. */
  static String verifierKey(SiloHome home) {
    try {
      return AuditKey.vkey(file(home));
    } catch (IOException e) {
      throw Problem.notFound("no key of an audit log in " + home.root())
          .detail(e.getMessage())
          .because(e);
    }
  }

  /** The first line of the passphrase file, whose permissions and length the identity checks. */
  private static char[] secret(SiloHome home) throws IOException {
    Passphrase.read(home.passphrase()).close();
    try (var lines = Files.lines(home.passphrase(), StandardCharsets.UTF_8)) {
      return lines.findFirst().orElseThrow(() -> new IOException("no passphrase")).toCharArray();
    }
  }
}
