package org.espalier.protocols.neural;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.espalier.protocols.RecordedMessage;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.glm.TamperingChannel;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.neural.top.Activation;
import org.espalier.protocols.neural.top.Descent;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Channel;
import org.espalier.wire.Decoder;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What crosses the wire at level split, and what a party that deviates achieves. */
class SplitWireTest {
  private static final Party BANK = SourceRun.LABEL;
  private static final Party F1 = SourceRun.featureParty(1);
  private static final Party F2 = SourceRun.featureParty(2);
  private static final int ROWS = 250;
  private static final int HIDDEN = 4;
  private static final int EPOCHS = 4;

  private static SourceSpec spec(double gradientNoise, double activationNoise) {
    SplitSpec split =
        new SplitSpec(
            List.of(6), Activation.RELU, Descent.Kind.SGD, 0, gradientNoise, activationNoise);
    return new SourceSpec(HIDDEN, 100, EPOCHS, 0.1, 0.5, true, split);
  }

  private static List<Matrix> parts(int... columns) {
    return SourceRun.parts(ROWS, columns);
  }

  private static SmallTop top() {
    double[] labels = new Random(4).doubles(ROWS).map(u -> u < 0.5 ? 1 : 0).toArray();
    return new SmallTop(labels, HIDDEN, 0.1, 0.5, 1);
  }

  private static List<Integer> types(List<RecordedMessage> frames) {
    return frames.stream().map(RecordedMessage::type).toList();
  }

  /** The list of docs/protocols/split.md, message by message, and as the plan counts them. */
  @Test
  void nothingCrossesTheWireButWhatTheSpecificationLists() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    List<Matrix> parts = parts(2, 5, 3);
    SourceSpec spec = spec(1, 1);
    SplitRun.train(parts, spec, top(), network);
    List<Integer> down = new ArrayList<>(List.of(107));
    List<Integer> up = new ArrayList<>(List.of(107));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      for (int batch = 0; batch < 3; batch++) {
        down.add(108);
        up.add(108);
      }
      down.add(106);
    }
    assertThat(types(RecordedMessage.all(network, BANK, F1))).isEqualTo(down);
    assertThat(types(RecordedMessage.all(network, F1, BANK))).isEqualTo(up);
    assertThat(types(RecordedMessage.all(network, F1, F2))).containsExactly(40);
    assertThat(types(RecordedMessage.all(network, F2, F1))).isEmpty();
    assertThat(network.recorded(BANK, F1)).isEqualTo(network.recorded(BANK, F2));
    TrainingCost.Size size =
        new TrainingCost.Size(ROWS, 0, new int[] {2, 5, 3}, Workspace.inMemory());
    Script script = SourceCost.of(spec, size).script();
    for (int p = 1; p <= 2; p++) {
      Channel channel = network.channel(BANK, SourceRun.featureParty(p));
      assertThat(channel.traffic().bytesSent()).isEqualTo(script.bytes()[0][p]);
      assertThat(channel.traffic().bytesReceived()).isEqualTo(script.bytes()[p][0]);
      assertThat(channel.traffic().messagesSent()).isEqualTo(script.messages()[0][p]);
      assertThat(channel.traffic().messagesReceived()).isEqualTo(script.messages()[p][0]);
    }
    assertThat(network.channel(F1, F2).traffic().bytesSent()).isEqualTo(script.bytes()[1][2]);
  }

  /** The figures of docs/protocols/split.md. */
  @Test
  void itTakesASixthOfTheBytesOfActivations() {
    TrainingCost.Size size =
        new TrainingCost.Size(20_000, 0, new int[] {10, 60}, Workspace.inMemory());
    SplitSpec split = new SplitSpec(List.of(16), Activation.RELU, Descent.Kind.ADAM, 0, 2, 1);
    double encrypted = bytes(new SourceSpec(32, 1024, 4, 0.1, 0.9, true), size);
    double clear = bytes(new SourceSpec(32, 1024, 4, 0.003, 0.9, true, split), size);
    assertThat(clear / 4).isBetween(7.6e6, 7.8e6);
    assertThat(encrypted / clear).isBetween(5.0, 7.0);
  }

  private static double bytes(SourceSpec spec, TrainingCost.Size size) {
    long[][] bytes = SourceCost.of(spec, size).script().bytes();
    return bytes[0][1] + bytes[1][0];
  }

  /** Of two feature parties the label party gets the sum: each part by itself looks like noise. */
  @Test
  void partsOfSeveralFeaturePartiesAreMasked() {
    MemoryNetwork network = new MemoryNetwork(true, Duration.ofMinutes(1));
    SplitRun.train(parts(2, 5, 3), spec(0, 0), top(), network);
    double large = 0;
    int count = 0;
    for (RecordedMessage frame : RecordedMessage.all(network, F1, BANK)) {
      if (frame.type() == 108) {
        long[] values =
            SourceMessages.CutValues.TYPE.decoder().apply(new Decoder(frame.payload())).values();
        large += Arrays.stream(values).filter(v -> Math.abs(Cut.real(v)) > Cut.LIMIT).count();
        count += values.length;
      }
    }
    assertThat(large / count).isGreaterThan(0.9);
  }

  /** A label party that shows the feature parties different slopes opens noise. */
  @Test
  void masksDoNotCancelForDifferentSlopes() {
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().equals(BANK) && channel.peer().equals(F2)
                ? new TamperingChannel(
                    channel,
                    108,
                    2,
                    payload -> {
                      payload[20] ^= 1;
                      return payload;
                    })
                : channel;
    assertThatThrownBy(
            () -> SplitRun.train(parts(2, 5, 3), spec(0, 0), top(), new MemoryNetwork(), wrap))
        .isInstanceOf(Ring.RangeError.class)
        .hasMessageContaining("exceeds ±4096 of each feature party");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "107 | 1 | zeros | f1   | size of the cut",
        "107 | 1 | rows  | f1   | rows, the cohort has",
        "108 | 2 | short | f1   | numbers at the cut",
        "108 | 2 | shift | f1   | numbers at the cut from",
        "108 | 3 | large | f1   | a number at the cut exceeds",
        "107 | 1 | zeros | bank | size of the cut",
        "107 | 1 | rows  | bank | that does not fit",
        "107 | 1 | few   | bank | that does not fit",
        "108 | 1 | short | bank | numbers at the cut",
        "108 | 2 | large | bank | a slope that exceeds",
        "106 | 1 | large | bank | end of an epoch",
      })
  void whatDeviatesIsRefusedByNameAndReason(
      int code, int occurrence, String how, String who, String reason) {
    UnaryOperator<Channel> wrap =
        channel ->
            channel.self().name().equals(who)
                ? new TamperingChannel(channel, code, occurrence, payload -> damage(how, payload))
                : channel;
    assertThatThrownBy(
            () -> SplitRun.train(parts(2, 5), spec(0, 0), top(), new MemoryNetwork(), wrap))
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(who + " broke the protocol")
        .hasMessageContaining(reason);
  }

  private static byte[] damage(String how, byte[] payload) {
    switch (how) {
      case "zeros" -> Arrays.fill(payload, (byte) 0);
      case "rows", "shift" -> payload[3]++;
      case "few" -> payload[7] = 1;
      case "large" -> Arrays.fill(payload, payload.length - 1, payload.length, (byte) 0x7f);
      default -> {
        return Arrays.copyOf(payload, payload.length - 1);
      }
    }
    return payload;
  }

  /** The slope through shortening is that of what was sent. */
  @Test
  void shorteningHasItsOwnSlope() {
    Random random = new Random(3);
    int width = 5;
    double[] z = random.doubles(2L * width, -1, 1).toArray();
    Arrays.setAll(z, i -> i < width ? 4 * z[i] : z[i] / 4);
    double[] by = random.doubles(z.length, -1, 1).toArray();
    RowNoise noise = new RowNoise(1e-300, SplitRun.coins(1));
    double[] sent = z.clone();
    noise.add(sent, 2, width, 1, 1);
    double[] slope = by.clone();
    noise.backward(slope, 2, width);
    for (int i = 0; i < z.length; i++) {
      double difference = 0;
      for (int side = -1; side <= 1; side += 2) {
        double[] moved = z.clone();
        moved[i] += side * 1e-6;
        new RowNoise(1e-300, SplitRun.coins(1)).add(moved, 2, width, 1, 1);
        for (int k = 0; k < z.length; k++) {
          difference += side * by[k] * moved[k] / 2e-6;
        }
      }
      assertThat(slope[i]).isCloseTo(difference, within(1e-6));
    }
    assertThat(RowNoise.usualLength(new double[] {3, 4, 0, 0, 0, 5}, 2)).isEqualTo(5);
  }
}
