package org.espalier.protocols.glm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import org.apache.commons.math3.stat.inference.ChiSquareTest;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.disclosure.Level;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What crosses the wire at level gradients, and what a party that deviates achieves. */
class GradientsWireTest {
  private static final Party BANK = TrainingRun.LABEL;
  private static final Party F1 = TrainingRun.featureParty(1);
  private static final Party F2 = TrainingRun.featureParty(2);
  private static final TrainingSpec SPEC = new TrainingSpec(Level.GRADIENTS, 0.01, 3, 1e-12, true);

  private static List<Integer> types(List<RecordedMessage> frames) {
    return frames.stream().map(RecordedMessage::type).toList();
  }

  /** The list of docs/protocols/gradients.md, message by message. */
  @Test
  void nothingCrossesTheWireButWhatTheSpecificationLists() {
    int rows = 9000;
    TestData data = TestData.synthetic(rows, 4, 3, 5, 4);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun run = TrainingRun.of(data, SPEC, network);
    int passes = run.label().passes().size();
    int degree = (Integer) run.label().parametersRun().get("ring_degree");
    int width = (Integer) run.label().parametersRun().get("tile_width");
    int blocks = (rows + degree / width - 1) / (degree / width);

    List<Integer> down = new ArrayList<>(List.of(51));
    List<Integer> up = new ArrayList<>(List.of(50, 64));
    for (int pass = 0; pass < passes; pass++) {
      down.addAll(List.of(60, 52));
      for (int b = 0; b < blocks; b++) {
        down.add(53);
      }
      down.add(55);
      up.addAll(List.of(54, 61, 62));
    }
    down.add(60);
    for (Party feature : List.of(F1, F2)) {
      assertThat(types(RecordedMessage.all(network, BANK, feature))).isEqualTo(down);
      assertThat(types(RecordedMessage.all(network, feature, BANK))).isEqualTo(up);
    }
    assertThat(types(RecordedMessage.all(network, F1, F2))).containsExactly(63, 40);
    assertThat(types(RecordedMessage.all(network, F2, F1))).containsExactly(63);
    // Every feature party gets the same key and ciphertexts; sizes depend on public numbers only.
    List<RecordedMessage> first = RecordedMessage.all(network, BANK, F1);
    List<RecordedMessage> second = RecordedMessage.all(network, BANK, F2);
    for (int i = 0; i < first.size(); i++) {
      if (first.get(i).type() != 55 && first.get(i).type() != 51) {
        assertThat(first.get(i).payload()).isEqualTo(second.get(i).payload());
      }
    }
    for (RecordedMessage frame : RecordedMessage.all(network, F1, BANK)) {
      if (frame.type() == 61) {
        assertThat(frame.payload()).hasSize(8 + 6 * rows);
      }
    }
  }

  @Test
  void withTwoFeaturePartiesEachOnesLogitsAreUniform() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun.of(TestData.synthetic(9000, 4, 3, 5, 4), SPEC, network);
    for (Party feature : List.of(F1, F2)) {
      for (RecordedMessage frame : RecordedMessage.all(network, feature, BANK)) {
        if (frame.type() == 61) {
          assertThat(uniformity(frame.payload(), 8)).isGreaterThan(1e-6);
        }
      }
    }
  }

  @Test
  void masksOnWhatTheLabelPartyDecryptsAreUniform() {
    // Tall data whose gradient is tiny: unmasked, the values would cluster near 0 and t.
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingRun run = TrainingRun.of(TestData.synthetic(2000, 8, 2, 190), SPEC, network);
    long t = (Long) run.label().parametersRun().get("plain_modulus");
    long[] bins = new long[16];
    for (RecordedMessage frame : RecordedMessage.all(network, BANK, F1)) {
      if (frame.type() == 55) {
        ByteBuffer in = ByteBuffer.wrap(frame.payload(), 4, frame.payload().length - 4);
        while (in.hasRemaining()) {
          bins[(int) (16.0 * in.getLong() / t)]++;
        }
      }
    }
    assertThat(Arrays.stream(bins).sum()).isEqualTo(570);
    assertThat(chiSquare(bins)).isGreaterThan(1e-6);
  }

  /** p-value of the hypothesis that all byte values are equally likely. */
  private static double uniformity(byte[] payload, int from) {
    long[] bins = new long[256];
    for (int i = from; i < payload.length; i++) {
      bins[payload[i] & 0xff]++;
    }
    return chiSquare(bins);
  }

  private static double chiSquare(long[] bins) {
    double[] expected = new double[bins.length];
    Arrays.fill(expected, 1.0 * Arrays.stream(bins).sum() / bins.length);
    return new ChiSquareTest().chiSquareTest(expected, bins);
  }

  /** A label party that shows the feature parties different residuals opens noise. */
  @Test
  void zeroSumMasksDoNotCancelForDifferentRequests() {
    TestData data = TestData.synthetic(3000, 4, 3, 5, 4);
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(BANK) && channel.peer().equals(F2)
                ? new TamperingChannel(
                    channel,
                    53,
                    1,
                    payload -> {
                      // One residue of the ciphertext changed: still a valid ciphertext.
                      payload[200] ^= 1;
                      return payload;
                    })
                : channel;
    double[] objectives =
        TrainingRun.of(data, SPEC, new MemoryNetwork(), wrap).label().passes().stream()
            .mapToDouble(PassReport::estimatedGap)
            .toArray();
    double[] honest =
        TrainingRun.of(data, SPEC, new MemoryNetwork()).label().passes().stream()
            .mapToDouble(PassReport::estimatedGap)
            .toArray();
    // The opened inner products are random residues of 2^64 instead of a squared length near 1.
    assertThat(objectives[0])
        .satisfiesAnyOf(
            gap -> assertThat(gap).isNaN(), gap -> assertThat(gap).isGreaterThan(10 * honest[0]));
  }

  /** The same for one that tells them different scales or coefficients. */
  @Test
  void masksAreBoundToTheStartOfThePass() {
    TestData data = TestData.synthetic(3000, 4, 3, 5, 4);
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(BANK) && channel.peer().equals(F2)
                ? new TamperingChannel(
                    channel,
                    60,
                    1,
                    payload -> {
                      payload[11]++; // scale
                      return payload;
                    })
                : channel;
    double honest =
        TrainingRun.of(data, SPEC, new MemoryNetwork()).label().passes().get(0).estimatedGap();
    double opened =
        TrainingRun.of(data, SPEC, new MemoryNetwork(), wrap)
            .label()
            .passes()
            .get(0)
            .estimatedGap();
    assertThat(Double.isNaN(opened) || opened > 10 * honest).isTrue();
  }

  /** Eight people with the outcome, where the feature parties have nine columns. */
  @Test
  void tooFewPeopleOfAnOutcomeAreRefused() {
    TestData data = TestData.synthetic(600, 2, 1, 5, 4);
    for (int i = 0, left = 8; i < 600; i++) {
      data.labels()[i] = data.labels()[i] == 1 && left-- > 0 ? 1 : 0;
    }
    assertThatThrownBy(() -> TrainingRun.of(data, SPEC, new MemoryNetwork()))
        .hasMessageContaining("class 2 of 2 has fewer training people than");
  }

  @Test
  void tooManyColumnsForTheRowsAreRefusedBeforeAnythingIsSent() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    assertThatThrownBy(() -> TrainingRun.of(TestData.synthetic(200, 9, 1, 21), SPEC, network))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("21 prepared columns for 200");
    assertThat(RecordedMessage.all(network, BANK, F1)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "53 | 1 | ones     | bank | not below its modulus",
        "53 | 1 | short    | bank | encrypted residuals",
        "53 | 1 | header   | bank | other parameters",
        "52 | 1 | ones     | bank | not below its modulus",
        "53 | 1 | repeat   | bank | block",
        "51 | 1 | zeros    | bank | parameters",
        "55 | 1 | ones     | bank | not a residue modulo t",
        "60 | 2 | zeros    | bank | pass",
        "60 | 1 | coefficients | bank | coefficients",
        "60 | 1 | reach    | bank | residuals beyond those of the family",
        "54 | 1 | ones     | f1   | not below its modulus",
        "54 | 1 | short    | f1   | reply",
        "50 | 1 | zeros    | f1   | rows",
        "64 | 1 | ones     | f1   | allowed passes",
        "50 | 1 | columns  | f1   | too many for 500 rows",
        "61 | 1 | shift    | f1   | logits from row",
        "62 | 1 | short    | f1   | scalars",
      })
  void whatDeviatesIsRefusedByNameAndReason(
      int code, int occurrence, String how, String who, String reason) {
    TestData data = TestData.synthetic(500, 4, 3, 5);
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().name().equals(who)
                ? new TamperingChannel(channel, code, occurrence, payload -> damage(how, payload))
                : channel;
    assertThatThrownBy(() -> TrainingRun.of(data, SPEC, new MemoryNetwork(), wrap))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(who + " broke the protocol")
        .hasMessageContaining(reason);
  }

  private static byte[] damage(String how, byte[] payload) {
    switch (how) {
      case "ones" ->
          Arrays.fill(
              payload, Math.max(0, Math.min(payload.length - 8, 120)), payload.length, (byte) -1);
      case "zeros" -> Arrays.fill(payload, (byte) 0);
      case "columns" -> payload[6] = 1;
      case "header" -> payload[4 + 4 + 5] ^= 1;
      case "repeat", "shift" -> payload[3]++;
      case "reach" -> payload[15] = 1;
      case "coefficients" -> {
        byte[] longer = Arrays.copyOf(payload, payload.length + 8);
        longer[19] = 1;
        return longer;
      }
      default -> {
        return Arrays.copyOf(payload, payload.length - 1);
      }
    }
    return payload;
  }

  private static TrainingRun after(
      Map<Party, Integer> earlier, boolean span, MemoryNetwork network) {
    // Three passes are allowed on these people.
    TestData data = TestData.synthetic(500, 4, 3, 8, 5);
    TrainingSpec spec = new TrainingSpec(Level.GRADIENTS, 0.01, 5, 1e-12, span);
    return TrainingRun.of(data, spec, network, channel -> channel, earlier);
  }

  @Test
  void passesOfEarlierAttemptsAndJobsCountByTheStrictestParty() {
    for (Map<Party, Integer> earlier :
        List.of(Map.of(BANK, 1), Map.of(F2, 1), Map.of(BANK, 1, F1, 1))) {
      LabelOutcome end = after(earlier, false, new MemoryNetwork()).label();
      assertThat(end.passes()).as("%s", earlier).hasSize(2);
      assertThat(end.end()).isEqualTo(LabelOutcome.End.DISCLOSURE);
    }
    assertThat(after(Map.of(F1, 9), true, new MemoryNetwork()).label().passes()).hasSize(5);
  }

  @Test
  void whereNoPassIsLeftEverySideSaysSoBeforeAnyResidualIsSent() {
    for (Party counting : List.of(BANK, F1, F2)) {
      MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
      Throwable refusal = catchThrowable(() -> after(Map.of(counting, 7), false, network));
      List<Throwable> all = new ArrayList<>(List.of(refusal.getSuppressed()));
      all.add(refusal);
      assertThat(all).hasSize(3).hasOnlyElementsOfType(NoPassLeft.class);
      assertThat(all)
          .allSatisfy(e -> assertThat(e).hasMessageContainingAll("have 13", "accept: [span]"))
          .anySatisfy(e -> assertThat(e).hasMessageContaining("7 passes were used by earlier"));
      for (Party feature : List.of(F1, F2)) {
        // 0 ends a stream: whoever stops tells the others why, unless they are gone already.
        assertThat(types(RecordedMessage.all(network, BANK, feature)))
            .startsWith(51, 60)
            .isSubsetOf(51, 60, 0);
        assertThat(types(RecordedMessage.all(network, feature, BANK)))
            .startsWith(50, 64)
            .doesNotContain(61);
      }
    }
  }

  @Test
  void everyPassIsCountedBeforeAnythingOfItIsSent() {
    TestData data = TestData.synthetic(500, 4, 3, 5);
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TrainingJob job =
        new TrainingJob(
            new Session("J-test", new byte[32], 1), BANK, List.of(F1), data.rows(), SPEC, 0);
    PassListener full =
        new PassListener() {
          @Override
          public void pass(PassReport report) {}

          @Override
          public void begins(int number) {
            if (number == 2) {
              throw new IllegalStateException("cannot count pass 2");
            }
          }
        };
    List<Integer> counted = Collections.synchronizedList(new ArrayList<>());
    Channel down = network.channel(BANK, F1);
    Channel up = network.channel(F1, BANK);
    CompletableFuture<FeatureOutcome> feature =
        CompletableFuture.supplyAsync(
            () ->
                JointTraining.feature(
                    job, up, Map.of(), data.parts().get(1), Progress.NONE, counted::add));
    assertThatThrownBy(
            () ->
                JointTraining.label(
                    job, Map.of(F1, down), data.parts().get(0), Outcomes.of(data.labels()), full))
        .hasMessage("cannot count pass 2");
    down.close();
    assertThatThrownBy(feature::join).hasCauseInstanceOf(WireException.class);
    assertThat(counted).containsExactly(1);
    assertThat(types(RecordedMessage.all(network, BANK, F1))).containsExactly(51, 60, 52, 53, 55);

    // At a feature party: the request of the pass has come, its answer has not gone.
    MemoryNetwork other = new MemoryNetwork(true, Duration.ofMinutes(1));
    Channel label = other.channel(BANK, F1);
    CompletableFuture<LabelOutcome> waiting =
        CompletableFuture.supplyAsync(
            () ->
                JointTraining.label(
                    job,
                    Map.of(F1, label),
                    data.parts().get(0),
                    Outcomes.of(data.labels()),
                    report -> {}));
    Channel mine = other.channel(F1, BANK);
    IntConsumer refusing =
        pass -> {
          throw new IllegalStateException("cannot count pass " + pass);
        };
    assertThatThrownBy(
            () ->
                JointTraining.feature(
                    job, mine, Map.of(), data.parts().get(1), Progress.NONE, refusing))
        .hasMessage("cannot count pass 1");
    mine.close();
    assertThatThrownBy(waiting::join).hasCauseInstanceOf(WireException.class);
    assertThat(types(RecordedMessage.all(other, F1, BANK))).containsExactly(50, 64);
  }

  @Test
  void aFeaturePartyStopsALabelPartyThatWantsMorePassesThanAgreed() {
    TestData data = TestData.synthetic(500, 4, 3, 8);
    TrainingSpec allowsTwo = new TrainingSpec(Level.GRADIENTS, 0.01, 3, 1e-12, false);
    TrainingRun run = TrainingRun.of(data, allowsTwo, new MemoryNetwork());
    assertThat(run.label().passes()).hasSize(2);
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(BANK)
                ? new TamperingChannel(
                    channel,
                    60,
                    3,
                    payload -> {
                      payload[7] = 0; // not the last
                      return payload;
                    })
                : channel;
    assertThatThrownBy(() -> TrainingRun.of(data, allowsTwo, new MemoryNetwork(), wrap))
        .hasMessageContaining("more than the 2 passes");
  }
}
