package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.espalier.node.Problem;
import org.espalier.node.cli.Console;
import org.espalier.node.cli.Silo;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Passphrase;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Keys that open only where a token is, with SoftHSM in place of one made of metal. */
@Timeout(120)
class SealedKeysTest {
  private static final Path LIBRARY = Path.of("/usr/lib/softhsm/libsofthsm2.so");

  @TempDir Path root;

  /** SoftHSM takes its folder from the environment, so it is used in a process of its own. */
  @Test
  void keysOpenOnlyWhereTheTokenIs() throws Exception {
    assumeTrue(Files.exists(LIBRARY), "SoftHSM is not installed: apt-get install softhsm2");
    Files.createDirectory(root.resolve("tokens"));
    Files.writeString(
        root.resolve("softhsm2.conf"),
        "directories.tokendir = %s%nlog.level = ERROR%n".formatted(root.resolve("tokens")));
    String[] slots = {slot("right"), slot("other")};
    String said =
        run(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            SealedKeysTest.class.getName(),
            root.toString(),
            slots[0],
            slots[1]);
    assertThat(said).contains("everything held");
  }

  private String slot(String label) throws IOException, InterruptedException {
    String said =
        run(
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            label,
            "--so-pin",
            "12345678",
            "--pin",
            "1234");
    Matcher slot = Pattern.compile("slot (\\d+)\\s*$").matcher(said);
    assertThat(slot.find()).as(said).isTrue();
    return slot.group(1);
  }

  private String run(String... command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("SOFTHSM2_CONF", root.resolve("softhsm2.conf").toString());
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  /** What happens in that process: with the node's folder and the slots of two tokens. */
  public static void main(String[] args) throws Exception {
    Path root = Path.of(args[0]);
    SiloHome home = new SiloHome(root.resolve("bank"));
    String fingerprint =
        NodeHome.create(
            home, new SiloConfig(new Party("bank.example"), "127.0.0.1:1", null, null, null, null));
    final String secret = Files.readString(home.passphrase()).strip();
    final byte[] plain = Files.readAllBytes(home.passphrase());
    final String config = Files.readString(home.config()).replace("keys: null\n", "");
    SiloHome.createFile(
        home.root().resolve("right.pin"), "1234\n".getBytes(StandardCharsets.US_ASCII));
    SiloHome.createFile(
        home.root().resolve("wrong.pin"), "4321\n".getBytes(StandardCharsets.US_ASCII));

    token(home, config, "1", "right.pin");
    refused(home, "the token cannot be reached");
    token(home, config, args[1], "right.pin");
    refused(home, "no secret key 'silo' in the token");
    assertThat(Silo.run(Console.system(), "keys", "seal", "--yes", "--home", home.root() + ""))
        .isZero();
    assertThat(Files.readString(home.passphrase()))
        .startsWith("espalier-sealed:v1:")
        .doesNotContain(secret);
    assertOpens(home, secret, fingerprint);
    byte[] sealed = Files.readAllBytes(home.passphrase());
    assertThatThrownBy(() -> NodeHome.seal(home)).hasMessage("the passphrase is sealed already");

    // A copy of the folder, with PIN and all, but without the token.
    Files.writeString(home.config(), config);
    refused(home, "the passphrase is sealed by a token, and silo.yaml names none");
    token(home, config, args[1], "wrong.pin");
    refused(home, "the token does not let the node in");
    // Another token, also with a key of that label.
    token(home, config, args[2], "right.pin");
    refused(home, "no secret key 'silo' in the token");
    Files.write(home.passphrase(), plain);
    NodeHome.seal(home);
    Files.write(home.passphrase(), sealed);
    refused(home, "the key 'silo' of the token did not seal this, or it was changed");

    token(home, config, args[1], "right.pin");
    byte[] changed = sealed.clone();
    // Another letter of the alphabet, far from the last one, of which not all bits count.
    changed[40] = (byte) (changed[40] == 'A' ? 'B' : 'A');
    Files.write(home.passphrase(), changed);
    refused(home, "the key 'silo' of the token did not seal this, or it was changed");
    Files.write(home.passphrase(), "espalier-sealed:v1:?\n".getBytes(StandardCharsets.US_ASCII));
    refused(home, "the sealed passphrase is damaged");
    Files.write(home.passphrase(), plain);
    refused(home, "the passphrase is not sealed, and silo.yaml names a token");
    Files.write(home.passphrase(), sealed);
    assertOpens(home, secret, fingerprint);
    // From the safe, after the token was lost.
    Files.write(home.passphrase(), plain);
    Files.writeString(home.config(), config);
    assertOpens(home, secret, fingerprint);
    System.out.println("everything held");
  }

  private static void token(SiloHome home, String config, String slot, String pin)
      throws IOException {
    Files.writeString(
        home.config(),
        config
            + "keys: {pkcs11: {library: %s, slot: %s, pin_file: %s}}%n"
                .formatted(LIBRARY, slot, pin));
  }

  private static void refused(SiloHome home, String why) {
    assertThatThrownBy(() -> KeyPassphrase.open(home).close())
        .isInstanceOf(Problem.class)
        .hasMessageContaining(why);
  }

  private static void assertOpens(SiloHome home, String secret, String fingerprint) {
    try (Passphrase passphrase = KeyPassphrase.open(home)) {
      assertThat(new String(passphrase.secret())).isEqualTo(secret);
      assertThat(NodeIdentity.open(home.keys(), passphrase, Clock.systemUTC()).fingerprint())
          .hasToString(fingerprint);
    }
    assertThat(AuditKeys.open(home)).isNotNull();
  }
}
