package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verifier;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.junit.jupiter.api.Test;

/** A node is lost and put back, and a partner notices that it was. */
class HomeBackupTest extends TwoSilos {
  private JsonNode witness() throws InterruptedException {
    JsonNode partner = null;
    for (int i = 0; i < 100; i++) {
      partner = bank.call("audit.witness", Json.object().put("now", true)).path("partners").path(0);
      if (!partner.path("problem").asText().equals("not connected")) {
        return partner;
      }
      Thread.sleep(50);
    }
    return partner;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private void lose() throws IOException {
    byte[] passphrase = Files.readAllBytes(bank.home.passphrase());
    delete(bank.home.root());
    SiloHome.createFolder(bank.home.root());
    SiloHome.createFile(bank.home.passphrase(), passphrase); // kept elsewhere
  }

  @Test
  void aRestoredNodeGoesOnAndAnOldBackupIsNoticedByItsWitness() throws Exception {
    bank.dataset("people", TestData.bank(0, 50));
    assertThat(witness().path("problem").asText()).isEmpty();
    Path backup = root.resolve("backup.zip");
    assertThatThrownBy(() -> HomeBackup.write(bank.home, backup))
        .isInstanceOfSatisfying(Problem.class, e -> assertThat(e.what()).contains("a node runs"));
    String fingerprint = bank.call("status").path("fingerprint").asText();
    bank.stop();

    Path begun = Files.createDirectories(bank.home.cohorts().resolve("begun"));
    Files.createFile(begun.resolve("J-00000001.align-00-begun"));
    HomeBackup.Made made = HomeBackup.write(bank.home, backup);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(backup)))
        .isEqualTo("rw-------");
    String passphrase = Files.readString(bank.home.passphrase()).strip();
    try (ZipFile zip = new ZipFile(backup.toFile())) {
      assertThat(zip.stream().map(ZipEntry::getName))
          .hasSize(made.files() + 1)
          .contains("silo.yaml", "silo.db", "keys/silo.p12")
          .doesNotContain("passphrase", "control.sock")
          .noneMatch(name -> name.startsWith("cohorts/begun"));
      for (ZipEntry entry : zip.stream().toList()) {
        assertThat(
                new String(zip.getInputStream(entry).readAllBytes(), StandardCharsets.ISO_8859_1))
            .doesNotContain(passphrase);
      }
    }
    assertThatThrownBy(() -> HomeBackup.restore(backup, bank.home))
        .isInstanceOfSatisfying(Problem.class, e -> assertThat(e.what()).contains("not empty"));

    // Lost at once and put back: the same node, a log that verifies, a witness that goes on.
    lose();
    assertThat(HomeBackup.restore(backup, bank.home)).isEqualTo(made.files());
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(bank.home.keys().resolve("silo.p12"))))
        .isEqualTo("rw-------");
    assertThat(
            Verifier.trusting(TrustedKey.parse(NodeHome.auditKey(bank.home)))
                .verify(bank.home.audit())
                .ok())
        .isTrue();
    bank.start();
    assertThat(bank.call("status").path("fingerprint").asText()).isEqualTo(fingerprint);
    assertThat(bank.call("dataset.list").toString()).contains("people");
    assertThat(witness().path("problem").asText()).isEmpty();

    // Put back again, though the node has logged more since: two histories, and the partner says
    // so.
    bank.stop();
    lose();
    HomeBackup.restore(backup, bank.home);
    bank.start();
    JsonNode partner = witness();
    assertThat(partner.path("problem").asText()).isNotEmpty();
    String checks = bank.call("doctor", "partner", "insurer.example").toString();
    assertThat(checks).contains("insurer.example as witness", "\"fail\"");
  }

  @Test
  void whatWasChangedIsNotPutBack() throws Exception {
    bank.stop();
    Path backup = root.resolve("backup.zip");
    assertThatThrownBy(() -> HomeBackup.write(bank.home, bank.home.results().resolve("b.zip")))
        .isInstanceOf(Problem.class);
    HomeBackup.write(bank.home, backup);
    Path changed = root.resolve("changed.zip");
    Path outside = root.resolve("outside.zip");
    try (ZipFile zip = new ZipFile(backup.toFile());
        ZipOutputStream other = new ZipOutputStream(Files.newOutputStream(changed));
        OutputStream out = Files.newOutputStream(outside);
        ZipOutputStream escape = new ZipOutputStream(out)) {
      for (ZipEntry entry : zip.stream().toList()) {
        byte[] bytes = zip.getInputStream(entry).readAllBytes();
        if (entry.getName().equals("silo.yaml")) {
          bytes[0]++;
        }
        other.putNextEntry(new ZipEntry(entry.getName()));
        other.write(bytes);
      }
      escape.putNextEntry(new ZipEntry("../escaped"));
      escape.write(1);
    }
    SiloHome fresh = new SiloHome(root.resolve("fresh"));
    assertThatThrownBy(() -> HomeBackup.restore(changed, fresh))
        .isInstanceOfSatisfying(
            Problem.class, e -> assertThat(e.detail().orElse("")).contains("changed", "silo.yaml"));
    assertThat(fresh.config()).doesNotExist();
    assertThatThrownBy(() -> HomeBackup.restore(outside, fresh))
        .isInstanceOfSatisfying(
            Problem.class, e -> assertThat(e.detail().orElse("")).contains("leads out"));
    assertThat(root.resolve("escaped")).doesNotExist();

    // What a token has sealed is nothing without it, and lost if the backup does not have it.
    Files.writeString(bank.home.passphrase(), "espalier-sealed:v1:AAAAAAAAAAAAAAAA");
    Path sealed = root.resolve("sealed.zip");
    HomeBackup.write(bank.home, sealed);
    try (ZipFile zip = new ZipFile(sealed.toFile())) {
      assertThat(zip.getEntry("passphrase")).isNotNull();
    }
  }
}
