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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Softmax regression at level gradients against scikit-learn's fit of the same objective. */
class SoftmaxTest {
  private static JsonNode reference() throws IOException {
    try (InputStream in = SoftmaxTest.class.getResourceAsStream("softmax.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  static List<JsonNode> fits() throws IOException {
    List<JsonNode> fits = new ArrayList<>();
    reference().path("fits").forEach(fits::add);
    assertThat(fits).hasSize(6);
    return fits;
  }

  private static double[] numbers(JsonNode list) {
    double[] values = new double[list.size()];
    Arrays.setAll(values, i -> list.get(i).asDouble());
    return values;
  }

  private static double[] outcomes(String name) throws IOException {
    return numbers(reference().path("outcomes").path(name));
  }

  static TrainingSpec spec(int classes, boolean weighted) {
    return new TrainingSpec(
            Family.LOGISTIC, Level.GRADIENTS, 0.01, 60, 1e-10, true, false, weighted)
        .withClasses(classes);
  }

  @ParameterizedTest
  @MethodSource("fits")
  void isTheCentralisedSolution(JsonNode fit) throws IOException {
    String factors = fit.path("classes").asText();
    boolean weighted = fit.path("weighted").asBoolean();
    double[] y = outcomes(fit.path("outcome").asText());
    int classes = fit.path("intercepts").size();
    double[] weights = weighted ? FamiliesTest.outcomes("logistic", true, false).weights() : null;
    Outcomes outcomes = new Outcomes(y, weights, null);
    outcomes =
        switch (factors) {
          case "" -> outcomes;
          case "balanced" -> outcomes.balanced();
          default ->
              outcomes.withClassWeights(
                  Stream.of(factors.split(":")).mapToDouble(Double::parseDouble).toArray());
        };
    weighted |= !factors.isEmpty();
    TrainingRun run = FamiliesTest.train(spec(classes, weighted), outcomes, 0, 2, 6, 9);
    double[] expected = numbers(fit.path("weights"));
    double tolerance = 1e-3 * Math.sqrt(SubspaceFit.dot(expected, expected));
    assertThat(run.weights()).containsExactly(expected, within(tolerance));
    assertThat(run.label().intercepts())
        .containsExactly(numbers(fit.path("intercepts")), within(tolerance));
    assertThat(run.label().converged()).isTrue();
  }

  /** Outcomes of three classes that the columns say something of. */
  private static TestData threeClasses(int rows, int... columns) {
    TestData data = TestData.synthetic(rows, 6, columns);
    double[] y = new double[rows];
    Random random = new Random(5);
    Arrays.setAll(y, i -> data.labels()[i] == 0 ? 0 : 1 + random.nextInt(2));
    return new TestData(data.parts(), y);
  }

  private static TrainingSpec limited(int passes, boolean accept) {
    return new TrainingSpec(Level.GRADIENTS, 0.01, passes, 1e-12, accept).withClasses(3);
  }

  /** Twice the numbers of each person: half the passes, and half the columns. */
  @Test
  void aPassCountsAsOftenAsItOpensNumbers() {
    TestData data = threeClasses(600, 2, 9, 8);
    TrainingRun run = TrainingRun.of(data, limited(6, false), new MemoryNetwork());
    assertThat(run.label().passes()).hasSize(2);
    assertThat(run.label().end()).isEqualTo(LabelOutcome.End.DISCLOSURE);
    assertThatThrownBy(
            () ->
                TrainingRun.of(
                    data,
                    limited(6, false),
                    new MemoryNetwork(),
                    channel -> channel,
                    Map.of(TrainingRun.featureParty(2), 3)))
        .isInstanceOf(NoPassLeft.class)
        .hasMessageContaining("one pass for every 8 columns");
    assertThatThrownBy(
            () -> TrainingRun.of(threeClasses(339, 2, 9, 8), limited(2, true), new MemoryNetwork()))
        .hasMessageContaining("at least 20 rows a column are needed");
    assertThat(Disclosure.mostColumns(339, 2)).isEqualTo(16);
  }

  @Test
  void anotherAttemptGoesOnAfterThePassesThatAllHaveKept() {
    TestData data = threeClasses(600, 2, 5, 4);
    Map<Party, TrainingRun.Before> before = new HashMap<>();
    for (Party party :
        List.of(TrainingRun.LABEL, TrainingRun.featureParty(1), TrainingRun.featureParty(2))) {
      before.put(party, new TrainingRun.Before(0, new GradientsResumeTest.Memory()));
    }
    List<Integer> begun = new ArrayList<>();
    TrainingRun.again(data, limited(2, true), new MemoryNetwork(), before, begun::add);
    TrainingRun resumed =
        TrainingRun.again(data, limited(4, true), new MemoryNetwork(), before, begun::add);
    assertThat(begun).startsWith(1, 2, 3).doesNotHaveDuplicates();
    TrainingRun whole = TrainingRun.of(data, limited(4, true), new MemoryNetwork());
    assertThat(resumed.weights()).containsExactly(whole.weights(), within(1e-3));
  }

  /** The list of docs/protocols/gradients.md with two directions a pass. */
  @Test
  void aPassIsOneRoundTripForAllClasses() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun.of(threeClasses(600, 2, 5, 4), limited(1, true), network);
    Party first = TrainingRun.featureParty(1);
    List<RecordedMessage> up = RecordedMessage.all(network, first, TrainingRun.LABEL);
    assertThat(types(RecordedMessage.all(network, TrainingRun.LABEL, first)))
        .containsExactly(51, 60, 52, 53, 52, 53, 55, 55, 60);
    assertThat(types(up)).containsExactly(50, 64, 54, 54, 61, 61, 62);
    // Each direction has a mask of its own: their difference is as uniform as they are.
    byte[] one = up.get(4).payload();
    byte[] two = up.get(5).payload();
    int near = 0;
    for (int i = 0; i < 600; i++) {
      int at = 8 + 6 * i;
      int difference = (one[at] - two[at]) & 0xff;
      near += difference < 4 || difference > 251 ? 1 : 0;
    }
    assertThat(near).isLessThan(60);
  }

  private static List<Integer> types(List<RecordedMessage> frames) {
    return frames.stream().map(RecordedMessage::type).toList();
  }

  @Test
  void whatIsNoSoftmaxRegressionIsRefused() {
    TrainingSpec gradients = new TrainingSpec(Level.GRADIENTS, 0.01, 4, 1e-6, true);
    for (int classes : new int[] {-1, 1, 2, 21}) {
      assertThatThrownBy(() -> gradients.withClasses(classes))
          .hasMessageContaining("is of 3 to 20 classes, not " + classes);
    }
    TrainingSpec sealed = new TrainingSpec(Level.SEALED, 0.01, 4, 1e-6, false);
    assertThatThrownBy(() -> sealed.withClasses(3)).hasMessageContaining("at level gradients");
    assertThatThrownBy(() -> gradients.withL1(0.1).withClasses(3)).hasMessageContaining("penalty");
    TestData data = threeClasses(600, 2, 5, 4);
    data.labels()[9] = 3;
    assertThatThrownBy(() -> TrainingRun.of(data, limited(2, true), new MemoryNetwork()))
        .hasMessageContaining("no outcome of a softmax model is 3.0");
    data.labels()[9] = 0;
    assertThatThrownBy(
            () -> TrainingRun.of(data, limited(2, true).withClasses(4), new MemoryNetwork()))
        .hasMessageContaining("none of the training people is of class 4 of 4");
    // Eight of a class, where the feature parties have nine columns.
    for (int i = 0, left = 8; i < 600; i++) {
      data.labels()[i] = data.labels()[i] == 2 && left-- <= 0 ? 1 : data.labels()[i];
    }
    assertThatThrownBy(() -> TrainingRun.of(data, limited(2, true), new MemoryNetwork()))
        .hasMessageContaining("class 3 of 3 has fewer training people than");
  }
}
