package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.OddTables;
import org.espalier.psi.Parties;
import org.espalier.psi.PlainJoin;
import org.espalier.psi.Table;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Decoder;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two parties either of which may deviate: what honest ones find, and what cheats run into. */
@Timeout(300)
class DeviationTest {
  private static final Path NONE = Path.of(".");
  private static final byte[] BINDING = new byte[32];
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final VoleShape SHAPE = VoleShape.of(10_000, true);
  private static final String[] PEOPLE = ids(0, 100);

  private static long[] delta;
  private static BaseTransfers.Chosen chosen;
  private static BaseTransfers.Both base;
  private static Vole.Receiver receiver;
  private static Vole.Sender sender;
  private static int batches;

  @BeforeAll
  static void transfer() {
    delta = new long[] {RANDOM.nextLong(), RANDOM.nextLong()};
    BaseTransfers.Sender transfers = new BaseTransfers.Sender(BINDING, RANDOM);
    BaseTransfers.Receiver choices = new BaseTransfers.Receiver(BINDING, delta, RANDOM);
    chosen = choices.keys(transfers.point());
    sender = new Vole.Sender(chosen, delta, RANDOM);
    base = transfers.keys(choices.message());
    receiver = new Vole.Receiver(base, RANDOM);
  }

  private static String[] ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "id" + i).toArray(String[]::new);
  }

  private static Run run(Table one, Table two) {
    Run run = new Run(one, two);
    run.checked = true;
    return run;
  }

  @Test
  void findsWhatAJoinInTheClearFinds() throws Exception {
    int compared = 0;
    for (int i = 0; i < 7; i++) {
      Random random = new Random(900 + i);
      int people = 1 + random.nextInt(90);
      Run run =
          run(
              OddTables.table(random, people, 0.2 + 0.8 * random.nextDouble()),
              OddTables.table(random, people, 0.2 + 0.8 * random.nextDouble()));
      run.network = new MemoryNetwork();
      run.key = OddTables.RULES;
      run.policy = new AlignmentPolicy(1, Duplicates.FIRST, 1 << 20);
      if (PlainJoin.of(run.key, run.sources).get(0).isEmpty()) {
        run.fail(NONE);
        continue;
      }
      run.assertIsTheJoin(run.succeed(NONE));
      compared++;
    }
    assertThat(compared).isBetween(3, 7);
  }

  /** Several batches: each is proved while the next one is on its way. */
  @ParameterizedTest
  @CsvSource({"150000, 2000, 100000"})
  void largeAndUnequalSets(int one, int two, int largestBatch) throws Exception {
    int common = 1234;
    Run run = run(Table.of(ids(0, one)), Table.of(ids(one - common, one - common + two)));
    run.network = new MemoryNetwork();
    run.largestBatch = largestBatch;
    List<Alignment> alignments = run.succeed(NONE);
    int[] rows = alignments.get(0).rows();
    int[] others = alignments.get(1).rows();
    assertThat(rows).hasSize(common).doesNotHaveDuplicates();
    for (int i = 0; i < common; i++) {
      assertThat(rows[i]).isEqualTo(others[i] + one - common);
    }
  }

  /** A party that checks nothing and one that expects checks do not talk past each other. */
  @Test
  void bothMustExpectTheSame() throws Exception {
    Run checked = run(Table.of(PEOPLE), Table.of(PEOPLE));
    Run plain = new Run(Table.of(PEOPLE), Table.of(PEOPLE));
    checked.succeed(NONE);
    plain.succeed(NONE);
    int hello = RunMessages.Hello.LIMIT + 6;
    assertThat(Arrays.copyOf(sent(checked, 0), hello))
        .isNotEqualTo(Arrays.copyOf(sent(plain, 0), hello));
  }

  private static byte[] sent(Run run, int from) {
    return run.network.recorded(run.parties.get(from), run.parties.get(1 - from));
  }

  @Test
  void onlyTwoPartiesAndTheirPlan() {
    OprfAlignment protocol = OprfAlignment.againstDeviation();
    AlignmentPolicy policy = new AlignmentPolicy(50, Duplicates.REJECT, 100);
    List<Party> two = List.of(new Party("a.example"), new Party("b.example"));
    assertThat(protocol.leaks(two, policy).stream().map(LeakStatement::text))
        .anyMatch(text -> text.contains("even if the other party or its node's code deviates"));
    List<Party> three = List.of(two.get(0), two.get(1), new Party("c.example"));
    assertThatThrownBy(() -> protocol.leaks(three, policy)).hasMessageContaining("aligns 2");
  }

  /**
   * What the plan says of a receiver that packs its store: the bound of {@link OkvsShape#mostKeys},
   * against the binomial coefficient itself.
   */
  @Test
  void theBoundOnKeysInAStore() {
    for (int n : new int[] {1, 10, 1000, 1500, 3000, 20_000, 1 << 16, 1 << 20, 10_000_000}) {
      long most = new OprfCost(n, 1, true).mostKeys();
      double choose = 0;
      for (long i = 1; i <= most; i++) {
        choose += 80 - Math.log((double) i) / Math.log(2);
      }
      assertThat(choose - 128.0 * (most - OkvsShape.of(n).size())).isLessThan(-40);
      assertThat(most).isLessThan(Math.max(3400, (long) ((n < 10_000 ? 3.3 : 2.7) * n)));
    }
  }

  /**
   * A store with more keys than were announced gives away those, and no other: a key that is not in
   * it has another value at the sender than the receiver can compute.
   */
  @Test
  void anOverfullStoreGivesAwayWhatIsInIt() {
    int announced = 1000;
    int packed = 1150;
    OkvsShape shape = OkvsShape.of(announced);
    OkvsShape overfull = new OkvsShape(packed, 1, packed, shape.sparse(), shape.dense());
    long[] tags = new Random(7).longs(2L * 20_000).toArray();
    Keys all = new Keys(BINDING, new byte[16], overfull, tags, new int[20_000]);
    Keys.Hashes hashes = all.new Hashes(overfull, 20_000);
    hashes.load(0, 20_000, 0);
    long[] values = new long[2 * 20_000];
    all.hash(Blocks.permutation(new byte[16]), 0, 20_000, values, 0);
    long[] store = new long[2 * shape.width()];
    long[] half = new long[shape.width()];
    Okvs okvs = new Okvs(overfull);
    for (int w = 0; w < 2; w++) {
      for (int i = 0; i < 20_000; i++) {
        hashes.values[i] = values[2 * i + w];
      }
      assertThat(okvs.encode(hashes, packed, half)).isTrue();
      for (int k = 0; k < half.length; k++) {
        store[2 * k + w] = half[k];
      }
    }
    Vole.Receiver.Pending pending = receiver.begin(++batches, SHAPE);
    Vole.Sender.Answer answer = sender.answer(batches, SHAPE, pending.correction());
    sender.end(answer);
    Correlations got = receiver.end(pending, answer.message());
    for (int k = 0; k < store.length; k++) {
      store[k] ^= got.a()[k];
    }
    long[] pairs = answer.pairs();
    sender.wideMultiplier().addProducts(store, 0, pairs, 0, shape.width());
    long[] theirs = new long[2 * 20_000];
    long[] own = new long[2 * 20_000];
    Okvs.decode(overfull, hashes, 20_000, Okvs.subsetSums(overfull, pairs, 0), pairs, 0, theirs, 0);
    Okvs.decode(
        overfull, hashes, 20_000, Okvs.subsetSums(overfull, got.c(), 0), got.c(), 0, own, 0);
    sender.wideMultiplier().addProducts(values, 0, theirs, 0, 20_000);
    for (int i = 0; i < 20_000; i++) {
      boolean equal = own[2 * i] == theirs[2 * i] && own[2 * i + 1] == theirs[2 * i + 1];
      assertThat(equal).isEqualTo(i < packed);
    }
  }

  /**
   * A receiver that uses other noise in some columns and opens what fits the rest: for each such
   * column it must have guessed a bit of Δ.
   *
   * @param guess of all those bits
   * @return whether the sender answered
   */
  private static boolean deviates(int[] columns, int guess) {
    int batch = ++batches;
    byte[] correction = receiver.begin(batch, SHAPE).correction();
    int width = SHAPE.column();
    long[] error = new long[width];
    for (int k = SHAPE.words(); k < width - 2; k++) {
      error[k] = RANDOM.nextLong();
    }
    long[][] zeros = new long[128][width];
    long[] column = null;
    for (int i = 0; i < 128; i++) {
      int number = i;
      long[] sent = new long[width];
      long[] one = new long[width];
      Blocks.read(correction, 8 * width * i, sent, 0, width);
      Blocks.stream(base.keys()[i][0], batch).fill(zeros[i], 0, width);
      Blocks.stream(base.keys()[i][1], batch).fill(one, 0, width);
      if (Arrays.stream(columns).anyMatch(c -> c == number)) {
        for (int k = 0; k < width; k++) {
          sent[k] ^= error[k];
        }
        Blocks.write(sent, 0, width, correction, 8 * width * i);
      } else {
        column = sent.clone();
        for (int k = 0; k < width; k++) {
          column[k] ^= zeros[i][k] ^ one[k];
        }
      }
    }
    long[] challenge = Vole.columnChallenge(base.transcript(), batch, SHAPE, correction);
    long[][] hashes = new long[128][];
    for (int i = 0; i < 128; i++) {
      hashes[i] = WideField.hash(challenge, zeros[i]);
    }
    long[] errorHash = WideField.hash(challenge, error);
    for (int i : columns) {
      hashes[i][0] ^= guess * errorHash[0];
      hashes[i][1] ^= guess * errorHash[1];
    }
    int at = 8 * width * 128;
    Blocks.write(WideField.hash(challenge, column), 0, 2, correction, at);
    System.arraycopy(
        Vole.columnDigest(base.transcript(), batch, hashes), 0, correction, at + 16, 32);
    try {
      sender.answer(batch, SHAPE, correction);
      return true;
    } catch (MalformedMessageException e) {
      assertThat(e).hasMessageContaining("does not say the same in all its columns");
      return false;
    }
  }

  @Test
  void aReceiverMustGuessABitForEachColumnThatDeviates() {
    assertThat(deviates(new int[0], 0)).isTrue();
    for (int i : new int[] {0, 1, 63, 64, 127}) {
      int bit = (int) (delta[i >>> 6] >>> i & 1);
      assertThat(deviates(new int[] {i}, bit)).isTrue();
      assertThat(deviates(new int[] {i}, 1 - bit)).isFalse();
    }
    // The same guess for 60 columns is right with probability 2^-60.
    int[] many = IntStream.range(20, 80).toArray();
    assertThat(deviates(many, 0)).isFalse();
    assertThat(deviates(many, 1)).isFalse();
  }

  /**
   * What a receiver proves, it proves of the base transfers that ran: an opening that was computed
   * before their messages were fixed is one under other challenges.
   */
  @Test
  void anOpeningIsBoundToTheBaseTransfers() {
    int batch = ++batches;
    byte[] correction = receiver.begin(batch, SHAPE).correction();
    byte[][] transcripts = new byte[3][];
    BaseTransfers.Sender another = new BaseTransfers.Sender(BINDING, RANDOM);
    BaseTransfers.Receiver choices = new BaseTransfers.Receiver(BINDING, delta, RANDOM);
    BaseTransfers.Receiver others = new BaseTransfers.Receiver(BINDING, delta, RANDOM);
    transcripts[0] = choices.keys(another.point()).transcript();
    transcripts[1] = new BaseTransfers.Sender(BINDING, RANDOM).keys(choices.message()).transcript();
    transcripts[2] = others.keys(another.point()).transcript();
    assertThat(Arrays.stream(transcripts).map(ByteBuffer::wrap).distinct()).hasSize(3);
    long[] challenge = Vole.columnChallenge(base.transcript(), batch, SHAPE, correction);
    for (byte[] transcript : transcripts) {
      assertThat(Vole.columnChallenge(transcript, batch, SHAPE, correction))
          .isNotEqualTo(challenge);
      // The same keys, as if a receiver had found others that lead to them.
      BaseTransfers.Chosen moved = new BaseTransfers.Chosen(copy(chosen.keys()), transcript);
      try (Vole.Sender strict = new Vole.Sender(moved, delta, RANDOM)) {
        assertThatThrownBy(() -> strict.answer(batch, SHAPE, correction))
            .hasMessageContaining("does not say the same in all its columns");
      }
    }
    assertThat(sender.answer(batch, SHAPE, correction).message()).isNotEmpty();
  }

  private static byte[][] copy(byte[][] keys) {
    return Arrays.stream(keys).map(byte[]::clone).toArray(byte[][]::new);
  }

  /**
   * A sender that changes one word of its answer either fails to prove the batch, or the change
   * concerns nothing that the receiver read.
   */
  private static boolean proves(int[] words) {
    Vole.Receiver.Pending pending = receiver.begin(++batches, SHAPE);
    Vole.Sender.Answer answer = sender.answer(batches, SHAPE, pending.correction());
    sender.end(answer);
    byte[] trees = answer.message().clone();
    for (int word : words) {
      trees[8 * word + 3] ^= 0x40;
    }
    Correlations got = receiver.end(pending, trees);
    Vole.Receiver.Check check = receiver.check(pending, got);
    boolean proves = Arrays.equals(check.proof(), sender.prove(answer, check.challenge()));
    boolean correlated = true;
    for (int i = 0; i < 2 * SHAPE.results(); i += 2) {
      long[] a = {got.a()[i], got.a()[i + 1]};
      long[] product = WideField.multiply(delta, a);
      correlated &= got.c()[i] == (answer.pairs()[i] ^ product[0]);
      correlated &= got.c()[i + 1] == (answer.pairs()[i + 1] ^ product[1]);
    }
    assertThat(proves).isEqualTo(correlated);
    return proves;
  }

  @Test
  void aSenderMustGuessANoisePositionForEachSumThatDeviates() {
    assertThat(proves(new int[0])).isTrue();
    int closing = 4 * SHAPE.transfers();
    assertThat(proves(new int[] {closing})).isFalse();
    assertThat(proves(new int[] {closing + 2 * SHAPE.trees() - 1})).isFalse();
    // Both sums of a level: one of them is read.
    assertThat(proves(new int[] {4 * 40, 4 * 40 + 2})).isFalse();
    int passed = 0;
    for (int i = 0; i < 24; i++) {
      passed += proves(new int[] {4 * (31 * i) + 2 * (i & 1)}) ? 1 : 0;
    }
    assertThat(passed).isBetween(1, 23);
    // One sum in each of 60 trees.
    assertThat(proves(IntStream.range(0, 60).map(i -> 4 * SHAPE.depth() * i).toArray())).isFalse();
  }

  /**
   * Trees are no powers of two. Whichever path a receiver asks for, those beyond the last leaf
   * included, one leaf stays unknown; with all of them the closing sum would give it Δ.
   */
  @ParameterizedTest
  @ValueSource(ints = {10_000, 17_473})
  void everyPathLeavesALeafUnknown(int wanted) {
    VoleShape shape = VoleShape.of(wanted, true);
    int[] paths = {0, shape.block() - 1, shape.block(), (1 << shape.depth()) - 1};
    for (int path : paths) {
      SecureRandom fixed =
          new SecureRandom() {
            @Override
            public int nextInt(int bound) {
              return path & (1 << shape.depth()) - 1;
            }
          };
      int batch = ++batches;
      Vole.Receiver.Pending pending = new Vole.Receiver(base, fixed).begin(batch, shape);
      Vole.Sender.Answer answer = sender.answer(batch, shape, pending.correction());
      long[] sums = new long[answer.message().length / 8];
      Blocks.read(answer.message(), 0, sums, 0, sums.length);
      Blocks left = Blocks.permutation(Vole.key(base.transcript(), "left", batch));
      Blocks right = Blocks.permutation(Vole.key(base.transcript(), "right", batch));
      long[][] nodes = new long[1][];
      for (int level = 0; level < shape.depth(); level++) {
        long[][] next = new long[shape.nodes(level + 1)][];
        int side = ~(pending.holes()[0] >>> (shape.depth() - 1 - level)) & 1;
        int missing = -1;
        int unknown = 0;
        long[] sum = new long[2];
        for (int w = 0; w < 2; w++) {
          sum[w] = sums[4 * level + 2 * side + w] ^ pending.pads()[2 * level + w];
        }
        for (int node = 0; node < next.length; node++) {
          long[] parent = nodes[node / 2];
          boolean only = node % 2 == 0 && node == next.length - 1;
          if (only || parent == null) {
            next[node] = parent;
          } else {
            next[node] = new long[2];
            (node % 2 == 0 ? left : right).hash(parent, 0, 1, next[node], 0);
          }
          if (!only && node % 2 == side && next[node] == null) {
            missing = node;
            unknown++;
          } else if (!only && node % 2 == side) {
            sum[0] ^= next[node][0];
            sum[1] ^= next[node][1];
          }
        }
        if (unknown == 1) {
          next[missing] = sum;
        }
        nodes = next;
      }
      int known = 0;
      for (int leaf = 0; leaf < shape.block(); leaf++) {
        if (nodes[leaf] != null) {
          assertThat(nodes[leaf])
              .containsExactly(answer.pairs()[2 * leaf], answer.pairs()[2 * leaf + 1]);
          known++;
        }
      }
      assertThat(known).as("path " + path).isEqualTo(shape.block() - 1);
    }
  }

  private static <M extends Message> void refuses(
      int culprit, Class<M> type, Function<M, Message> change, String what) throws Exception {
    run(Table.of(PEOPLE), Table.of(PEOPLE)).refuses(culprit, type, change, what);
  }

  private static Messages.Batch changed(
      Messages.Batch m, org.espalier.wire.MessageType<?> type, int at, int length) {
    if (!m.type().equals(type)) {
      return m;
    }
    byte[] bytes = Arrays.copyOf(m.bytes(), m.bytes().length + length);
    if (at >= 0) {
      bytes[at] ^= 1;
    }
    return new Messages.Batch(m.type(), m.number(), bytes);
  }

  @Test
  void cheatsAreRefusedWithWhatTheyDid() throws Exception {
    refuses(
        RuleRun.RECEIVER,
        Messages.Batch.class,
        m -> changed(m, Messages.Batch.CORRECTION, 70_000, 0),
        "batch 0: the correction does not say the same in all its columns");
    refuses(
        RuleRun.SENDER,
        Messages.Batch.class,
        m -> changed(m, Messages.Batch.TREES, m.bytes().length - 1, 0),
        "batch 0: its correlations are not those that it answered with");
    refuses(
        RuleRun.SENDER,
        Messages.Batch.class,
        m -> changed(m, Messages.Batch.PROOF, 0, 0),
        "batch 0: its correlations are not those that it answered with");
    refuses(
        RuleRun.RECEIVER,
        Messages.Batch.class,
        m -> changed(m, Messages.Batch.CHALLENGE, -1, -16),
        "psi-oprf-challenge 0 of 16 bytes where 0 of 32 bytes is due");
    int[] coins = new int[1];
    refuses(
        RuleRun.SENDER,
        Messages.Coin.class,
        m -> coins[0]++ == 0 ? m : new Messages.Coin(new byte[32]),
        "shows another coin than it had tossed");
  }

  /**
   * A receiver that names a person of the sender's whom it does not have, and changes all that it
   * says about the cohort to fit. Nothing in the values tells a sender who follows the protocol
   * with parties who do; here it notices that the receiver does not know the rest of the hash.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aReceiverCannotClaimSomebodyWhomItDoesNotHave(boolean checked) throws Exception {
    Run run = new Run(Table.of(PEOPLE), Table.of(ids(50, 150)));
    run.checked = checked;
    long[][] members = new long[1][];
    byte[][] forged = new byte[1][];
    run.channels.put(
        RuleRun.RECEIVER,
        channel ->
            new Tampering(
                channel,
                m -> {
                  if (m instanceof Messages.Members told) {
                    long[] bits = told.bits().clone();
                    bits[0] ^= Long.lowestOneBit(bits[0]) | Long.lowestOneBit(~bits[0]);
                    members[0] = bits;
                    return List.of(new Messages.Members(0, bits));
                  } else if (m instanceof RunMessages.Cohort) {
                    forged[0] = digest(run, members[0], checked);
                    return List.of(new RunMessages.Cohort(forged[0]));
                  } else if (m instanceof RunMessages.Confirm) {
                    return List.of(new RunMessages.Confirm(forged[0], channel.transcript()));
                  }
                  return List.of(m);
                }));
    Parties.Outcome sender = run.align(NONE).get(RuleRun.SENDER);
    if (checked) {
      assertThat(sender.failure())
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessageContaining("has another cohort");
    } else {
      // At most the cheat's own code, of which only the messages are changed, takes offence.
      assertThat(sender.failure())
          .satisfiesAnyOf(
              f -> assertThat(f).isNull(),
              f -> assertThat(f).isInstanceOf(WireException.PeerAborted.class));
    }
  }

  /** The digest of a cohort as far as one can know it from the sender's values. */
  private static byte[] digest(Run run, long[] members, boolean checked) {
    MessageDigest digest = Digests.sha256();
    digest.update(run.session.bind("psi-oprf/cohort"));
    ByteBuffer bytes = ByteBuffer.wrap(sent(run, RuleRun.SENDER));
    while (bytes.hasRemaining()) {
      int type = bytes.getShort();
      byte[] payload = new byte[bytes.getInt()];
      bytes.get(payload);
      Outputs.Code code = Outputs.Code.of(100, 100, checked);
      if (type == Messages.Values.type(code).code()) {
        Messages.Values values = Messages.Values.type(code).decoder().apply(new Decoder(payload));
        int count = Arrays.stream(members).map(Long::bitCount).mapToInt(i -> (int) i).sum();
        digest.update(ByteBuffer.allocate(4).putInt(count).flip());
        int[] next = {0};
        values.visit(
            (high, rest) -> {
              if ((members[next[0] >>> 6] >>> next[0] & 1) != 0) {
                digest.update(ByteBuffer.allocate(16).putLong(high).putLong(rest).flip());
                if (checked) {
                  digest.update(new byte[16]);
                }
              }
              next[0]++;
            });
      }
    }
    return digest.digest();
  }
}
