package org.espalier.protocols.neural;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.apache.commons.math3.stat.inference.ChiSquareTest;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.glm.TamperingChannel;
import org.espalier.protocols.neural.top.TopLayers;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What crosses the wire at level activations, and what a party that deviates achieves. */
class SourceWireTest {
  private static final Party BANK = SourceRun.LABEL;
  private static final Party F1 = SourceRun.featureParty(1);
  private static final Party F2 = SourceRun.featureParty(2);
  private static final int ROWS = 600;
  private static final int HIDDEN = 4;
  private static final SourceSpec SPEC = new SourceSpec(HIDDEN, 200, 4, 0.1, 0.5, true);

  private static List<Matrix> parts(int... columns) {
    return SourceRun.parts(ROWS, columns);
  }

  private static SourceRun<LabelSource, FeatureSource> train(
      List<Matrix> parts, TopLayers top, MemoryNetwork network, UnaryOperator<Channel> wrap) {
    SourceJob job = SourceRun.job(ROWS, parts.size() - 1, SPEC, 0);
    return SourceRun.of(
        job,
        network,
        wrap,
        features ->
            SourceProtocol.of(job.spec()).label(job, features, parts.get(0), top, epoch -> {}),
        (number, label, others) ->
            SourceProtocol.of(job.spec())
                .feature(job, label, others, parts.get(number), Progress.NONE, epoch -> {}));
  }

  private static SmallTop top() {
    double[] labels = new Random(4).doubles(ROWS).map(u -> u < 0.5 ? 1 : 0).toArray();
    return new SmallTop(labels, HIDDEN, 0.1, 0.5, 1);
  }

  private static List<Integer> types(List<RecordedMessage> frames) {
    return frames.stream().map(RecordedMessage::type).toList();
  }

  /** The list of docs/protocols/activations.md, message by message. */
  @Test
  void nothingCrossesTheWireButWhatTheSpecificationLists() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    train(parts(2, 5, 3), top(), network, channel -> channel);
    List<RecordedMessage> down = RecordedMessage.all(network, BANK, F1);
    List<RecordedMessage> up = RecordedMessage.all(network, F1, BANK);
    // Of a batch's preparation as many ciphertexts as the parameters say.
    List<Integer> steps = new ArrayList<>();
    List<Integer> answers = new ArrayList<>(List.of(101, 103));
    for (int epoch = 0; epoch < 4; epoch++) {
      for (int batch = 0; batch < 3; batch++) {
        steps.addAll(epoch == 0 ? List.of(80, 83, 83) : List.of(83, 83));
        answers.add(105);
      }
      steps.add(106);
    }
    steps.addAll(0, List.of(102, 104));
    steps.add(83);
    assertThat(types(down).stream().filter(type -> type != 81)).containsExactlyElementsOf(steps);
    assertThat(types(up).stream().filter(type -> type != 82)).containsExactlyElementsOf(answers);
    assertThat(types(RecordedMessage.all(network, F1, F2))).containsExactly(100, 40);
    assertThat(types(RecordedMessage.all(network, F2, F1))).containsExactly(100);
    for (RecordedMessage frame : up) {
      if (frame.type() == 105) {
        assertThat(frame.payload()).hasSize(8 + 3 * 200 * HIDDEN);
      }
    }
    // Both feature parties get the same masked slopes, and other shares of weights.
    List<RecordedMessage> second =
        RecordedMessage.all(network, BANK, F2).stream().filter(f -> f.type() == 83).toList();
    List<RecordedMessage> first = down.stream().filter(f -> f.type() == 83).toList();
    for (int step = 0; step < 12; step++) {
      assertThat(first.get(2 * step + 1).payload()).isEqualTo(second.get(2 * step + 1).payload());
      assertThat(first.get(2 * step).payload()).isNotEqualTo(second.get(2 * step).payload());
    }
  }

  /** Slopes of nothing and weights near 0 look like everything else. */
  @Test
  void whatEitherSideReceivesOfTheOthersIsUniform() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    TopLayers idle =
        new TopLayers() {
          @Override
          public void step(int epoch, int[] rows, double[] z, double[] slope) {}

          @Override
          public Decision epochEnds(int epoch) {
            return Decision.GO_ON;
          }
        };
    train(parts(2, 5, 3), idle, network, channel -> channel);
    List<RecordedMessage> down =
        RecordedMessage.all(network, BANK, F1).stream().filter(f -> f.type() == 83).toList();
    assertThat(uniformity(down, 0)).isGreaterThan(1e-6);
    List<RecordedMessage> up =
        RecordedMessage.all(network, F1, BANK).stream().filter(f -> f.type() == 105).toList();
    assertThat(uniformity(up, 8)).isGreaterThan(1e-6);
  }

  /** p-value of the hypothesis that all byte values are equally likely. */
  private static double uniformity(List<RecordedMessage> frames, int from) {
    long[] bins = new long[256];
    // The last one opens weights; residues of 47 bits of a prime just below 2^47, packed.
    for (RecordedMessage frame : frames.subList(0, frames.size() - 1)) {
      int start = from == 0 ? 12 : from;
      for (int i = start; i < frame.payload().length - 1; i++) {
        bins[frame.payload()[i] & 0xff]++;
      }
    }
    double[] expected = new double[256];
    Arrays.fill(expected, Arrays.stream(bins).sum() / 256.0);
    return new ChiSquareTest().chiSquareTest(expected, bins);
  }

  /** A label party that shows the feature parties different slopes opens noise. */
  @Test
  void masksDoNotCancelForDifferentRequests() {
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(BANK) && channel.peer().equals(F2)
                ? new TamperingChannel(
                    channel,
                    83,
                    2,
                    payload -> {
                      payload[20] ^= 1;
                      return payload;
                    })
                : channel;
    assertThatThrownBy(() -> train(parts(2, 5, 3), top(), new MemoryNetwork(), wrap))
        .hasMessageContaining("within which the source layer is exact");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "101 | 1 | zeros | f1   | slice facts",
        "101 | 1 | rows  | f1   | rows, the cohort has",
        "101 | 1 | norm  | f1   | bounds of no slice",
        "103 | 1 | ones  | f1   | allowed epochs",
        "105 | 2 | short | f1   | masked pre-activations",
        "105 | 2 | shift | f1   | pre-activations from",
        "82  | 1 | ones  | f1   | not below its modulus",
        "82  | 2 | shift | f1   | reply",
        "102 | 1 | zeros | bank | sizes of all slices",
        "102 | 1 | last  | bank | sizes that do not fit",
        "104 | 1 | more  | bank | more than the 4 epochs",
        "80  | 1 | ones  | bank | not below its modulus",
        "81  | 1 | ones  | bank | not below its modulus",
        "81  | 2 | shift | bank | ciphertext",
        "83  | 1 | ones  | bank | residue",
        "83  | 2 | short | bank | residues",
        "83  | 2 | shift | bank | residues from",
        "106 | 1 | ones  | bank | end of an epoch",
      })
  void whatDeviatesIsRefusedByNameAndReason(
      int code, int occurrence, String how, String who, String reason) {
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().name().equals(who)
                ? new TamperingChannel(channel, code, occurrence, payload -> damage(how, payload))
                : channel;
    assertThatThrownBy(() -> train(parts(2, 5), top(), new MemoryNetwork(), wrap))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(who + " broke the protocol")
        .hasMessageContaining(reason);
  }

  private static byte[] damage(String how, byte[] payload) {
    switch (how) {
      case "ones" ->
          Arrays.fill(
              payload,
              payload.length < 16 ? 0 : Math.min(payload.length - 8, 120),
              payload.length,
              (byte) -1);
      case "zeros" -> Arrays.fill(payload, (byte) 0);
      case "norm" -> payload[24] ^= (byte) 0x80;
      case "rows", "shift", "more" -> payload[3]++;
      case "last" -> Arrays.fill(payload, payload.length - 8, payload.length, (byte) 0);
      default -> {
        return Arrays.copyOf(payload, payload.length - 1);
      }
    }
    return payload;
  }
}
