package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.espalier.audit.Logs;
import org.espalier.audit.log.AuditLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyMainTest {
  @TempDir Path folder;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @Test
  void verifiesWithItsExitCodes() throws Exception {
    Path log = folder.resolve("log");
    try (AuditLog writer = Logs.open(log)) {
      Logs.job(writer, "J-1");
      writer.checkpoint();
    }
    String key = Logs.SIGNER.vkey();
    assertThat(run(log.toString(), "--key", key)).isZero();
    assertThat(out.toString(UTF_8)).startsWith("OK: 13 events");
    Path keyFile = Files.writeString(folder.resolve("key"), key + "\n");
    assertThat(
            run(
                "--json",
                "--key",
                keyFile.toString(),
                log.toString(),
                "--state",
                folder.resolve("s").toString()))
        .isZero();
    JsonNode json = new ObjectMapper().readTree(out.toByteArray());
    assertThat(json.path("ok").asBoolean()).isTrue();
    assertThat(json.path("size").asInt()).isEqualTo(13);
    Files.writeString(log.resolve("checkpoint"), "x");
    assertThat(run(log.toString(), "--key", key)).isEqualTo(10);
    Files.delete(log.resolve("journal"));
    assertThat(run(log.toString(), "--key", key)).isEqualTo(11);
  }

  @Test
  void saysWhatIsWrongWithItsUse() {
    assertThat(run()).isEqualTo(2);
    assertThat(run("x")).isEqualTo(2);
    assertThat(run("x", "--key")).isEqualTo(2);
    assertThat(run("x", "y", "--key", Logs.SIGNER.vkey())).isEqualTo(2);
    assertThat(run("x", "--key", "nonsense")).isEqualTo(2);
    assertThat(run("x", "--what")).isEqualTo(2);
    assertThat(run("x", "--state")).isEqualTo(2);
    assertThat(run(folder.resolve("nothing").toString(), "--key", Logs.SIGNER.vkey())).isEqualTo(2);
    assertThat(err.toString(UTF_8)).contains("cannot verify");
    assertThat(run("--help")).isZero();
  }

  private int run(String... args) {
    out.reset();
    err.reset();
    return VerifyMain.run(
        args, new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
  }
}
