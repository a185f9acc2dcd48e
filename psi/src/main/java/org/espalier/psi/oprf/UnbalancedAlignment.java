package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * Alignment of a small table, the first party's, the client, with a large one, the other party's,
 * the server: the values of all of the server's keys under a pseudorandom function reach the client
 * once and are kept; later alignments with the same large table cost what the client's keys cost,
 * 64 bytes and three multiplications on Curve25519 each. For parties who follow the protocol. The
 * messages, what each party learns and the proof are in docs/protocols/psi-unbalanced.md.
 *
 * <p>Takes match keys of one rule. A list costs the server a multiplication and some 40 bytes of
 * heap for each of its keys, and the client some 8 bytes of traffic and disk.
 */
public final class UnbalancedAlignment implements AlignmentProtocol {
  /** How long a list may be used: then the server makes another one, under another secret. */
  public static final Duration LIFE = Duration.ofDays(90);

  /** The number of the party with the small table. */
  static final int CLIENT = 0;

  /** The number of the other one. */
  static final int SERVER = 1;

  /** Milliseconds of silence after which the server says that it is still at work. */
  private static final long KEEP_ALIVE = 3000;

  private final ListStore store;
  private final Clock clock;
  private final long keepAlive;

  /**
   * @param store of this party, for this partner
   */
  public UnbalancedAlignment(ListStore store) {
    this(store, Clock.systemUTC(), KEEP_ALIVE);
  }

  UnbalancedAlignment(ListStore store, Clock clock, long keepAlive) {
    this.store = store;
    this.clock = clock;
    this.keepAlive = keepAlive;
  }

  @Override
  public String name() {
    return "unbalanced";
  }

  @Override
  public List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy) {
    Party client = parties.get(CLIENT);
    Party server = parties.get(SERVER);
    String few = "fewer than %,d".formatted(policy.minIntersection());
    return List.of(
        new LeakStatement(null, "how many different usable keys either party has"),
        new LeakStatement(
            null,
            "which of its own rows are in the cohort, so that it knows these people are in the other"
                + " party's table too"),
        new LeakStatement(
            server,
            "how many people are found; if they are %s, only that; whether %s has kept the list of an"
                    .formatted(few, client)
                + " earlier alignment"),
        new LeakStatement(
            client,
            ("which of its own rows are found, also when they are %s and the alignment stops: its"
                    + " node then shows only how many, but what it received determines who they are")
                .formatted(few)),
        new LeakStatement(
            client,
            ("for %d days or until %s's data set changes it keeps a list that stands for all of"
                    + " %s's keys; it can be compared with no other keys than those that %s answers"
                    + " in an alignment, at most as many as %s announces there")
                .formatted(LIFE.toDays(), server, server, server, client)));
  }

  /** The name of the list for which a server keeps what it needs to use it again. */
  public static Optional<byte[]> served(ListStore store) {
    return ServedList.kept(store)
        .filter(list -> Clock.systemUTC().instant().isBefore(list.made().plus(LIFE)))
        .map(ServedList::id);
  }

  /** How the values of a list are coded. */
  static Outputs.Code code(int count) {
    // Whatever client asks, with as many keys as any may have.
    return new Outputs.Code(count, Outputs.lowBits((double) count * AlignmentPolicy.LARGEST));
  }

  @Override
  public Alignment align(
      AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress) {
    if (job.parties().size() != 2 || job.key().rules().size() != 1) {
      throw new IllegalArgumentException(
          "unbalanced aligns 2 parties by 1 rule, not %d by %d"
              .formatted(job.parties().size(), job.key().rules().size()));
    }
    return Links.guard(job, channels, links -> run(links, job, source, progress));
  }

  private Alignment run(Links links, AlignmentJob job, KeySource source, Progress progress) {
    ListRun run =
        links.self() == CLIENT
            ? new ListClient(links, job, source, store, clock, keepAlive, progress)
            : new ListServer(links, job, source, store, clock, keepAlive, progress);
    MessageDigest digest = Digests.sha256();
    digest.update(job.session().bind("psi-unbalanced/cohort"));
    int count = run.prepare();
    Rounds.agree(links, job, name());
    int[] rows = run.run(Rounds.announce(links, job, 0, count), digest);
    byte[] agreed = Rounds.confirm(links, CLIENT, digest.digest());
    return new Alignment(rows, agreed, new int[] {rows.length});
  }
}
