package org.espalier.node.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.Random;
import org.espalier.node.Problem;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeyFileTest {
  private static final Party PARTY = new Party("a.example");
  private static final Clock CLOCK = Clock.systemUTC();

  @TempDir Path folder;

  private Passphrase passphrase(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, text);
    mode(file, "rw-------");
    return Passphrase.read(file);
  }

  private static void mode(Path file, String permissions) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
  }

  @Test
  void isTheSameIdentityWhenOpenedAgain() throws IOException {
    Path keys = folder.resolve("keys");
    try (Passphrase secret = passphrase("p", "correct horse battery\r\nsecond line")) {
      NodeIdentity made = NodeIdentity.create(keys, PARTY, secret, CLOCK);
      NodeIdentity opened = NodeIdentity.open(keys, secret, CLOCK);
      assertThat(opened.party()).isEqualTo(PARTY);
      assertThat(opened.fingerprint()).isEqualTo(made.fingerprint());
      assertThat(opened.certificateEnds()).isEqualTo(made.certificateEnds());
      byte[] statement = "approve".getBytes(StandardCharsets.US_ASCII);
      byte[] signature = opened.sign(statement);
      assertThat(made.key().verify(statement, signature)).isTrue();
      for (int i = 0; i < signature.length; i++) {
        byte[] flipped = signature.clone();
        flipped[i] ^= 1;
        assertThat(made.key().verify(statement, flipped)).isFalse();
      }
      assertThat(made.key().verify(new byte[0], signature)).isFalse();
      assertThat(made.key().verify(statement, new byte[3])).isFalse();
      assertThatThrownBy(() -> NodeIdentity.create(keys, PARTY, secret, CLOCK))
          .hasMessage("this node has an identity already");
    }
    assertThat(Files.getPosixFilePermissions(keys))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    assertThat(Files.getPosixFilePermissions(keys.resolve("silo.p12")))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void renewsAtTwoThirdsAndKeepsTheIdentity() throws IOException {
    Path keys = folder.resolve("keys");
    try (Passphrase secret = passphrase("p", "correct horse battery")) {
      NodeIdentity made = NodeIdentity.create(keys, PARTY, secret, CLOCK);
      Clock before = Clock.offset(CLOCK, Duration.ofDays(19));
      assertThat(NodeIdentity.open(keys, secret, before).certificateEnds())
          .isEqualTo(made.certificateEnds());
      Clock after = Clock.offset(CLOCK, Duration.ofDays(21));
      NodeIdentity renewed = NodeIdentity.open(keys, secret, after);
      assertThat(renewed.certificateEnds()).isAfter(made.certificateEnds().plusSeconds(86_400));
      assertThat(renewed.fingerprint()).isEqualTo(made.fingerprint());
      assertThat(NodeIdentity.open(keys, secret, after).certificateEnds())
          .isEqualTo(renewed.certificateEnds());
    }
  }

  @Test
  void renewsACertificateThatWasMadeWhileTheClockWasAhead() throws IOException {
    Path keys = folder.resolve("keys");
    try (Passphrase secret = passphrase("p", "correct horse battery")) {
      Clock ahead = Clock.offset(CLOCK, Duration.ofDays(400));
      NodeIdentity made = NodeIdentity.create(keys, PARTY, secret, ahead);
      NodeIdentity right = NodeIdentity.open(keys, secret, CLOCK);
      assertThat(right.certificateEnds())
          .isBetween(CLOCK.instant().plus(Duration.ofDays(29)), made.certificateEnds());
      assertThat(right.fingerprint()).isEqualTo(made.fingerprint());
      assertThat(right.renewIfDue()).isFalse();
    }
  }

  @Test
  void refusesAWrongPassphraseAndLooseFiles() throws IOException {
    Path keys = folder.resolve("keys");
    try (Passphrase secret = passphrase("p", "correct horse battery");
        Passphrase wrong = passphrase("q", "correct horse batterz")) {
      assertThatThrownBy(() -> NodeIdentity.open(keys, secret, CLOCK))
          .hasMessage("this node has no identity yet");
      NodeIdentity.create(keys, PARTY, secret, CLOCK);
      assertThatThrownBy(() -> NodeIdentity.open(keys, wrong, CLOCK))
          .isInstanceOf(Problem.class)
          .hasMessage("the passphrase does not open the key file, or it was changed")
          .message()
          .doesNotContain("batter");
      mode(keys.resolve("silo.p12"), "rw-r-----");
      assertThatThrownBy(() -> NodeIdentity.open(keys, secret, CLOCK))
          .isInstanceOfSatisfying(
              Problem.class,
              problem -> {
                assertThat(problem.what()).contains("readable by other users");
                assertThat(problem.next().orElseThrow()).startsWith("chmod 600 ");
              });
      mode(keys.resolve("silo.p12"), "rw-------");
      mode(keys, "rwxr-xr-x");
      assertThatThrownBy(() -> NodeIdentity.open(keys, secret, CLOCK))
          .hasMessageContaining("readable by other users");
    }
  }

  @Test
  void refusesAFileThatWasChangedAnywhere() throws IOException {
    Path keys = folder.resolve("keys");
    Path file = keys.resolve("silo.p12");
    try (Passphrase secret = passphrase("p", "correct horse battery")) {
      NodeIdentity.create(keys, PARTY, secret, CLOCK);
      byte[] good = Files.readAllBytes(file);
      Random random = new Random(5);
      for (int round = 0; round < 60; round++) {
        byte[] bad = good.clone();
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
        Files.write(file, bad);
        assertThatThrownBy(() -> NodeIdentity.open(keys, secret, CLOCK))
            .as("round " + round)
            .isInstanceOf(Problem.class);
      }
      Files.write(file, new byte[0]);
      assertThatThrownBy(() -> NodeIdentity.open(keys, secret, CLOCK)).isInstanceOf(Problem.class);
      Files.write(file, good);
      NodeIdentity.open(keys, secret, CLOCK);
    }
  }

  @Test
  void readsPassphrasesOnlyFromPrivateFilesOfSomeLength() throws IOException {
    assertThatThrownBy(() -> passphrase("short", "12345678901\n"))
        .hasMessageContaining("fewer than 12 characters");
    assertThatThrownBy(() -> passphrase("large", "x".repeat(2000)))
        .hasMessageContaining("larger than 1 KiB");
    assertThatThrownBy(() -> Passphrase.read(folder.resolve("absent")))
        .hasMessage("no passphrase file");
    Path open = folder.resolve("open");
    Files.writeString(open, "correct horse battery");
    mode(open, "rw-r--r--");
    assertThatThrownBy(() -> Passphrase.read(open))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> assertThat(problem.detail().orElseThrow()).contains("rw-r--r--"));
    Path made = folder.resolve("made");
    Passphrase.generate(made);
    Passphrase secret = Passphrase.read(made);
    assertThat(secret.secret()).hasSize(43);
    secret.close();
    assertThat(secret.secret()).containsOnly('\0');
    assertThatThrownBy(() -> Passphrase.generate(made)).isInstanceOf(Problem.class);
  }
}
