package org.espalier.psi.ecdh;

import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.JointSizes;
import org.espalier.psi.SizeBucket;
import org.espalier.psi.curve.Elligator;
import org.espalier.psi.curve.HashToCurve;
import org.espalier.psi.curve.KeyBatch;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.psi.run.RunMessages;
import org.espalier.psi.store.Permutation;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.MessageType;
import org.espalier.wire.Progress;
import org.espalier.wire.WireException;

/**
 * One rule of the match key, from announced counts to this party's rows of the cohort, or only to
 * how many people it finds.
 */
final class RuleRun implements AutoCloseable {
  /** Keys that are hashed and masked together. */
  private static final int BATCH = 4096;

  private final Links links;
  private final Route route;
  private final AlignmentJob job;
  private final int number;
  private final MatchKey.Rule rule;
  private final String protocol;
  private final Path folder;
  private final long keepAlive;
  private final Progress progress;
  private final int self;
  private final SecureRandom random = new SecureRandom();
  private final Mask mask = new Mask(random);
  private final int[] counts;

  /** Lists that this party passes on, its own included, by owner. */
  private final MaskedList[] held;

  /** At the comparer: the fully masked lists. */
  private final MaskedList[] compared;

  private final AtomicInteger arrived = new AtomicInteger();
  private final AtomicLong masked = new AtomicLong();
  private final long start = System.nanoTime();
  private long toMask;

  /** Where each place of the comparer's list came from, at the shuffler. */
  private Permutation shuffled;

  private volatile boolean ownListSent;
  private volatile boolean verdictReady;

  /**
   * @param number of the rule, from 0
   * @param protocol to which keys are bound, so that transcripts of two cannot be joined
   * @param keepAlive milliseconds of silence after which a party says that it is still at work
   */
  RuleRun(
      Links links,
      AlignmentJob job,
      int number,
      String protocol,
      Path folder,
      long keepAlive,
      Progress progress) {
    this.links = links;
    this.route = new Route(links.parties());
    this.job = job;
    this.number = number;
    this.rule = job.key().rules().get(number);
    this.protocol = protocol;
    this.folder = folder;
    this.keepAlive = keepAlive;
    this.progress = progress;
    self = links.self();
    counts = new int[links.parties()];
    held = new MaskedList[links.parties()];
    compared = new MaskedList[links.parties()];
  }

  /** How errors name an element. */
  static String element(Links links, int owner, int position) {
    return "list of " + links.party(owner) + ", element " + position;
  }

  /** Does what is given; whatever its end, this run's tasks end before the run is closed. */
  <T> T guarded(Supplier<T> work) {
    try {
      return work.get();
    } catch (AlignmentException.BelowMinimum e) {
      throw e;
    } catch (RuntimeException | Error e) {
      links.fail(e instanceof RuntimeException r ? r : new IllegalStateException(e));
      links.drain();
      throw e;
    } finally {
      close();
    }
  }

  /**
   * Runs the rule.
   *
   * @param rows this party's rows that take part, ascending
   * @param digest of the cohort, which only the comparer can compute
   * @return this party's rows of the people found, in the order of the cohort
   */
  int[] run(KeySource source, int[] rows, MessageDigest digest) {
    int smallest = announce(rows);
    if (number == 0 && smallest < job.policy().minIntersection()) {
      // Everybody sees all counts, so everybody stops here.
      throw new AlignmentException.BelowMinimum(job.policy().minIntersection(), -1);
    }
    if (smallest == 0) {
      return new int[0];
    }
    int[] rowAt = exchange(source, rows);
    int[] positions = self == Route.COMPARER ? compare(digest) : follow(smallest);
    int[] result = new int[positions.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = rowAt[positions[i]];
    }
    return result;
  }

  /**
   * Runs the rule as far as the comparer's word on how many people it finds. No list of fewer keys
   * than the agreed minimum is compared.
   *
   * @param rows this party's rows that take part, ascending
   */
  JointSizes.RuleSize count(KeySource source, int[] rows) {
    int smallest = announce(rows);
    int minimum = job.policy().minIntersection();
    SizeBucket people = SizeBucket.of(0, minimum);
    if (smallest >= minimum) {
      exchange(source, rows);
      people = self == Route.COMPARER ? countAll(minimum) : counted(smallest, minimum);
    }
    return new JointSizes.RuleSize(people, Arrays.stream(counts).boxed().toList());
  }

  /** Learns the length of every list; returns that of the shortest. */
  private int announce(int[] rows) {
    System.arraycopy(Rounds.announce(links, job, number, rows.length), 0, counts, 0, counts.length);
    return Arrays.stream(counts).min().orElseThrow();
  }

  /**
   * Has the lists make their way, this party's own first of all.
   *
   * @return the row of each place of this party's list
   */
  private int[] exchange(KeySource source, int[] rows) {
    open();
    for (int other : links.others()) {
      startSending(other);
      startReceiving(other);
    }
    if (self == Route.COMPARER) {
      links.start(this::sayWorking);
    }
    return blind(source, rows);
  }

  /** Makes room for everything that will pass through here. */
  private void open() {
    for (int owner = 0; owner < counts.length; owner++) {
      List<Integer> path = route.path(owner);
      if (path.subList(0, path.size() - 1).contains(self)) {
        boolean shuffledHere =
            owner == self || (owner == Route.COMPARER && self == route.shuffler());
        held[owner] =
            shuffledHere
                ? MaskedList.inAnyOrder(links, folder, counts[owner])
                : MaskedList.inOrder(links, folder, counts[owner], Mask.WIDTH);
      }
      if (self == Route.COMPARER) {
        compared[owner] = MaskedList.inOrder(links, folder, counts[owner], Comparison.TAG);
      }
      toMask += owner == self ? 0 : counts[owner];
    }
    if (self == route.shuffler()) {
      shuffled = Permutation.random(counts[Route.COMPARER], random);
    }
  }

  private void startSending(int to) {
    List<Integer> owners = route.lists(self, to);
    if (owners.isEmpty()) {
      return;
    }
    links.start(
        () -> {
          for (int owner : owners) {
            send(to, owner);
          }
        });
  }

  private void send(int to, int owner) {
    MaskedList list = held[owner];
    for (int first = 0; first < list.size(); ) {
      int count = Math.min(Messages.CHUNK, list.size() - first);
      if (list.await(first + count, keepAlive)) {
        links.send(to, new Messages.Elements(owner, first, list.get(first, count)));
        first += count;
      } else {
        links.send(to, new Messages.Elements(owner, first, new byte[0]));
      }
    }
    list.close();
    if (self == Route.COMPARER) {
      ownListSent = true;
    }
  }

  private void startReceiving(int from) {
    List<Integer> owners = route.lists(from, self);
    if (owners.isEmpty()) {
      return;
    }
    links.start(
        () -> {
          for (int owner : owners) {
            receive(from, owner);
            arrived.incrementAndGet();
            links.changed();
          }
        });
  }

  private void receive(int from, int owner) {
    int count = counts[owner];
    // The comparer looks for repeats when it compares.
    TagTable seen = self == Route.COMPARER ? null : new TagTable(count);
    Silence silence = new Silence(from);
    for (int first = 0; first < count; ) {
      Messages.Elements message = next(from, owner, first);
      if (message.owner() != owner || message.first() != first) {
        throw links.violation(
            from,
            "sent elements of list %d from %d where list %d (of %s) from %d is due"
                .formatted(message.owner(), message.first(), owner, links.party(owner), first));
      }
      if (message.count() == 0) {
        silence.more();
        continue;
      }
      int due = Math.min(Messages.CHUNK, count - first);
      if (message.count() != due) {
        throw links.violation(
            from,
            element(links, owner, first)
                + " of %d: a message of %d elements where %d are due"
                    .formatted(count, message.count(), due));
      }
      take(from, owner, first, message.bytes(), seen);
      first += due;
    }
    if (owner == Route.COMPARER && self == route.shuffler()) {
      held[owner].complete();
    }
  }

  /** The next message of a list; a failure says how far the list came. */
  private Messages.Elements next(int from, int owner, int first) {
    try {
      return links.receive(from, Messages.Elements.TYPE, Messages.Elements.LIMIT);
    } catch (WireException.ProtocolViolation e) {
      throw new WireException.ProtocolViolation(
          links.party(from), truncated(owner, first) + ": " + e.getMessage(), e);
    } catch (WireException.PeerUnavailable e) {
      throw new WireException.PeerUnavailable(
          links.party(from), truncated(owner, first) + ": " + e.getMessage(), e);
    }
  }

  private String truncated(int owner, int first) {
    return "%s of %d is due".formatted(element(links, owner, first), counts[owner]);
  }

  /** Checks, masks and keeps consecutive elements of a list. */
  private void take(int from, int owner, int first, byte[] elements, TagTable seen) {
    int count = elements.length / Mask.WIDTH;
    for (int i = 0; i < count; i++) {
      int at = i * Mask.WIDTH;
      if (!Elligator.canonical(elements, at)) {
        throw links.violation(from, element(links, owner, first + i) + " is not canonical");
      }
      if (Mask.lowOrder(elements, at)) {
        throw lowOrder(from, owner, first + i);
      }
      if (seen != null) {
        int earlier = seen.add(TagTable.high(elements, at), TagTable.low(elements, at));
        if (earlier >= 0) {
          throw links.violation(
              from, element(links, owner, first + i) + " repeats element " + earlier);
        }
      }
    }
    if (owner != self) {
      int refused = mask.apply(elements);
      if (refused >= 0) {
        throw lowOrder(from, owner, first + refused);
      }
      progress.update("mask partners' keys", masked.addAndGet(count), toMask);
    }
    if (self == Route.COMPARER) {
      byte[] tags = new byte[count * Comparison.TAG];
      for (int i = 0; i < count; i++) {
        System.arraycopy(elements, i * Mask.WIDTH, tags, i * Comparison.TAG, Comparison.TAG);
      }
      compared[owner].append(tags);
    } else if (owner == Route.COMPARER && self == route.shuffler()) {
      for (int i = 0; i < count; i++) {
        held[owner].put(shuffled.to(first + i), elements, i * Mask.WIDTH);
      }
    } else {
      held[owner].append(elements);
    }
  }

  private WireException lowOrder(int from, int owner, int position) {
    return links.violation(from, element(links, owner, position) + " has low order");
  }

  /**
   * Hashes, masks and shuffles this party's keys.
   *
   * @return the row of each place of the list
   */
  private int[] blind(KeySource source, int[] rows) {
    Permutation order = Permutation.random(rows.length, random);
    HashToCurve hash =
        new HashToCurve(HashToCurve.tag(job.session().bind(protocol + "/rule/" + number)));
    int[] rowAt = new int[rows.length];
    KeyBatch batch = new KeyBatch(Math.min(BATCH, rows.length));
    Rounds.readAgain(
        source,
        rule,
        rows,
        (at, key) -> {
          rowAt[order.to(at)] = rows[at];
          batch.add(key);
          if (batch.full()) {
            blind(batch, at + 1, hash, order);
          }
        });
    blind(batch, rows.length, hash, order);
    held[self].complete();
    return rowAt;
  }

  private void blind(KeyBatch batch, int end, HashToCurve hash, Permutation order) {
    links.check();
    int count = batch.size();
    byte[] elements = hash.encode(batch);
    if (mask.apply(elements) >= 0) {
      throw new IllegalStateException("a key hashed to an element of low order");
    }
    for (int i = 0; i < count; i++) {
      held[self].put(order.to(end - count + i), elements, i * Mask.WIDTH);
    }
    batch.clear();
    progress.update("blind own keys", end, counts[self]);
  }

  /**
   * At the comparer: everyone waits for the verdict, so say from time to time that it is coming.
   */
  private void sayWorking() {
    while (!links.await(() -> verdictReady, keepAlive)) {
      // Whoever waits for a verdict has passed the comparer's list on.
      if (ownListSent) {
        links
            .others()
            .forEach(
                o -> links.send(o, new RunMessages.Verdict(number, RunMessages.Verdict.WORKING)));
      }
    }
  }

  /** At the comparer, when all lists have arrived. */
  private Comparison comparison() {
    links.await(() -> arrived.get() == counts.length);
    progress.update("compare", 0, 1);
    Comparison comparison = new Comparison(links, route, Arrays.asList(compared));
    verdictReady = true;
    links.changed();
    links.join();
    return comparison;
  }

  /** The comparer's end of the rule where only the size counts: the exact one is not kept. */
  private SizeBucket countAll(int minimum) {
    SizeBucket people = SizeBucket.of(comparison().size(), minimum);
    int said = people.isBelowMinimum() ? RunMessages.Verdict.BELOW_MINIMUM : people.atLeast();
    RunMessages.Verdict verdict = new RunMessages.Verdict(number, said);
    links.start(() -> links.others().forEach(o -> links.send(o, verdict)));
    links.join();
    progress.update("compare", 1, 1);
    return people;
  }

  /** The end of such a rule at all other parties. */
  private SizeBucket counted(int smallest, int minimum) {
    links.join();
    int said = verdict(minimum, smallest, true);
    if (said == RunMessages.Verdict.BELOW_MINIMUM) {
      return SizeBucket.of(0, minimum);
    }
    if (!SizeBucket.isBound(said, minimum)) {
      throw links.violation(
          Route.COMPARER, "says that %d or more people were found, no bound".formatted(said));
    }
    return SizeBucket.of(said, minimum);
  }

  /** The comparer's end of the rule. */
  private int[] compare(MessageDigest digest) {
    Comparison comparison = comparison();
    int size = comparison.size();
    boolean below = number == 0 && size < job.policy().minIntersection();
    RunMessages.Verdict verdict =
        new RunMessages.Verdict(number, below ? RunMessages.Verdict.BELOW_MINIMUM : size);
    for (int other : links.others()) {
      links.start(
          () -> {
            links.send(other, verdict);
            if (!below) {
              sendPositions(other, Messages.Positions.MEMBERS, comparison.positions(other));
              if (other == route.shuffler()) {
                int[] own = comparison.positions(Route.COMPARER);
                sendPositions(other, Messages.Positions.OPEN, own);
              }
            }
          });
    }
    int[] opened = new int[0];
    if (!below) {
      opened =
          receivePositions(
              route.shuffler(), Messages.Positions.OPENED, size, counts[Route.COMPARER]);
    }
    links.join();
    if (below) {
      throw new AlignmentException.BelowMinimum(job.policy().minIntersection(), size);
    }
    comparison.digest(digest);
    progress.update("compare", 1, 1);
    return opened;
  }

  /** The end of the rule at all other parties. */
  private int[] follow(int smallest) {
    links.join();
    int minimum = job.policy().minIntersection();
    int size = verdict(number == 0 ? minimum : 0, smallest, number == 0);
    if (size == RunMessages.Verdict.BELOW_MINIMUM) {
      throw new AlignmentException.BelowMinimum(minimum, -1);
    }
    int[] members =
        receivePositions(Route.COMPARER, Messages.Positions.MEMBERS, size, counts[self]);
    if (self == route.shuffler()) {
      int[] places =
          receivePositions(Route.COMPARER, Messages.Positions.OPEN, size, counts[Route.COMPARER]);
      Permutation back = shuffled.inverse();
      for (int i = 0; i < places.length; i++) {
        places[i] = back.to(places[i]);
      }
      sendPositions(Route.COMPARER, Messages.Positions.OPENED, places);
    }
    return members;
  }

  /**
   * The comparer's word, from {@code least} to {@code most}.
   *
   * @param gated whether it may also be that there are too few
   */
  private int verdict(int least, int most, boolean gated) {
    Silence silence = new Silence(Route.COMPARER);
    while (true) {
      RunMessages.Verdict verdict =
          links.receive(Route.COMPARER, RunMessages.Verdict.TYPE, RunMessages.Verdict.LIMIT);
      if (verdict.rule() != number) {
        throw links.violation(
            Route.COMPARER,
            "sent the verdict of rule " + verdict.rule() + " where rule " + number + " is due");
      }
      if (verdict.size() == RunMessages.Verdict.WORKING) {
        silence.more();
      } else if ((verdict.size() == RunMessages.Verdict.BELOW_MINIMUM && gated)
          || (verdict.size() >= least && verdict.size() <= most)) {
        return verdict.size();
      } else {
        throw links.violation(
            Route.COMPARER,
            "found %d people, must be %d to %d".formatted(verdict.size(), least, most));
      }
    }
  }

  private void sendPositions(int to, MessageType<Messages.Positions> type, int[] positions) {
    for (int first = 0; first < positions.length; first += Messages.Positions.CHUNK) {
      int end = Math.min(positions.length, first + Messages.Positions.CHUNK);
      links.send(
          to, new Messages.Positions(type, first, Arrays.copyOfRange(positions, first, end)));
    }
  }

  /** Different positions of a list of {@code limit} elements. */
  private int[] receivePositions(
      int from, MessageType<Messages.Positions> type, int size, int limit) {
    int[] positions = new int[size];
    BitSet seen = new BitSet(limit);
    for (int first = 0; first < size; ) {
      Messages.Positions message = links.receive(from, type, Messages.Positions.LIMIT);
      int due = Math.min(Messages.Positions.CHUNK, size - first);
      if (message.first() != first || message.values().length != due) {
        throw links.violation(
            from,
            "%s has %d positions from %d where %d from %d are due"
                .formatted(type, message.values().length, message.first(), due, first));
      }
      for (int position : message.values()) {
        if (position >= limit || seen.get(position)) {
          throw links.violation(
              from,
              "%s, position %d is %s"
                  .formatted(
                      type, first, position >= limit ? "beyond " + (limit - 1) : "named twice"));
        }
        seen.set(position);
        positions[first++] = position;
      }
    }
    return positions;
  }

  /**
   * Bounds the messages that say "still at work", which cost the receiver time for nothing. They
   * may arrive in a burst, but no peer can have begun before this party announced its count.
   */
  private final class Silence {
    private final int from;
    private int messages;

    Silence(int from) {
      this.from = from;
    }

    void more() {
      long elapsed = (System.nanoTime() - start) / 1_000_000;
      if (++messages > 8 + 2 * elapsed / keepAlive) {
        throw links.violation(from, "sent " + messages + " empty messages in " + elapsed + " ms");
      }
    }
  }

  /** Forgets the mask and the temporary files; all tasks have ended. */
  @Override
  public void close() {
    mask.close();
    for (MaskedList[] lists : List.of(held, compared)) {
      for (MaskedList list : lists) {
        if (list != null) {
          list.close();
        }
      }
    }
  }
}
