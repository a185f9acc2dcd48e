package org.espalier.psi.oprf;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
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
 * Alignment of parties by an oblivious pseudorandom function from subfield VOLE and an oblivious
 * key-value store (Rindal, Schoppmann, EUROCRYPT 2021; Raghuraman, Rindal, CCS 2022). Two parties
 * compare values of that function. With three and more, each sends the first a store of shares of
 * zero under its function (Kolesnikov, Matania, Pinkas, Rosulek, Trieu, CCS 2017), so that nobody
 * learns an intersection of fewer than all tables. The messages, what each party learns and when,
 * and the parameters are in docs/protocols/psi-oprf.md and psi-many.md.
 *
 * <p>Parties follow the protocol, unless it is {@link #againstDeviation}: then two parties learn no
 * more than it lets them even if the other, or its node's code, deviates.
 *
 * <p>The first party of the job receives, the others send. Costs each of two parties less than 2 µs
 * and some 20 bytes of traffic per key; of more, a sender 3 µs and 11 bytes that it sends, the
 * receiver 1.5 µs and 15 bytes for each sender. Heap of about 80 bytes per row and 250 MiB; no
 * files.
 */
public final class OprfAlignment implements AlignmentProtocol {
  /** More parties would need values of the cohort of more than 95 bits. */
  public static final int MAX_PARTIES = 32;

  /** Keys that the first of three and more parties may have in a rule. */
  public static final int MOST_ROWS_OF_MANY = ManyReceiver.MOST_KEYS;

  private final int largestBatch;
  private final boolean checked;

  /** For parties who follow the protocol. */
  public OprfAlignment() {
    this(VoleShape.LARGEST, false);
  }

  OprfAlignment(int largestBatch, boolean checked) {
    this.largestBatch = largestBatch;
    this.checked = checked;
  }

  /** For two parties either of which may deviate. */
  public static OprfAlignment againstDeviation() {
    return new OprfAlignment(VoleShape.LARGEST, true);
  }

  @Override
  public String name() {
    return "oprf";
  }

  @Override
  public List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy) {
    check(parties);
    Party receiver = parties.get(RuleRun.RECEIVER);
    boolean two = parties.size() == 2;
    List<LeakStatement> leaks = new ArrayList<>();
    leaks.add(
        new LeakStatement(
            null,
            "how many different usable keys %s party has: in the first rule among all its rows,"
                    .formatted(two ? "either" : "every")
                + " in each later rule among the rows not matched before"));
    leaks.add(
        new LeakStatement(
            null,
            "which of its own rows are in the cohort, so that it knows these people are in "
                + (two ? "the other party's table too" : "the tables of all other parties too")
                + ", and which rule of the match key found each of them"));
    String few = "if the first finds fewer than %,d, ".formatted(policy.minIntersection());
    leaks.add(
        two
            ? new LeakStatement(
                parties.get(RuleRun.SENDER),
                "how many people each rule finds; " + few + "only that")
            : new LeakStatement(
                null,
                "how many people each rule finds; "
                    + few
                    + "everyone but %s learns only that".formatted(receiver)));
    leaks.add(
        new LeakStatement(
            receiver,
            ("which of its own rows the first rule finds, also when they are fewer than %,d and the"
                    + " alignment stops: its node then shows only how many, but what it received"
                    + " determines who they are")
                .formatted(policy.minIntersection())));
    if (checked) {
      leaks.add(
          new LeakStatement(
              null,
              "no more than that even if the other party or its node's code deviates from the"
                  + " protocol; by that %s could look up up to 3.3 times as many keys as it"
                      .formatted(receiver)
                  + " announces (2.7 times from 10,000 on), or 3,400 if that is more, and leave people out of the cohort"
                  + " after it has seen who is in it; either party may still use keys that are"
                  + " not in its table"));
    }
    if (!two) {
      leaks.add(
          new LeakStatement(
              null,
              ("nothing of people whom only some parties know, neither who nor how many, as long as"
                      + " %s shares what it saw with nobody: together with others it can learn"
                      + " which of its own rows are in the tables of all parties that do not take"
                      + " part in that")
                  .formatted(receiver)));
    }
    return List.copyOf(leaks);
  }

  private void check(List<Party> parties) {
    if (checked && parties.size() != 2) {
      throw new IllegalArgumentException(
          "oprf against parties who deviate aligns 2 parties, not " + parties.size());
    }
    if (parties.size() > MAX_PARTIES) {
      throw new IllegalArgumentException(
          "oprf aligns 2 to " + MAX_PARTIES + " parties, not " + parties.size());
    }
  }

  @Override
  public Alignment align(
      AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress) {
    check(job.parties());
    return Links.guard(job, channels, links -> run(links, job, source, progress));
  }

  private Alignment run(Links links, AlignmentJob job, KeySource source, Progress progress) {
    boolean two = links.parties() == 2;
    List<BitSet> takingPart = new ArrayList<>();
    // Of the first rule; the keys of the others are read again, when it is known who is left.
    long[][] firstTags = new long[1][];
    Rounds.readKeys(
        job,
        source,
        progress,
        (index, rows) -> {
          if (!two
              && links.self() == RuleRun.RECEIVER
              && rows.cardinality() > ManyReceiver.MOST_KEYS) {
            throw AlignmentException.TooManyRows.forProtocol(
                rows.cardinality(), ManyReceiver.MOST_KEYS);
          }
          if (takingPart.isEmpty()) {
            firstTags[0] = index.tags();
          }
          takingPart.add(rows);
        });
    Rounds.agree(links, job, checked ? name() + "-checked" : name());
    if (links.self() == RuleRun.RECEIVER) {
      Vole.Receiver[] voles = new Vole.Receiver[links.parties()];
      for (int sender : links.others()) {
        voles[sender] = receiver(links, job, sender);
      }
      return rules(
          links,
          job,
          source,
          takingPart,
          firstTags,
          number -> {
            if (!two) {
              return new ManyReceiver(links, job, number, largestBatch, progress, voles);
            }
            Vole.Receiver vole = voles[RuleRun.SENDER];
            return checked
                ? new CheckedReceiver(links, job, number, largestBatch, progress, vole)
                : new ReceiverRun(links, job, number, largestBatch, progress, vole);
          });
    }
    try (Vole.Sender vole = sender(links, job)) {
      byte[][] secrets = two ? null : secrets(links);
      return rules(
          links,
          job,
          source,
          takingPart,
          firstTags,
          number -> {
            if (!two) {
              return new ManySender(links, job, number, largestBatch, progress, vole, secrets);
            }
            return checked
                ? new CheckedSender(links, job, number, largestBatch, progress, vole)
                : new SenderRun(links, job, number, largestBatch, progress, vole);
          });
    }
  }

  private static byte[] binding(AlignmentJob job, int sender) {
    return job.session().bind("psi-oprf/run/" + sender);
  }

  /** The base transfers of a run with one sender, at the receiver. */
  private static Vole.Receiver receiver(Links links, AlignmentJob job, int sender) {
    byte[] binding = binding(job, sender);
    SecureRandom random = new SecureRandom();
    BaseTransfers.Sender base = new BaseTransfers.Sender(binding, random);
    links.start(() -> links.send(sender, new Messages.Point(base.point())));
    byte[] choices =
        links.receive(sender, Messages.Choices.TYPE, Messages.Choices.LIMIT).elements();
    links.join();
    try {
      return new Vole.Receiver(base.keys(choices), random);
    } catch (MalformedMessageException e) {
      throw links.violation(sender, e.getMessage());
    }
  }

  /** The base transfers of a run, at a sender, with a new Δ. */
  private static Vole.Sender sender(Links links, AlignmentJob job) {
    byte[] binding = binding(job, links.self());
    SecureRandom random = new SecureRandom();
    long[] delta = {random.nextLong(), random.nextLong()};
    BaseTransfers.Receiver base = new BaseTransfers.Receiver(binding, delta, random);
    links.start(() -> links.send(RuleRun.RECEIVER, new Messages.Choices(base.message())));
    byte[] point =
        links.receive(RuleRun.RECEIVER, Messages.Point.TYPE, Messages.Point.LIMIT).point();
    links.join();
    try {
      return new Vole.Sender(base.keys(point), delta, random);
    } catch (MalformedMessageException e) {
      throw links.violation(RuleRun.RECEIVER, e.getMessage());
    }
  }

  /** A secret with each other sender, drawn by the one of lower number. */
  private static byte[][] secrets(Links links) {
    SecureRandom random = new SecureRandom();
    byte[][] secrets = new byte[links.parties()][];
    List<Integer> senders = links.others().stream().filter(o -> o != RuleRun.RECEIVER).toList();
    for (int other : senders) {
      if (other > links.self()) {
        secrets[other] = new byte[Messages.Share.LIMIT];
        random.nextBytes(secrets[other]);
        byte[] secret = secrets[other];
        links.start(() -> links.send(other, new Messages.Share(secret)));
      }
    }
    for (int other : senders) {
      if (other < links.self()) {
        secrets[other] = links.receive(other, Messages.Share.TYPE, Messages.Share.LIMIT).secret();
      }
    }
    links.join();
    return senders.stream().map(other -> secrets[other]).toArray(byte[][]::new);
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
