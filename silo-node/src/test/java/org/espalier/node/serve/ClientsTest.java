package org.espalier.node.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.espalier.node.config.Json;
import org.espalier.node.config.ScoringConfig;
import org.espalier.node.store.Store;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClientsTest {
  @TempDir Path folder;

  @Test
  void aTokenIsKnownByItsHashUntilItIsRemoved() throws Exception {
    String token;
    try (Store store = Store.open(folder.resolve("silo.db"))) {
      Clients clients = new Clients(store);
      token = clients.add("loan-desk").path("token").asText();
      String other = clients.add("portal").path("token").asText();
      assertThat(token).hasSizeGreaterThan(43).isNotEqualTo(other);
      assertThat(clients.holder(token)).contains("loan-desk");
      assertThat(clients.holder(other)).contains("portal");
      assertThat(clients.holder(token.substring(1))).isEmpty();
      assertThat(clients.holder("")).isEmpty();
      assertThat(clients.holder(token + "x".repeat(10_000))).isEmpty();
      assertThatThrownBy(() -> clients.add("portal")).hasMessageContaining("already");
      assertThatThrownBy(() -> clients.add("A b")).hasMessageContaining("matches");
      clients.remove("portal");
      assertThat(clients.holder(other)).isEmpty();
      assertThat(new Clients(store).holder(token)).contains("loan-desk");
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .doesNotContain(token);
      }
    }
  }

  @Test
  void theEndpointIsOnLoopbackOrHasTls() {
    assertThat(config("{listen: 127.0.0.1:9480}").address().port()).isEqualTo(9480);
    assertThat(config("{listen: \"[::1]:0\"}").address().host()).isEqualTo("::1");
    assertThat(
            config("{listen: 0.0.0.0:1, keystore: a.p12, keystore_passphrase: a.pass}")
                .address()
                .host())
        .isEqualTo("0.0.0.0");
    assertThatThrownBy(() -> config("{listen: 0.0.0.0:9480}"))
        .hasMessageContaining("not on loopback");
    assertThatThrownBy(() -> config("{listen: 127.0.0.1:1, keystore: a.p12}"))
        .hasMessageContaining("belong together");
    assertThatThrownBy(() -> config("{listen: 127.0.0.1:1, timeout: PT5M}"))
        .hasMessageContaining("scoring.timeout");
  }

  private static ScoringConfig config(String yaml) {
    return Json.yaml("silo.yaml", yaml, ScoringConfig.class);
  }
}
