package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code silo.yaml} says of a proxy reaches links and the doctor. */
@Timeout(120)
class ProxiedNodeTest {
  @Test
  void theDoctorNamesTheProxyThatCannotBeReached(@TempDir Path folder) throws Exception {
    int nobody = TestSilo.freePort();
    try (TestSilo bank = TestSilo.create("bank.example", folder).start();
        TestSilo insurer = TestSilo.create("insurer.example", folder).start()) {
      bank.partnerWith(insurer);
      bank.stop();
      insurer.stop();
      String config = Files.readString(insurer.home.config());
      assertThat(config).contains("proxy: null");
      Files.writeString(
          insurer.home.config(), config.replace("proxy: null", "proxy: 127.0.0.1:" + nobody));
      insurer.start();
      JsonNode link = link(insurer);
      for (int i = 0; i < 100 && !link.path("text").asText().contains("proxy"); i++) {
        Thread.sleep(100);
        link = link(insurer);
      }
      assertThat(link.path("text").asText()).contains("through the proxy 127.0.0.1:" + nobody);
      assertThat(link.path("fix").asText()).contains("which must allow CONNECT to it");
    }
  }

  private static JsonNode link(TestSilo of) {
    return of.call("doctor", "partner", "bank.example").path("checks").get(0);
  }
}
