package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A bank and an insurer that know each other. */
abstract class TwoSilos {
  @TempDir Path root;
  TestSilo bank;
  TestSilo insurer;

  @BeforeEach
  final void enrol() {
    bank = TestSilo.create("bank.example", root).start();
    insurer = TestSilo.create("insurer.example", root).start();
    bank.partnerWith(insurer);
  }

  @AfterEach
  final void stop() {
    bank.close();
    insurer.close();
  }

  /** The bank proposes a job, the insurer approves it, and it begins. */
  final String begin(ObjectNode spec) {
    String job = bank.propose(spec);
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    return job;
  }

  /** Both parties' data sets {@code newcomers} are scored; the job. */
  final String predictNewcomers(String model, JsonNode match) {
    ObjectNode predict = Json.object().put("kind", "predict").put("name", "new");
    predict.put("purpose", "research").put("model", model).put("label_party", "bank.example");
    for (String party : List.of("bank.example", "insurer.example")) {
      predict.withObject("parties").putObject(party).put("dataset", "newcomers");
    }
    predict.set("match", match);
    return begin(predict);
  }

  /** What a prediction left at the bank. */
  final List<String> scores(String job) throws IOException {
    return Files.readAllLines(
        Path.of(bank.call("predict.result", "job", job).path("file").asText()));
  }
}
