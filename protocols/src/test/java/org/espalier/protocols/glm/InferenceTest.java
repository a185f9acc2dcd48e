package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.commons.math3.stat.inference.ChiSquareTest;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.evaluate.WaldTest;
import org.espalier.protocols.shares.WeightedGram;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Standard errors across parties against statsmodels. */
class InferenceTest {
  static List<JsonNode> fits() throws IOException {
    List<JsonNode> fits = new ArrayList<>();
    try (InputStream in = InferenceTest.class.getResourceAsStream("inference.json")) {
      new ObjectMapper().readTree(in).path("fits").forEach(fits::add);
    }
    assertThat(fits).hasSize(6);
    return fits;
  }

  private static TrainingSpec spec(JsonNode fit) {
    return new TrainingSpec(
            Family.parse(fit.path("family").asText()),
            Level.GRADIENTS,
            fit.path("l2").asDouble(),
            80,
            1e-10,
            true,
            false,
            fit.path("weighted").asBoolean() || fit.path("exposed").asBoolean())
        .withInference();
  }

  @ParameterizedTest
  @MethodSource("fits")
  void agreesWithStatsmodels(JsonNode fit) {
    Outcomes outcomes =
        FamiliesTest.outcomes(
            fit.path("family").asText(),
            fit.path("weighted").asBoolean(),
            fit.path("exposed").asBoolean());
    // Two parties, or three of which two hold features whose products are of both.
    boolean three = fit.path("l2").asDouble() < 1e-3;
    for (int[] cut : three ? new int[][] {{0, 2, 6, 9}} : new int[][] {{0, 3, 9}, {0, 0, 9}}) {
      TrainingRun run = FamiliesTest.train(spec(fit), outcomes, cut);
      List<Double> errors = new ArrayList<>();
      for (double error : run.label().inference().standardErrors()) {
        errors.add(error);
      }
      run.features()
          .forEach(
              feature -> {
                for (double error : feature.inference().standardErrors()) {
                  errors.add(error);
                }
              });
      errors.add(run.label().inference().intercept());
      int[] next = {0};
      for (double factor : run.label().inference().inflation()) {
        requireInflation(fit, next, factor);
      }
      for (FeatureOutcome feature : run.features()) {
        for (double factor : feature.inference().inflation()) {
          requireInflation(fit, next, factor);
        }
      }
      double[] weights = run.weights();
      assertThat(next[0]).isEqualTo(weights.length);
      assertThat(run.label().inference().dispersion() / fit.path("dispersion").asDouble())
          .isCloseTo(1, within(1e-3));
      for (int j = 0; j < errors.size(); j++) {
        double expected = fit.path("standard_errors").get(j).asDouble();
        assertThat(errors.get(j) / expected).as("standard error %d", j).isCloseTo(1, within(1e-3));
        if (fit.has("p_values")) {
          WaldTest test =
              WaldTest.of(j < weights.length ? weights[j] : run.label().intercept(), errors.get(j));
          assertThat(test.p()).isCloseTo(fit.path("p_values").get(j).asDouble(), within(1e-3));
          JsonNode interval = fit.path("intervals").get(j);
          assertThat(test.low()).isCloseTo(interval.get(0).asDouble(), within(4e-3 * expected));
          assertThat(test.high()).isCloseTo(interval.get(1).asDouble(), within(4e-3 * expected));
        }
      }
    }
  }

  private static void requireInflation(JsonNode fit, int[] next, double factor) {
    double expected = fit.path("vif").get(next[0]).asDouble();
    assertThat(factor / expected).as("inflation %d", next[0]++).isCloseTo(1, within(4e-3));
    assertThat(factor).isGreaterThanOrEqualTo(1);
  }

  @Test
  void waldsTestIsThatOfTables() {
    assertThat(WaldTest.of(1.959964, 1).p()).isCloseTo(0.05, within(1e-7));
    assertThat(WaldTest.of(-10, 1).p()).isCloseTo(1.523971e-23, within(1e-28));
    assertThat(WaldTest.of(2, 1).low()).isCloseTo(0.040036, within(1e-6));
    assertThat(WaldTest.of(0, 0).z()).isNull();
    assertThatThrownBy(() -> WaldTest.of(1, -1)).hasMessageContaining("standard error of -1");
  }

  @Test
  void isForLevelGradientsAndNotForTooManyColumns() {
    assertThatThrownBy(() -> new TrainingSpec(Level.SEALED, 0.01, 9, 1e-6, false).withInference())
        .hasMessage("standard errors need level gradients");
    assertThatThrownBy(() -> new WeightedGram.Plan(9000, 2, 497, 2))
        .hasMessageContaining("at most 500 columns of all parties together");
  }

  /** Whoever reads a share learns nothing; sums are opened at the label party only. */
  @Test
  void sharesAreUniform() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 0.01, 1, 1e-2, true).withInference();
    TrainingRun.of(TestData.synthetic(700, 3, 2, 4, 3), spec, network);
    List<Party> parties =
        List.of(TrainingRun.LABEL, TrainingRun.featureParty(1), TrainingRun.featureParty(2));
    for (Party from : parties) {
      for (Party to : parties) {
        long[] bins = new long[256];
        for (RecordedMessage message :
            from.equals(to) ? List.<RecordedMessage>of() : RecordedMessage.all(network, from, to)) {
          if (message.type() == 83) {
            for (int at = 8; at < message.payload().length - 1; at++) {
              bins[message.payload()[at] & 0xff]++;
            }
          }
        }
        double[] expected = new double[bins.length];
        Arrays.fill(expected, 1.0 * Arrays.stream(bins).sum() / bins.length);
        if (expected[0] > 5) {
          assertThat(new ChiSquareTest().chiSquareTest(expected, bins)).isGreaterThan(1e-6);
        }
        // The label party and the first feature party hold vectors that others multiply with.
        boolean holds = from.compareTo(to) < 0;
        assertThat(expected[0] > 5).isEqualTo(holds && !from.equals(parties.get(2)));
      }
    }
  }

  /** What a label party that deviates announces fits neither the job nor the columns. */
  @Test
  void columnsThatAreNotTheirsAreRefused() {
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 0.01, 1, 1e-2, true).withInference();
    TestData data = TestData.synthetic(300, 3, 2, 4);
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(TrainingRun.LABEL)
                ? new TamperingChannel(
                    channel,
                    65,
                    1,
                    payload -> {
                      payload[payload.length - 1]++;
                      return payload;
                    })
                : channel;
    assertThatThrownBy(() -> TrainingRun.of(data, spec, new MemoryNetwork(), wrap))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("announced other columns than there are");
    UnaryOperator<Channel> other =
        channel ->
            channel.peer().equals(TrainingRun.LABEL)
                ? new TamperingChannel(
                    channel,
                    66,
                    1,
                    payload -> {
                      payload[payload.length - 1] = 16;
                      return payload;
                    })
                : channel;
    assertThatThrownBy(() -> TrainingRun.of(data, spec, new MemoryNetwork(), other))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("more bits than columns may have");
  }

  /** Where two parties have the same columns, no weight is certain, and the model is kept. */
  @Test
  void columnsThatSayTheSameHaveNone() {
    TestData data = TestData.synthetic(2000, 3, 3);
    TestData twice = new TestData(List.of(data.parts().get(0), data.parts().get(0)), data.labels());
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 1e-6, 2, 1e-2, true).withInference();
    TrainingRun run = TrainingRun.of(twice, spec, new MemoryNetwork());
    assertThat(run.label().inference()).isNull();
    assertThat(run.label().findings()).contains(StandardErrors.NONE);
    assertThat(run.features().get(0).inference()).isNull();
    assertThat(run.features().get(0).weights()).hasSize(3);
  }
}
