package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * Alignment of two parties who follow the protocol, by an oblivious pseudorandom function from
 * subfield VOLE and an oblivious key-value store (Rindal, Schoppmann, EUROCRYPT 2021; Raghuraman,
 * Rindal, CCS 2022). The messages, what each party learns and when, and the parameters are in
 * docs/protocols/psi-oprf.md.
 *
 * <p>The first party of the job receives, the other sends. Costs each party less than 2 µs and some
 * 20 bytes of traffic per key; heap of about 80 bytes per row and 250 MiB; no files.
 */
public final class OprfAlignment implements AlignmentProtocol {
  private final int largestBatch;

  public OprfAlignment() {
    this(VoleShape.LARGEST);
  }

  OprfAlignment(int largestBatch) {
    this.largestBatch = largestBatch;
  }

  @Override
  public String name() {
    return "oprf";
  }

  @Override
  public List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy) {
    two(parties);
    Party receiver = parties.get(RuleRun.RECEIVER);
    Party sender = parties.get(RuleRun.SENDER);
    return List.of(
        new LeakStatement(
            null,
            "how many different usable keys either party has: in the first rule among all its rows,"
                + " in each later rule among the rows not matched before"),
        new LeakStatement(
            null,
            "which of its own rows are in the cohort, so that it knows these people are in the"
                + " other party's table too, and which rule of the match key found each of them"),
        new LeakStatement(
            sender,
            "how many people each rule finds; if the first finds fewer than %,d, only that"
                .formatted(policy.minIntersection())),
        new LeakStatement(
            receiver,
            ("which of its own rows the first rule finds, also when they are fewer than %,d and the"
                    + " alignment stops: its node then shows only how many, but what it received"
                    + " determines who they are")
                .formatted(policy.minIntersection())));
  }

  private static void two(List<Party> parties) {
    if (parties.size() != 2) {
      throw new IllegalArgumentException("oprf aligns two parties, not " + parties.size());
    }
  }

  @Override
  public Alignment align(
      AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress) {
    two(job.parties());
    return Links.guard(job, channels, links -> run(links, job, source, progress));
  }

  private Alignment run(Links links, AlignmentJob job, KeySource source, Progress progress) {
    List<BitSet> takingPart = new ArrayList<>();
    // Of the first rule; the keys of the others are read again, when it is known who is left.
    long[][] firstTags = new long[1][];
    Rounds.readKeys(
        job,
        source,
        progress,
        (index, rows) -> {
          if (takingPart.isEmpty()) {
            firstTags[0] = index.tags();
          }
          takingPart.add(rows);
        });
    Rounds.agree(links, job, name());
    if (links.self() == RuleRun.RECEIVER) {
      Vole.Receiver vole = receiver(links, job);
      return rules(
          links,
          job,
          source,
          takingPart,
          firstTags,
          number -> new ReceiverRun(links, job, number, largestBatch, progress, vole));
    }
    try (Vole.Sender vole = sender(links, job)) {
      return rules(
          links,
          job,
          source,
          takingPart,
          firstTags,
          number -> new SenderRun(links, job, number, largestBatch, progress, vole));
    }
  }

  /** The base transfers of a run, at the receiver. */
  private static Vole.Receiver receiver(Links links, AlignmentJob job) {
    byte[] binding = job.session().bind("psi-oprf/run");
    SecureRandom random = new SecureRandom();
    BaseTransfers.Sender base = new BaseTransfers.Sender(binding, random);
    links.start(() -> links.send(RuleRun.SENDER, new Messages.Point(base.point())));
    byte[] choices =
        links.receive(RuleRun.SENDER, Messages.Choices.TYPE, Messages.Choices.LIMIT).elements();
    links.join();
    try {
      return new Vole.Receiver(base.keys(choices), binding, random);
    } catch (MalformedMessageException e) {
      throw links.violation(RuleRun.SENDER, e.getMessage());
    }
  }

  /** The base transfers of a run, at the sender, with a new Δ. */
  private static Vole.Sender sender(Links links, AlignmentJob job) {
    byte[] binding = job.session().bind("psi-oprf/run");
    SecureRandom random = new SecureRandom();
    long[] delta = {random.nextLong(), random.nextLong()};
    BaseTransfers.Receiver base = new BaseTransfers.Receiver(binding, delta, random);
    links.start(() -> links.send(RuleRun.RECEIVER, new Messages.Choices(base.message())));
    byte[] point =
        links.receive(RuleRun.RECEIVER, Messages.Point.TYPE, Messages.Point.LIMIT).point();
    links.join();
    try {
      return new Vole.Sender(base.keys(point), delta, binding, random);
    } catch (MalformedMessageException e) {
      throw links.violation(RuleRun.RECEIVER, e.getMessage());
    }
  }

  private Alignment rules(
      Links links,
      AlignmentJob job,
      KeySource source,
      List<BitSet> takingPart,
      long[][] firstTags,
      IntFunction<RuleRun> role) {
    MessageDigest digest = Digests.sha256();
    digest.update(job.session().bind("psi-oprf/cohort"));
    Rounds.Found found =
        Rounds.inTurn(
            takingPart,
            (number, rows) -> {
              MatchKey.Rule rule = job.key().rules().get(number);
              RuleRun.Tags tags =
                  () -> {
                    long[] read = firstTags[0] != null ? firstTags[0] : read(source, rule, rows);
                    firstTags[0] = null;
                    return read;
                  };
              int[] here = role.apply(number).run(rows, tags, digest);
              firstTags[0] = null;
              return here;
            });
    byte[] agreed = Rounds.confirm(links, RuleRun.RECEIVER, digest.digest());
    return new Alignment(found.cohort(), agreed, found.byRule());
  }

  /** Hashes the keys of some rows. */
  private static long[] read(KeySource source, MatchKey.Rule rule, int[] rows) {
    long[] tags = new long[2 * rows.length];
    MessageDigest sha256 = Digests.sha256();
    Rounds.readAgain(
        source,
        rule,
        rows,
        (at, key) -> {
          byte[] hash = sha256.digest(key);
          tags[2 * at] = TagTable.high(hash, 0);
          tags[2 * at + 1] = TagTable.low(hash, 0);
        });
    return tags;
  }
}
