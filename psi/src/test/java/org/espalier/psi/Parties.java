package org.espalier.psi;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;

/** All parties of an alignment, one thread each. Everything can be changed for one party. */
public abstract class Parties {
  public static final MatchKey ID = MatchKey.of(MatchKey.Part.of("id"));

  public final List<Party> parties;
  public final List<KeySource> sources = new ArrayList<>();
  public MemoryNetwork network = new MemoryNetwork(true, Duration.ofSeconds(60));
  public Session session = new Session("job-1", new byte[32], 1);
  public MatchKey key = ID;
  public AlignmentPolicy policy = new AlignmentPolicy(1, Duplicates.REJECT, 1 << 20);
  public Progress progress = Progress.NONE;
  public final Map<Integer, UnaryOperator<AlignmentJob>> jobs = new HashMap<>();
  public final Map<Integer, UnaryOperator<Channel>> channels = new HashMap<>();

  protected Parties(KeySource... sources) {
    this.sources.addAll(List.of(sources));
    parties =
        IntStream.range(0, sources.length).mapToObj(i -> new Party("p" + i + ".example")).toList();
  }

  /** What all parties run. */
  protected abstract AlignmentProtocol protocol(Path folder);

  /** What one party runs. */
  protected AlignmentProtocol protocol(int self, Path folder) {
    return protocol(folder);
  }

  /** What one party got. */
  public record Outcome(Alignment alignment, Throwable failure) {}

  public List<Outcome> align(Path folder) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(parties.size());
    try {
      List<Future<Outcome>> running = new ArrayList<>();
      for (int i = 0; i < parties.size(); i++) {
        int self = i;
        running.add(threads.submit(() -> one(self, folder)));
      }
      List<Outcome> outcomes = new ArrayList<>();
      for (Future<Outcome> outcome : running) {
        outcomes.add(outcome.get(4, TimeUnit.MINUTES));
      }
      return outcomes;
    } finally {
      threads.shutdownNow();
    }
  }

  private Outcome one(int self, Path folder) {
    AlignmentJob job = new AlignmentJob(session, parties.get(self), parties, key, policy);
    job = jobs.getOrDefault(self, UnaryOperator.identity()).apply(job);
    Map<Party, Channel> mine = new HashMap<>();
    for (Party other : parties) {
      if (!other.equals(parties.get(self))) {
        Channel channel = network.channel(parties.get(self), other);
        mine.put(other, channels.getOrDefault(self, UnaryOperator.identity()).apply(channel));
      }
    }
    try {
      return new Outcome(
          protocol(self, folder).align(job, mine, sources.get(self), progress), null);
    } catch (RuntimeException e) {
      return new Outcome(null, e);
    }
  }

  public List<Alignment> succeed(Path folder) throws Exception {
    List<Alignment> alignments = new ArrayList<>();
    for (Outcome outcome : align(folder)) {
      if (outcome.failure != null) {
        throw new AssertionError("a party failed", outcome.failure);
      }
      alignments.add(outcome.alignment);
    }
    return alignments;
  }

  public List<Throwable> fail(Path folder) throws Exception {
    List<Throwable> failures = new ArrayList<>();
    for (Outcome outcome : align(folder)) {
      if (outcome.failure == null) {
        throw new AssertionError("a party succeeded");
      }
      failures.add(outcome.failure);
    }
    return failures;
  }

  /** Types of the messages from one party to another, in order, as far as they are recorded. */
  public List<Integer> types(int from, int to) {
    ByteBuffer bytes = ByteBuffer.wrap(network.recorded(parties.get(from), parties.get(to)));
    List<Integer> types = new ArrayList<>();
    while (bytes.hasRemaining()) {
      types.add((int) bytes.getShort());
      int length = bytes.getInt();
      bytes.position(bytes.position() + length);
    }
    return types;
  }

  /** All parties' rows, place by place, must be what a join in the clear finds. */
  public void assertIsTheJoin(List<Alignment> alignments) {
    List<Set<List<Integer>>> expected = PlainJoin.of(key, sources);
    List<int[]> rows = alignments.stream().map(Alignment::rows).toList();
    Alignment first = alignments.get(0);
    int at = 0;
    for (int rule = 0; rule < expected.size(); rule++) {
      List<List<Integer>> found = new ArrayList<>();
      for (int i = 0; i < first.matchedByRule()[rule]; i++, at++) {
        int place = at;
        found.add(rows.stream().map(r -> r[place]).toList());
      }
      assertThat(found).containsExactlyInAnyOrderElementsOf(expected.get(rule));
    }
    assertThat(first.digest()).hasSize(32);
    for (int party = 0; party < rows.size(); party++) {
      assertThat(rows.get(party)).hasSize(at);
      assertThat(alignments.get(party).digest()).isEqualTo(first.digest());
      assertThat(alignments.get(party).matchedByRule()).isEqualTo(first.matchedByRule());
    }
  }
}
