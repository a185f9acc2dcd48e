package org.espalier.protocols.predict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.wire.Channel;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JointLogitsTest {
  private static final Party LABEL = new Party("label.example");
  private static final Session SESSION = new Session("job-1", new byte[32], 1);
  private static final int HEADER = 6;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final MemoryNetwork net = new MemoryNetwork(true, Duration.ofSeconds(20));

  @AfterEach
  void stop() {
    net.close();
    threads.shutdownNow();
  }

  private static List<Party> parties(int count) {
    return IntStream.range(0, count).mapToObj(i -> new Party("feature-" + i + ".example")).toList();
  }

  private static double[] logits(int rows, long seed) {
    Random random = new Random(seed);
    return random.doubles(rows).map(u -> 5 * random.nextGaussian()).toArray();
  }

  private CompletableFuture<Void> feature(
      Session session, Party self, List<Party> all, double[] own) {
    List<Party> others = all.stream().filter(p -> !p.equals(self)).toList();
    Channel label = net.channel(self, LABEL);
    Map<Party, Channel> channels = net.channels(self, others);
    return CompletableFuture.runAsync(
        () -> JointLogits.feature(session, label, channels, own), threads);
  }

  private double[] run(List<Party> features, double[] own, List<double[]> theirs) {
    List<CompletableFuture<Void>> runs = new ArrayList<>();
    for (int p = 0; p < features.size(); p++) {
      runs.add(feature(SESSION, features.get(p), features, theirs.get(p)));
    }
    double[] sum = JointLogits.label(SESSION, net.channels(LABEL, features), own);
    runs.forEach(CompletableFuture::join);
    return sum;
  }

  @ParameterizedTest
  @CsvSource({"2, 0", "2, 1", "2, 1000", "3, 1000", "5, 1000", "2, 65536", "3, 140001"})
  void theLabelPartyLearnsTheSumTo29Bits(int parties, int rows) {
    List<Party> features = parties(parties - 1);
    double[] own = logits(rows, 1);
    List<double[]> theirs =
        IntStream.range(1, parties).mapToObj(p -> logits(rows, 10 + p)).toList();
    double[] sum = run(features, own, theirs);
    assertThat(sum).hasSize(rows);
    for (int i = 0; i < rows; i++) {
      int row = i;
      double expected = own[i] + theirs.stream().mapToDouble(part -> part[row]).sum();
      assertThat(sum[i]).isCloseTo(expected, within(0x1p-29));
    }
  }

  /** The residues that one feature party put on the wire to the label party. */
  private long[] sent(Party from, int rows) {
    byte[] bytes = net.recorded(from, LABEL);
    byte[] payload = Arrays.copyOfRange(bytes, HEADER, bytes.length);
    JointLogits.MaskedBlock block =
        JointLogits.MaskedBlock.TYPE.decoder().apply(new Decoder(payload));
    assertThat(block.logits()).hasSize(rows);
    return block.logits();
  }

  @ParameterizedTest
  @CsvSource({"3", "5"})
  void eachTransmittedVectorLooksUniformWithTwoOrMoreFeatureParties(int parties) {
    int rows = 50_000;
    List<Party> features = parties(parties - 1);
    // All zeros: any structure on the wire would be the mask's.
    List<double[]> theirs = features.stream().map(p -> new double[rows]).toList();
    run(features, new double[rows], theirs);
    for (Party party : features) {
      long[] residues = sent(party, rows);
      for (int shift = 0; shift < Ring.LOGITS.bits(); shift += 8) {
        int at = shift;
        assertThat(uniformP(Arrays.stream(residues).map(r -> r >>> at & 0xff)))
            .as("byte at bit %d", shift)
            .isGreaterThan(1e-7);
      }
      // Neighbouring rows share nothing either.
      assertThat(
              uniformP(
                  IntStream.range(1, rows).mapToLong(i -> residues[i] - residues[i - 1] & 0xff)))
          .isGreaterThan(1e-7);
      assertThat(Arrays.stream(residues).distinct().count()).isGreaterThan(rows - 5L);
    }
  }

  private static double uniformP(LongStream bytes) {
    double[] counts = new double[256];
    bytes.forEach(b -> counts[(int) b]++);
    double expected = Arrays.stream(counts).sum() / 256;
    double statistic =
        Arrays.stream(counts).map(c -> (c - expected) * (c - expected) / expected).sum();
    return 1 - new ChiSquaredDistribution(null, 255).cumulativeProbability(statistic);
  }

  @Test
  void twoRunsOfOneSessionNeverShareMasks() {
    List<Party> features = parties(2);
    List<double[]> theirs = List.of(new double[100], new double[100]);
    run(features, new double[100], theirs);
    byte[] first = net.recorded(features.get(0), LABEL);
    run(features, new double[100], theirs);
    byte[] both = net.recorded(features.get(0), LABEL);
    assertThat(both).hasSize(2 * first.length);
    assertThat(Arrays.copyOfRange(both, first.length, both.length)).isNotEqualTo(first);
  }

  /** Declared: with one feature party the sum is its part. */
  @Test
  void oneFeaturePartyIsOpenToTheLabelParty() {
    double[] part = logits(10, 3);
    run(parties(1), new double[10], List.of(part));
    long[] residues = sent(parties(1).get(0), 10);
    for (int i = 0; i < 10; i++) {
      assertThat(Ring.LOGITS.decode(residues[i])).isCloseTo(part[i], within(0x1p-31));
    }
  }

  @Test
  void aLogitOutsideTheProvenRangeIsRefusedBeforeItTravels() {
    List<Party> features = parties(1);
    CompletableFuture<Void> run = feature(SESSION, features.get(0), features, new double[] {2e5});
    net.channel(LABEL, features.get(0))
        .send(new JointLogits.LogitRequest(SESSION.bind("joint logits"), 1));
    assertThatThrownBy(run::join).hasCauseInstanceOf(Ring.RangeError.class);
    assertThat(net.recorded(features.get(0), LABEL)).isEmpty();
  }

  @Test
  void notANumberIsRefusedOnBothSides() {
    List<Party> features = parties(1);
    double[] bad = {Double.NaN};
    assertThatThrownBy(() -> JointLogits.label(SESSION, net.channels(LABEL, features), bad))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(feature(SESSION, features.get(0), features, bad)::join)
        .hasCauseInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> JointLogits.label(SESSION, Map.of(), new double[1]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anotherNumberOfRowsIsAClearError() {
    List<Party> features = parties(1);
    CompletableFuture<Void> run = feature(SESSION, features.get(0), features, new double[7]);
    net.channel(LABEL, features.get(0))
        .send(new JointLogits.LogitRequest(SESSION.bind("joint logits"), 8));
    assertThatThrownBy(run::join)
        .hasCauseInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("asks for 8 rows where 7 are agreed");
  }

  @Test
  void anotherAttemptIsAClearError() {
    List<Party> features = parties(1);
    Session later = new Session("job-1", new byte[32], 2);
    CompletableFuture<Void> run = feature(later, features.get(0), features, new double[1]);
    net.channel(LABEL, features.get(0))
        .send(new JointLogits.LogitRequest(SESSION.bind("joint logits"), 1));
    assertThatThrownBy(run::join)
        .hasCauseInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining("another job or attempt");
  }

  /** Writes any payload under a block's code. */
  record Forged(Encoder payload) implements Message {
    @Override
    public MessageType<?> type() {
      return JointLogits.MaskedBlock.TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(payload.toByteArray(), 0, payload.size());
    }
  }

  private void assertRefused(Message hostile, String says) {
    Party party = parties(1).get(0);
    net.channel(party, LABEL).send(hostile);
    CompletableFuture<double[]> label =
        CompletableFuture.supplyAsync(
            () -> JointLogits.label(SESSION, net.channels(LABEL, List.of(party)), new double[4]),
            threads);
    assertThatThrownBy(label::join)
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageContaining(party.name())
        .hasMessageContaining(says);
  }

  @Test
  void tooFewRowsInABlockAreRefused() {
    assertRefused(new JointLogits.MaskedBlock(0, new long[3]), "with 3 rows");
  }

  @Test
  void tooManyRowsInABlockAreRefused() {
    assertRefused(new JointLogits.MaskedBlock(0, new long[5]), "with 5 rows");
  }

  @Test
  void anEndlessBlockIsRefusedByItsLength() {
    assertRefused(new JointLogits.MaskedBlock(0, new long[5000]), "30008");
  }

  @Test
  void aBlockOutOfOrderIsRefused() {
    assertRefused(new JointLogits.MaskedBlock(1, new long[4]), "block 1");
  }

  @Test
  void aCountThatTheBytesDoNotHoldIsRefused() {
    assertRefused(new Forged(new Encoder().putInt(0).putInt(4)), "announces 4 values");
  }

  @Test
  void bytesAfterTheBlockAreRefused() {
    assertRefused(
        new Forged(new Encoder().putInt(0).putPacked(new long[4], 48).putByte(0)), "1 bytes after");
  }

  @Test
  void anyResiduesAtAllMakeFiniteNumbers() {
    Party party = parties(1).get(0);
    long[] all = {0, (1L << 47), (1L << 48) - 1, (1L << 47) - 1};
    net.channel(party, LABEL).send(new JointLogits.MaskedBlock(0, all));
    assertThat(JointLogits.label(SESSION, net.channels(LABEL, List.of(party)), new double[4]))
        .containsExactly(0, -0x1p17, -0x1p-30, 0x1p17 - 0x1p-30);
  }
}
