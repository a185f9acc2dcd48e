package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A partner's process ends in the middle of a job, as at a power cut. */
class KilledPartnerTest {
  private static final int PEOPLE = 2500;

  @TempDir Path root;
  private TestSilo bank;
  private TestSilo insurer;
  private Process process;

  @AfterEach
  void stop() {
    if (bank != null) {
      bank.close();
    }
    if (insurer != null) {
      insurer.close();
    }
    if (process != null) {
      process.destroyForcibly();
    }
  }

  @Test
  void theOtherSideSaysSoGoesOnServingAndANewAttemptSucceeds() throws Exception {
    bank = TestSilo.create("bank.example", root).start();
    insurer = TestSilo.create("insurer.example", root);
    process = spawn();
    bank.partnerWith(insurer);
    bank.dataset("people", TestData.bank(0, PEOPLE));
    insurer.dataset("people", TestData.insurer(0, PEOPLE));
    String job = bank.propose(TestData.twoParties(100));
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    until(() -> heard(job) > 1000);

    process.destroyForcibly();
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    JsonNode status = bank.await(job, 30).path("job");
    assertThat(status.path("state").asText()).isEqualTo("FAILED");
    assertThat(status.path("cause").path("party").asText()).isEqualTo("insurer.example");
    assertThat(status.path("cause").path("next").asText()).isEqualTo("silo job run " + job);
    assertThat(bank.call("status").path("jobs").path("FAILED").asInt()).isEqualTo(1);

    // Back in this process; what the kill left open is concluded before anything else.
    insurer.start();
    assertThat(insurer.call("job.status", "job", job).path("job").path("state").asText())
        .isEqualTo("FAILED");
    assertThat(insurer.call("audit.tail", TestSilo.args("job", job)).toString())
        .contains("node.interrupted");
    until(() -> bank.call("status").path("partners").path(0).path("connected").asBoolean());
    bank.call("job.run", "job", job);
    JsonNode report = SiloNodeTest.done(bank, job);
    assertThat(report.path("attempt").asInt()).isEqualTo(2);
    SiloNodeTest.done(insurer, job);
    SiloNodeTest.verified(bank);
    SiloNodeTest.verified(insurer);
  }

  private Process spawn() throws IOException, InterruptedException {
    Process started =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                NodeProcessMain.class.getName(),
                insurer.home.root().toString())
            .redirectErrorStream(true)
            .redirectOutput(insurer.home.console().toFile())
            .start();
    until(
        () -> {
          assertThat(started.isAlive()).isTrue();
          return insurer.isRunning();
        });
    return started;
  }

  /** Bytes of the partner's in the job so far. */
  private long heard(String job) {
    JsonNode progress = bank.call("job.status", "job", job).path("progress");
    return progress.path("bytes").path("insurer.example").path("received").asLong();
  }

  private static void until(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited too long").isLessThan(deadline);
      Thread.sleep(20);
    }
  }
}
