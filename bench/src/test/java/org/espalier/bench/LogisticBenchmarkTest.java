package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** The benchmark at a small size: it reaches the optimum and its figures agree with each other. */
class LogisticBenchmarkTest {
  @Test
  void aSmallRunReachesTheOptimumAndItsFiguresAddUp() {
    LogisticBenchmark.Settings s = new LogisticBenchmark.Settings(3000, 4, 6, 1e-3, 1e-5, 15);
    LogisticBenchmark.Result r = LogisticBenchmark.run(s);
    int passes = r.label().passes().size();
    assertThat(passes).isBetween(1, 15);
    assertThat(r.gaps()).hasSize(passes + 1);
    assertThat(r.finalGap()).isBetween(-1e-9, 1e-4);
    assertThat(r.gaps().get(0)).isGreaterThan(r.finalGap());
    assertThat(r.passesTo(1e-4)).isBetween(1, passes);
    assertThat(r.passesTo(-1)).isEqualTo(-1);
    long bytes = r.uses().values().stream().mapToLong(u -> u.bytes).sum();
    assertThat(bytes).isEqualTo(r.labelSent() + r.labelReceived());
    double phases = r.uses().values().stream().mapToDouble(TimedChannel.Use::seconds).sum();
    assertThat(phases).isLessThanOrEqualTo(r.seconds() + 0.1);

    JsonNode json = LogisticBenchmark.toJson(r);
    assertThat(json.get("pass")).hasSize(passes);
    assertThat(json.get("objective_gap").asDouble()).isEqualTo(r.finalGap());
    assertThat(json.get("parameters").get("security_bits").asInt()).isGreaterThanOrEqualTo(128);
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    LogisticBenchmark.print(r, new PrintStream(text, true, StandardCharsets.UTF_8));
    assertThat(text.toString(StandardCharsets.UTF_8)).contains(passes + " passes");
  }

  @Test
  void equalSeedsGiveEqualStandardisedData() {
    SyntheticData a = SyntheticData.of(500, 7, 3, 5);
    SyntheticData b = SyntheticData.of(500, 7, 3, 5);
    assertThat(a.parts().get(1).values()).isEqualTo(b.parts().get(1).values());
    assertThat(a.labels()).isEqualTo(b.labels()).contains(0, 1);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < 500; i++) {
      double v = a.parts().get(0).values()[i * 3];
      sum += v;
      squares += v * v;
    }
    assertThat(Math.abs(sum / 500)).isLessThan(1e-9);
    assertThat(squares / 500).isBetween(0.999, 1.001);
  }
}
