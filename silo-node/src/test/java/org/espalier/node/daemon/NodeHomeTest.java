package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.stream.Stream;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeHomeTest {
  @TempDir Path root;

  private static SiloConfig config() {
    return new SiloConfig(
        new Party("bank.example"), "127.0.0.1:" + TestSilo.freePort(), null, null, null, null);
  }

  @Test
  void everythingInANewHomeIsForItsOwnerOnly() throws IOException {
    SiloHome home = new SiloHome(root.resolve("bank"));
    NodeHome.create(home, config());
    List<Path> all;
    try (Stream<Path> walk = Files.walk(home.root())) {
      all = walk.toList();
    }
    assertThat(all).contains(home.config(), home.passphrase(), home.database());
    // What is inside the audit log's folder is public by design; the folder is closed.
    for (Path path : all) {
      if (!path.startsWith(home.audit()) || path.equals(home.audit())) {
        assertThat(Files.getPosixFilePermissions(path))
            .as(path.toString())
            .doesNotContain(
                PosixFilePermission.GROUP_READ,
                PosixFilePermission.OTHERS_READ,
                PosixFilePermission.OTHERS_WRITE);
      }
    }
    assertThat(NodeHome.auditKey(home)).startsWith("bank.example/silo/audit/1+");
  }

  @Test
  void nothingIsOverwritten() throws IOException {
    SiloHome home = new SiloHome(root.resolve("bank"));
    String fingerprint = NodeHome.create(home, config());
    byte[] passphrase = Files.readAllBytes(home.passphrase());
    assertThatThrownBy(() -> NodeHome.create(home, config()))
        .isInstanceOfSatisfying(
            Problem.class, p -> assertThat(p.kind()).isEqualTo(Problem.Kind.WRONG_STATE));
    assertThat(Files.readAllBytes(home.passphrase())).isEqualTo(passphrase);
    assertThat(fingerprint).matches("([0-9a-f]{4}-){15}[0-9a-f]{4}");

    Path used = Files.createDirectories(root.resolve("used"));
    Files.writeString(used.resolve("thesis.txt"), "mine");
    assertThatThrownBy(() -> NodeHome.create(new SiloHome(used), config()))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("not empty");
    assertThat(used.resolve("thesis.txt")).hasContent("mine");
  }

  @Test
  void aNodeDoesNotStartWithoutItsAuditLog() throws IOException {
    SiloHome home = new SiloHome(root.resolve("bank"));
    NodeHome.create(home, config());
    Files.delete(home.audit().resolve("journal"));
    assertThatThrownBy(() -> SiloNode.start(home).close())
        .isInstanceOf(Problem.class)
        .hasMessageContaining("audit log cannot be opened");
    assertThat(home.socket()).doesNotExist();
  }

  @Test
  void aWrongPassphraseOpensNothing() throws IOException {
    SiloHome home = new SiloHome(root.resolve("bank"));
    NodeHome.create(home, config());
    Files.writeString(home.passphrase(), "quite another passphrase\n");
    assertThatThrownBy(() -> SiloNode.start(home).close())
        .isInstanceOf(Problem.class)
        .hasMessageContaining("cannot open the key");
  }
}
