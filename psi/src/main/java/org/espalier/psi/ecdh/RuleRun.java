package org.espalier.psi.ecdh;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
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
import org.espalier.psi.store.KeptParts;
import org.espalier.psi.store.Permutation;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.MessageType;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;
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
  private final KeptRule kept;
  private final KeptParts parts;
  private final int chunk;
  private final int[] counts;

  /** Lists that this party passes on, its own included, by owner. */
  private final MaskedList[] held;

  /** At the comparer: the fully masked lists. */
  private final MaskedList[] compared;

  /** Elements of each list that need not be received any more. */
  private final int[] received;

  /** Digests of these. */
  private final byte[][] digests;

  /** Elements of each list that whoever is next on its way has. */
  private final int[] passed;

  /** Those of each list that passes through here, to find repeats; the comparer compares. */
  private final TagTable[] seen;

  private final AtomicInteger arrived = new AtomicInteger();
  private final AtomicLong masked = new AtomicLong();
  private final long start = System.nanoTime();
  private long toMask;

  /** The attempt in which the rule was begun. */
  private Session origin;

  /** Of the rule as it was begun, the same at all parties. */
  private byte[] id;

  private Mask mask;

  /** Where each row goes in the own list. */
  private Permutation order;

  /** Where each place of the comparer's list goes, at the shuffler; null at others. */
  private Permutation shuffled;

  private volatile boolean ownListSent;
  private volatile boolean verdictReady;

  /**
   * @param number of the rule, from 0
   * @param protocol to which keys are bound, so that transcripts of two cannot be joined
   * @param keepAlive milliseconds of silence after which a party says that it is still at work
   * @param parts what is kept for another attempt
   * @param chunk elements of a message
   */
  RuleRun(
      Links links,
      AlignmentJob job,
      int number,
      String protocol,
      Path folder,
      long keepAlive,
      KeptParts parts,
      int chunk,
      Progress progress) {
    this.links = links;
    this.route = new Route(links.parties());
    this.job = job;
    this.number = number;
    this.rule = job.key().rules().get(number);
    this.protocol = protocol;
    this.folder = folder;
    this.keepAlive = keepAlive;
    this.parts = parts;
    this.kept = new KeptRule(parts, number);
    this.chunk = chunk;
    this.progress = progress;
    self = links.self();
    counts = new int[links.parties()];
    received = new int[links.parties()];
    digests = new byte[links.parties()][];
    passed = new int[links.parties()];
    seen = new TagTable[links.parties()];
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

  /** Forgets what was kept: nothing comes of it. */
  void forget() {
    kept.forget();
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
    if (job.session().attempt() == 1 || !goOn(rows)) {
      begin(rows);
    }
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
        held[owner] =
            owner == self || shuffles(owner)
                ? MaskedList.inAnyOrder(links, folder, counts[owner])
                : MaskedList.inOrder(links, folder, counts[owner], Mask.WIDTH);
      }
      if (self == Route.COMPARER) {
        compared[owner] = MaskedList.inOrder(links, folder, counts[owner], Comparison.TAG);
      }
      toMask += owner == self ? 0 : counts[owner];
    }
  }

  // ---- beginning and going on -------------------------------------------------------------------

  /** Whether this party takes a list in: all but its own, and the comparer that, too. */
  private boolean takesIn(int owner) {
    return owner != self || self == Route.COMPARER;
  }

  private boolean shuffles(int owner) {
    return owner == Route.COMPARER && self == route.shuffler();
  }

  /** Draws secrets for these lists, which are used for no others. */
  private void begin(int[] rows) {
    parts.begins(number);
    origin = job.session();
    id = KeptRule.id(origin, protocol, number, counts);
    close(mask);
    mask = new Mask(random);
    order = Permutation.random(rows.length, random);
    shuffled = self == route.shuffler() ? Permutation.random(counts[Route.COMPARER], random) : null;
    clear();
    byte[] scalar = mask.scalar();
    try {
      kept.begin(
          new KeptRule.Begun(origin.attempt(), counts.clone(), scalar, order, shuffled), rows);
    } finally {
      Arrays.fill(scalar, (byte) 0);
    }
  }

  /** Nothing has arrived or been passed on. */
  private void clear() {
    for (int owner = 0; owner < counts.length; owner++) {
      received[owner] = 0;
      passed[owner] = 0;
      digests[owner] = id;
      seen[owner] = null;
      if (held[owner] != null) {
        held[owner].advance(0);
      }
    }
    masked.set(0);
  }

  /**
   * Goes on with what an earlier attempt has left, if all parties have it.
   *
   * @return false if everybody begins anew
   * @throws WireException if a peer says that it has what it cannot have; then nothing is left
   */
  private boolean goOn(int[] rows) {
    byte[] none = new byte[KeptRule.DIGEST];
    Optional<KeptRule.Begun> begun = begun(rows);
    byte[] known =
        begun
            .map(b -> KeptRule.id(session(b.attempt()), protocol, number, b.counts()))
            .orElse(none);
    boolean all = begun.isPresent() && Arrays.equals(begun.get().counts(), counts) && load(begun);
    byte[] said = all ? id : none;
    links.start(() -> links.others().forEach(o -> links.send(o, holds(said, o))));
    Messages.Held[] theirs = new Messages.Held[counts.length];
    for (int other : links.others()) {
      theirs[other] = links.receive(other, Messages.Held.TYPE, Messages.Held.LIMIT);
      all &= MessageDigest.isEqual(said, theirs[other].id());
    }
    links.join();
    try {
      for (int other : links.others()) {
        if (all) {
          takePosition(other, theirs[other]);
        } else if (begun.isPresent()
            && begun.get().counts()[other] != counts[other]
            && MessageDigest.isEqual(known, theirs[other].id())) {
          throw links.violation(
              other,
              "goes on with the list of %d elements that it announced in attempt %d, and announces %d"
                  .formatted(begun.get().counts()[other], begun.get().attempt(), counts[other]));
        }
      }
    } catch (WireException e) {
      kept.forget();
      throw e;
    }
    if (all) {
      parts.goesOn(number, origin.attempt(), Arrays.stream(received).asLongStream().sum());
    }
    return all;
  }

  private Session session(int attempt) {
    return new Session(job.session().job(), job.session().specDigest(), attempt);
  }

  /** The secrets that were kept; what cannot be read is as if it were not there. */
  private Optional<KeptRule.Begun> begun(int[] rows) {
    try {
      return kept.begun(rows, counts.length, job.policy().maxRows());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Takes the secrets and everything that was kept; returns whether it can be used. */
  private boolean load(Optional<KeptRule.Begun> begun) {
    origin = session(begun.get().attempt());
    id = KeptRule.id(origin, protocol, number, counts);
    mask = Mask.of(begun.get().scalar());
    Arrays.fill(begun.get().scalar(), (byte) 0);
    order = begun.get().order();
    shuffled = begun.get().shuffled();
    clear();
    try {
      for (int owner = 0; owner < counts.length; owner++) {
        if (takesIn(owner)) {
          load(owner);
        }
      }
      if (kept.own(id, counts[self], this::takeOwn)) {
        held[self].complete();
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private void takeOwn(int first, byte[] elements) {
    for (int i = 0; i < elements.length / Mask.WIDTH; i++) {
      held[self].put(first + i, elements, i * Mask.WIDTH);
    }
  }

  private void load(int owner) throws IOException {
    List<Integer> path = route.path(owner);
    int from = path.get(path.lastIndexOf(self) - 1);
    int piece = KeptRule.piece(counts[owner], chunk);
    int width = self == Route.COMPARER ? Comparison.TAG : Mask.WIDTH;
    look(owner);
    while (received[owner] < counts[owner]) {
      int first = received[owner];
      int end = Math.min(counts[owner], first + piece);
      byte[] digest =
          kept.piece(
              id,
              owner,
              first / piece,
              first,
              end,
              width,
              (at, bytes) -> {
                requireNew(from, owner, at, bytes);
                hold(owner, at, bytes);
              });
      if (digest == null) {
        break;
      }
      advance(owner, end, digest);
    }
    if (received[owner] == 0 || received[owner] == counts[owner]) {
      seen[owner] = null;
    }
    masked.addAndGet(owner == self ? 0 : received[owner]);
  }

  /** From now on elements of a list are looked at whether they repeat. */
  private void look(int owner) {
    if (self != Route.COMPARER && seen[owner] == null) {
      seen[owner] = new TagTable(counts[owner]);
    }
  }

  /** What this party has of the lists that another passes to it. */
  private Messages.Held holds(byte[] said, int from) {
    List<Integer> owners = route.lists(from, self);
    boolean has = !Arrays.equals(said, new byte[KeptRule.DIGEST]);
    return new Messages.Held(
        said,
        owners.stream().mapToInt(owner -> has ? received[owner] : 0).toArray(),
        owners.stream().map(owner -> has ? digests[owner] : said).toArray(byte[][]::new));
  }

  /** Where to go on with the lists that this party passes to another. */
  private void takePosition(int to, Messages.Held theirs) {
    List<Integer> owners = route.lists(self, to);
    if (theirs.elements().length != owners.size()) {
      throw links.violation(
          to,
          "says what it has of %d lists where it takes %d"
              .formatted(theirs.elements().length, owners.size()));
    }
    for (int i = 0; i < owners.size(); i++) {
      int owner = owners.get(i);
      int has = theirs.elements()[i];
      String list = "list of " + links.party(owner);
      int ready = held[owner].ready();
      if (has > ready) {
        throw links.violation(
            to, "has %d elements of the %s, and was sent %d at most".formatted(has, list, ready));
      }
      int piece = KeptRule.piece(counts[owner], chunk);
      if (has % piece != 0 && has != counts[owner]) {
        throw links.violation(
            to,
            "has %d elements of the %s, which is kept in pieces of %d".formatted(has, list, piece));
      }
      byte[] digest = id;
      for (int first = 0; first < has; first += piece) {
        digest =
            KeptRule.following(digest).digest(held[owner].get(first, Math.min(piece, has - first)));
      }
      if (!MessageDigest.isEqual(digest, theirs.digests()[i])) {
        throw links.violation(
            to, "has other elements of the %s than the %d it was sent".formatted(list, has));
      }
      passed[owner] = has;
    }
  }

  // ---- the lists' way ---------------------------------------------------------------------------

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
    for (int first = passed[owner]; first < list.size(); ) {
      int count = Math.min(chunk, list.size() - first);
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
    int piece = KeptRule.piece(count, chunk);
    Silence silence = new Silence(from);
    look(owner);
    while (received[owner] < count) {
      int first = received[owner];
      int end = Math.min(count, first + piece);
      byte[][] digest = new byte[1][];
      kept.keepPiece(
          id,
          owner,
          first / piece,
          out -> {
            digest[0] = receive(from, owner, first, end, silence, out);
            return digest[0];
          });
      advance(owner, end, digest[0]);
    }
    seen[owner] = null;
  }

  /** Elements of a list have been kept: they can be passed on. */
  private void advance(int owner, int end, byte[] digest) {
    received[owner] = end;
    digests[owner] = digest;
    if (self != Route.COMPARER) {
      // In the order of the shuffle no element is the first before all have arrived.
      held[owner].advance(shuffles(owner) && end < counts[owner] ? 0 : end);
    }
  }

  /** Receives a piece of a list and writes it as it is kept; returns the digest of the list. */
  private byte[] receive(int from, int owner, int start, int end, Silence silence, OutputStream out)
      throws IOException {
    MessageDigest digest = KeptRule.following(digests[owner]);
    for (int first = start; first < end; ) {
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
      int due = Math.min(chunk, counts[owner] - first);
      if (message.count() != due) {
        throw links.violation(
            from,
            element(links, owner, first)
                + " of %d: a message of %d elements where %d are due"
                    .formatted(counts[owner], message.count(), due));
      }
      digest.update(message.bytes());
      out.write(take(from, owner, first, message.bytes()));
      first += due;
    }
    return digest.digest();
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

  /** Checks, masks and holds consecutive elements of a list; returns what is kept of them. */
  private byte[] take(int from, int owner, int first, byte[] elements) {
    int count = elements.length / Mask.WIDTH;
    for (int i = 0; i < count; i++) {
      int at = i * Mask.WIDTH;
      if (!Elligator.canonical(elements, at)) {
        throw links.violation(from, element(links, owner, first + i) + " is not canonical");
      }
      if (Mask.lowOrder(elements, at)) {
        throw lowOrder(from, owner, first + i);
      }
    }
    if (owner != self) {
      int refused = mask.apply(elements);
      if (refused >= 0) {
        throw lowOrder(from, owner, first + refused);
      }
      progress.update("mask partners' keys", masked.addAndGet(count), toMask);
    }
    byte[] holds = elements;
    if (self == Route.COMPARER) {
      holds = new byte[count * Comparison.TAG];
      for (int i = 0; i < count; i++) {
        System.arraycopy(elements, i * Mask.WIDTH, holds, i * Comparison.TAG, Comparison.TAG);
      }
    }
    requireNew(from, owner, first, holds);
    hold(owner, first, holds);
    return holds;
  }

  /** Masked, two elements are equal if and only if they were, but for parts of low order. */
  private void requireNew(int from, int owner, int first, byte[] elements) {
    if (seen[owner] == null) {
      return;
    }
    for (int i = 0; i < elements.length / Mask.WIDTH; i++) {
      int at = i * Mask.WIDTH;
      int earlier = seen[owner].add(TagTable.high(elements, at), TagTable.low(elements, at));
      if (earlier >= 0) {
        throw links.violation(
            from, element(links, owner, first + i) + " repeats element " + earlier);
      }
    }
  }

  /** Holds consecutive elements as they are kept. */
  private void hold(int owner, int first, byte[] elements) {
    if (self == Route.COMPARER) {
      compared[owner].put(first, elements);
    } else if (shuffles(owner)) {
      for (int i = 0; i < elements.length / Mask.WIDTH; i++) {
        held[owner].put(shuffled.to(first + i), elements, i * Mask.WIDTH);
      }
    } else {
      held[owner].put(first, elements);
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
    int[] rowAt = new int[rows.length];
    for (int at = 0; at < rows.length; at++) {
      rowAt[order.to(at)] = rows[at];
    }
    if (held[self].ready() == rows.length) {
      return rowAt;
    }
    HashToCurve hash = new HashToCurve(HashToCurve.tag(origin.bind(protocol + "/rule/" + number)));
    KeyBatch batch = new KeyBatch(Math.min(BATCH, rows.length));
    Rounds.readAgain(
        source,
        rule,
        rows,
        (at, key) -> {
          batch.add(key);
          if (batch.full()) {
            blind(batch, at + 1, hash);
          }
        });
    blind(batch, rows.length, hash);
    kept.keepOwn(id, held[self]);
    held[self].complete();
    return rowAt;
  }

  private void blind(KeyBatch batch, int end, HashToCurve hash) {
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
    if (number == 0) {
      digest.update(origin.bind(protocol + "/cohort"));
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
      if (!kept.opens(id, places)) {
        throw links.violation(
            Route.COMPARER, "asks for other places of its list than in an earlier attempt");
      }
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
    close(mask);
    for (MaskedList[] lists : List.of(held, compared)) {
      for (MaskedList list : lists) {
        if (list != null) {
          list.close();
        }
      }
    }
  }

  private static void close(Mask mask) {
    if (mask != null) {
      mask.close();
    }
  }
}
