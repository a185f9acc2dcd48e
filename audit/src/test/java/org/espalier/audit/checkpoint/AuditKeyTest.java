package org.espalier.audit.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.espalier.audit.Logs;
import org.espalier.audit.verify.TrustedKey;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AuditKeyTest {
  private static final char[] PASSPHRASE = "correct horse battery".toCharArray();
  @TempDir Path folder;

  @Test
  void aKeyIsOpenedWithItsPassphraseOnly() throws Exception {
    Path file = folder.resolve("audit.key");
    NoteSigner made = AuditKey.create(file, Logs.ORIGIN, NoteSigner.Use.LOG, PASSPHRASE);
    NoteSigner opened = AuditKey.open(file, PASSPHRASE);
    assertThat(opened.vkey()).isEqualTo(made.vkey()).isEqualTo(AuditKey.vkey(file));
    assertThat(opened.note("x\n")).isEqualTo(made.note("x\n"));
    assertThat(TrustedKey.parse(opened.vkey()).name()).isEqualTo(Logs.ORIGIN);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThatThrownBy(() -> AuditKey.open(file, "wrong".toCharArray()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("passphrase");
    assertThatThrownBy(() -> AuditKey.create(file, Logs.ORIGIN, NoteSigner.Use.LOG, PASSPHRASE))
        .isInstanceOf(FileAlreadyExistsException.class);
    try (var all = Files.list(folder)) {
      assertThat(all).containsExactly(file);
    }
  }

  @Test
  void aKeyThatOthersCanReadOrThatWasExchangedIsRefused() throws Exception {
    Path file = folder.resolve("audit.key");
    AuditKey.create(file, Logs.ORIGIN, NoteSigner.Use.LOG, PASSPHRASE);
    String text = Files.readString(file);
    Files.writeString(file, Logs.SIGNER.vkey() + text.substring(text.indexOf('\n')));
    assertThatThrownBy(() -> AuditKey.open(file, PASSPHRASE))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("do not belong together");
    Files.writeString(file, text.replace("BEGIN", "BEGUN"));
    assertThatThrownBy(() -> AuditKey.open(file, PASSPHRASE)).isInstanceOf(IOException.class);
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThatThrownBy(() -> AuditKey.open(file, PASSPHRASE))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("chmod 600");
  }

  @Test
  void verifierKeysAreReadStrictly() {
    String vkey = Logs.SIGNER.vkey();
    assertThat(TrustedKey.parse(vkey + "\n").toString()).isEqualTo(vkey);
    String[] parts = vkey.split("\\+", 3);
    for (String bad :
        new String[] {
          "",
          parts[0],
          parts[0] + "+00000000+" + parts[2],
          "other.example/x+" + parts[1] + "+" + parts[2],
          parts[0] + "+" + parts[1] + "+" + parts[2].substring(4),
          parts[0] + "+" + parts[1] + "+B" + parts[2].substring(1),
          "two words+" + parts[1] + "+" + parts[2]
        }) {
      assertThatThrownBy(() -> TrustedKey.parse(bad))
          .as(bad)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
