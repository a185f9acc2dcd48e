package org.espalier.node.link;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.espalier.node.Periodic;
import org.espalier.wire.Duplex;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The link with one partner. At most one connection carries it at a time; a session is what both
 * sides agree to continue from one connection to the next.
 */
final class Link {
  private static final Logger LOG = LoggerFactory.getLogger(Link.class);
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Bytes handed to the socket at once: enough to keep it busy, little enough to overtake. */
  private static final int MAX_UNDER_WAY = 8 * Frames.CHUNK;

  private static final int ACK_BYTES = 4 * Frames.CHUNK;
  private static final int ACK_FRAMES = 64;

  /** One partner must not use up the connections that all share. */
  private static final int MAX_WAITING = 8;

  /** A partner that broke the protocol is not let in again for so long, or the longest backoff. */
  private static final Duration PENALTY = Duration.ofSeconds(2);

  /** What all links of a node share. */
  record Node(
      Party self,
      byte[] boot,
      LinkSettings settings,
      Clock clock,
      ScheduledExecutorService timer,
      Map<String, ControlHandler> handlers,
      BiConsumer<Optional<Party>, String> denied) {}

  private final Node node;
  private final Party peer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition sendable = lock.newCondition();
  private final Condition sendRoom = lock.newCondition();
  private final Condition connectionChanged = lock.newCondition();
  private final Outbox outbox;
  private final Streams streams;
  private final ControlPlane control;
  private final Heartbeat heartbeat;
  private final Thread sender;

  private URI url;
  private Connection connection;
  private Connection greeting;

  /** Whether the dialled connection has come so far that it will most likely stand. */
  private boolean helloSent;

  /** Accepted connections that have not greeted yet. */
  private int waitingRoom;

  private byte[] session;
  private byte[] peerBoot;

  /** Hellos sent. */
  private long dials;

  /** Hellos of the partner's present boot that are done with: answered, or void. */
  private long peerDials;

  private long received;
  private int unackedBytes;
  private int unackedFrames;
  private long penaltyEnds = System.nanoTime();
  private long bytesSent;
  private long bytesReceived;
  private Instant since;
  private String peerVersion;
  private OptionalInt protocol = OptionalInt.empty();
  private String problem;
  private String closed;

  Link(Node node, Party peer, URI url) {
    this.node = node;
    this.peer = peer;
    this.url = url;
    this.since = node.clock().instant();
    this.outbox = new Outbox(node.settings().replay());
    this.streams = new Streams(this, node.self().compareTo(peer) < 0);
    this.control = new ControlPlane(this, node.handlers());
    this.heartbeat = new Heartbeat(node.clock());
    this.sender = daemon("link-" + peer, this::sendLoop);
    sender.start();
  }

  static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }

  Party self() {
    return node.self();
  }

  Party peer() {
    return peer;
  }

  LinkSettings settings() {
    return node.settings();
  }

  ReentrantLock lock() {
    return lock;
  }

  // What callers do.

  Duplex open(String name, Duration patience) throws IOException, TimeoutException {
    lock.lock();
    try {
      requireOpen();
      LinkStream stream = streams.begin(name, session != null);
      try {
        stream.awaitMatch(patience);
      } catch (InterruptedException e) {
        closeStream(stream);
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted");
      }
      if (stream.matched()) {
        return stream;
      }
      if (stream.failure() != null) {
        throw new IOException(stream.failure());
      }
      closeStream(stream);
      throw new TimeoutException(
          peer
              + " has not opened stream "
              + name
              + " within "
              + patience.toMillis()
              + " ms ("
              + describe()
              + ")");
    } finally {
      lock.unlock();
    }
  }

  JsonNode request(String method, JsonNode body, Duration timeout)
      throws Refusal, IOException, TimeoutException {
    return control.request(method, body, timeout);
  }

  LinkStatus status() {
    lock.lock();
    try {
      LinkStatus.State state =
          connection != null
              ? LinkStatus.State.CONNECTED
              : url != null ? LinkStatus.State.DIALLING : LinkStatus.State.WAITING;
      return new LinkStatus(
          peer,
          state,
          since,
          heartbeat.newsAge(),
          heartbeat.rtt(),
          heartbeat.skew(),
          bytesSent,
          bytesReceived,
          Optional.ofNullable(peerVersion),
          protocol,
          Optional.ofNullable(problem));
    } finally {
      lock.unlock();
    }
  }

  /** How it stands, for error messages. */
  String describe() {
    LinkStatus now = status();
    if (now.connected()) {
      return "connected, last news "
          + now.lastNews().map(Duration::toMillis).orElse(0L)
          + " ms ago";
    }
    String why = now.problem().map(p -> ": " + p).orElse("");
    return now.state() == LinkStatus.State.DIALLING
        ? "not connected" + why
        : "not connected, and " + peer + " must dial" + why;
  }

  // What streams and the control plane need. All but the last two under the lock.

  void requireOpen() throws IOException {
    if (closed != null) {
      throw new IOException(closed);
    }
  }

  void sendUrgent(byte[] frame) {
    if (session != null) {
      outbox.addUrgent(frame);
      sendable.signal();
    }
  }

  void sendInOrder(byte[] frame) {
    if (session != null) {
      outbox.addBulk(frame);
      sendable.signal();
    }
  }

  void sendData(byte[] frame) {
    sendInOrder(frame);
  }

  boolean sendQueueFull() {
    return outbox.bulkFull();
  }

  /** Signalled when there may be room for data again, or a stream is over. */
  Condition sendRoom() {
    return sendRoom;
  }

  void wakeWriters() {
    sendRoom.signalAll();
  }

  void cancelControl(long request) {
    outbox.cancel(request);
  }

  void sendControl(Outbox.ControlMessage message) {
    lock.lock();
    try {
      outbox.add(message);
      sendable.signal();
    } finally {
      lock.unlock();
    }
  }

  void closeStream(LinkStream stream) {
    lock.lock();
    try {
      streams.closeHere(stream);
      sendRoom.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // Sending.

  private void sendLoop() {
    Throwable failure = null;
    while (true) {
      try {
        if (failure != null) {
          failed(failure);
          failure = null;
        }
        if (!sendNext()) {
          return;
        }
      } catch (InterruptedException closing) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException | Error e) {
        failure = e;
      }
    }
  }

  /** Waits for the next frame and sends it; returns false when the link is closed. */
  private boolean sendNext() throws InterruptedException {
    Connection to;
    byte[] frame;
    lock.lock();
    try {
      frame = null;
      while (closed == null
          && (connection == null
              || connection.underWay() >= MAX_UNDER_WAY
              || (frame = poll()) == null)) {
        sendable.await();
      }
      if (closed != null) {
        return false;
      }
      to = connection;
      to.addUnderWay(frame.length);
    } finally {
      lock.unlock();
    }
    send(to, frame);
    return true;
  }

  private byte[] poll() {
    boolean full = outbox.bulkFull();
    byte[] frame = outbox.poll();
    if (full && !outbox.bulkFull()) {
      sendRoom.signalAll();
    }
    return frame;
  }

  private void send(Connection to, byte[] frame) {
    try {
      to.send(frame, () -> taken(to, frame.length));
    } catch (RuntimeException | Error e) {
      to.cut("cannot send: " + e.getMessage()); // what was numbered is sent again
    }
  }

  private void taken(Connection by, int bytes) {
    lock.lock();
    try {
      by.addUnderWay(-bytes);
      bytesSent += bytes;
      sendable.signal();
    } finally {
      lock.unlock();
    }
  }

  // Greeting.

  /** Why the node at the other end does not understand this one, if so. */
  Optional<String> apart(Connection by) {
    ProtocolRange ours = settings().protocols();
    return ours.common(by.peerProtocols()).isPresent()
        ? Optional.empty()
        : Optional.of(ours.apart(node.self(), peer, by.peerProtocols()));
  }

  /** The dialling side speaks first. */
  void sayHello(Connection by) {
    Optional<String> apart = apart(by);
    if (apart.isPresent()) {
      by.close(Connection.REFUSED, apart.get()); // it agreed to what it was not asked for
      return;
    }
    byte[] hello;
    lock.lock();
    try {
      if (greeting != by) {
        hello = null;
      } else {
        helloSent = true;
        byte[] resume = session == null ? new byte[Frames.ID] : session;
        hello = Frames.hello(node.boot(), resume, received, ++dials, node.settings().version());
      }
    } finally {
      lock.unlock();
    }
    if (hello == null) {
      by.close(Connection.OVER, "not needed any more");
    } else {
      by.send(hello, () -> {});
    }
  }

  /**
   * Registers a connection that this side is about to dial.
   *
   * @return whether one is needed
   */
  boolean beginDial(Connection dial) {
    lock.lock();
    try {
      if (closed != null || connection != null || url == null) {
        return false;
      }
      greeting = dial;
      helloSent = false;
      return true;
    } finally {
      lock.unlock();
    }
  }

  void endDial(Connection dial) {
    lock.lock();
    try {
      if (greeting == dial) {
        greeting = null;
      }
    } finally {
      lock.unlock();
    }
  }

  /** The accepting side decides whether the session goes on. */
  void greeted(Connection by, Incoming.Hello hello) {
    Connection[] superseded = {null, null};
    String refusal = null;
    lock.lock();
    try {
      if (closed != null) {
        refusal = closed;
      } else if (System.nanoTime() - penaltyEnds < 0) {
        refusal = "broke the protocol a moment ago";
      } else if (Arrays.equals(hello.boot(), peerBoot) && hello.dial() <= peerDials) {
        // Sent before the connection that stands was agreed, and given up by the partner since.
        refusal = "a newer connection was agreed in the meantime";
      } else if (greeting != null && helloSent && node.self().compareTo(peer) < 0) {
        // Both dial at once: the connection of the party whose name comes first stands, unless it
        // has not even reached the partner. It may never do so where only the other may dial.
        refusal = "this side dials, too";
      } else {
        superseded[0] = greeting;
        superseded[1] = connection;
        greeting = null;
        connection = null;
        accept(by, hello);
      }
    } finally {
      lock.unlock();
    }
    if (refusal != null) {
      by.close(Connection.REFUSED, refusal);
      return;
    }
    for (Connection old : superseded) {
      if (old != null) {
        old.close(Connection.OVER, "replaced by a newer connection");
      }
    }
  }

  private void accept(Connection by, Incoming.Hello hello) {
    boolean resumed =
        session != null
            && MessageDigest.isEqual(session, hello.session())
            && outbox.canResumeAfter(hello.received());
    if (resumed) {
      outbox.resumeAfter(hello.received());
    } else {
      endSession(whyNew(hello.boot()));
      session = new byte[Frames.ID];
      RANDOM.nextBytes(session);
      streams.announceWaiting();
    }
    // On the wire before anything that the sender thread takes from the outbox.
    by.send(
        Frames.welcome(node.boot(), session, resumed, received, dials, node.settings().version()),
        () -> {});
    connected(by, hello.boot(), hello.dial(), hello.version());
  }

  /** The dialling side learns whether the session goes on. */
  void welcomed(Connection by, Incoming.Welcome welcome) {
    lock.lock();
    try {
      if (greeting != by || closed != null) {
        return; // another connection was quicker; whoever replaced this one closes it
      }
      greeting = null;
      if (welcome.resumed()) {
        if (session == null
            || !MessageDigest.isEqual(session, welcome.session())
            || !outbox.canResumeAfter(welcome.received())) {
          throw new MalformedMessageException("resumes a session that it cannot have");
        }
        outbox.resumeAfter(welcome.received());
      } else {
        endSession(whyNew(welcome.boot()));
        session = welcome.session();
        streams.announceWaiting();
      }
      connected(by, welcome.boot(), welcome.dials(), welcome.version());
    } finally {
      lock.unlock();
    }
  }

  private String whyNew(byte[] boot) {
    return peerBoot != null && !Arrays.equals(peerBoot, boot)
        ? "the node of " + peer + " was restarted"
        : peer + " has given up the link's earlier session";
  }

  private void connected(Connection by, byte[] boot, long theirDials, String version) {
    String shown = Printable.of(version);
    peerBoot = boot;
    peerDials = theirDials;
    if (by.ended().isDone()) {
      connectionChanged.signalAll(); // its end was reported before it was known here
      return;
    }
    connection = by;
    peerVersion = shown.substring(0, Math.min(shown.length(), LinkSettings.MAX_VERSION));
    protocol = settings().protocols().common(by.peerProtocols());
    problem = null;
    since = node.clock().instant();
    unackedBytes = 0;
    unackedFrames = 0;
    heartbeat.connected();
    outbox.setPing(heartbeat.ping());
    by.ready().complete(null);
    sendable.signal();
    connectionChanged.signalAll();
    LOG.info("link with {} is up", peer);
  }

  private void endSession(String why) {
    streams.endSession(why);
    control.endSession(why);
    outbox.reset();
    session = null;
    received = 0;
    sendRoom.signalAll();
  }

  /** Whether one more accepted connection may take its time to greet. */
  boolean admit(Connection by) {
    lock.lock();
    try {
      if (waitingRoom >= MAX_WAITING) {
        return false;
      }
      waitingRoom++;
    } finally {
      lock.unlock();
    }
    var unused = by.ready().whenComplete((greeted, ended) -> leaveWaitingRoom());
    return true;
  }

  private void leaveWaitingRoom() {
    lock.lock();
    try {
      waitingRoom--;
    } finally {
      lock.unlock();
    }
  }

  // Receiving.

  void received(Connection by, Incoming frame, int size) {
    byte[] message = null;
    long inSession;
    lock.lock();
    try {
      if (by != connection) {
        return;
      }
      heartbeat.news();
      bytesReceived += size;
      inSession = control.session();
      if (frame instanceof Incoming.Numbered numbered) {
        message = deliver(numbered, size);
      } else if (frame instanceof Incoming.Ack ack) {
        outbox.acknowledged(ack.received());
        sendable.signal();
      } else if (frame instanceof Incoming.Ping ping) {
        outbox.setPong(Frames.pong(ping.nonce(), node.clock().millis()));
        sendable.signal();
      } else if (frame instanceof Incoming.Pong pong) {
        heartbeat.pong(pong);
      } else {
        throw new MalformedMessageException("greets twice");
      }
    } finally {
      lock.unlock();
    }
    if (message != null) {
      control.handle(message, inSession);
    }
  }

  private byte[] deliver(Incoming.Numbered frame, int size) {
    if (frame.seq() != received + 1) {
      throw new MalformedMessageException("frame " + frame.seq() + " after frame " + received);
    }
    received = frame.seq();
    unackedBytes += size;
    unackedFrames++;
    if (unackedBytes >= ACK_BYTES || unackedFrames >= ACK_FRAMES) {
      acknowledge();
    }
    if (frame instanceof Incoming.Data data) {
      streams.arrived(data);
    } else if (frame instanceof Incoming.Credit credit) {
      streams.credited(credit);
    } else if (frame instanceof Incoming.Open open) {
      streams.opened(open);
    } else if (frame instanceof Incoming.Close close) {
      streams.closedThere(close);
    } else if (frame instanceof Incoming.Control piece) {
      return control.assemble(piece);
    }
    return null;
  }

  private void acknowledge() {
    unackedBytes = 0;
    unackedFrames = 0;
    outbox.setAck(Frames.ack(received));
    sendable.signal();
  }

  // Trouble.

  /** The partner ended the session: nobody waits for the deadline. */
  void finished(Connection by, String why) {
    lock.lock();
    try {
      if (by == connection) {
        endSession(why);
      }
    } finally {
      lock.unlock();
    }
  }

  /** The connection ended, for whatever reason. */
  void lost(Connection by, String why) {
    lock.lock();
    try {
      if (connection != by) {
        return;
      }
      connection = null;
      problem = why;
      since = node.clock().instant();
      connectionChanged.signalAll();
    } finally {
      lock.unlock();
    }
    LOG.warn("link with {} is down: {}", peer, why);
  }

  /** The partner sent what the protocol does not allow. Its streams fail; others are untouched. */
  void violated(Connection by, String what) {
    String shown = Printable.of(what);
    LOG.warn("{} broke the link protocol: {}", peer, shown);
    node.denied().accept(Optional.of(peer), "link.violation");
    lock.lock();
    try {
      if (by == connection || by == greeting) {
        endSession(peer + " broke the link protocol: " + shown);
      }
      long most = settings().maxBackoff().toNanos();
      penaltyEnds = System.nanoTime() + Math.min(PENALTY.toNanos(), most);
    } finally {
      lock.unlock();
    }
    by.close(Connection.VIOLATION, shown);
  }

  /**
   * This node failed at the session, for lack of memory perhaps. What of it was lost is not known,
   * so that it ends and a new one begins: a stream must not go on with a hole.
   */
  void failed(Connection by, Throwable e) {
    Periodic.report(LOG, "a link failed and begins anew", e);
    lock.lock();
    try {
      if (by == connection) {
        endSession("the link with " + peer + " failed here: internal error");
      }
    } finally {
      lock.unlock();
    }
    if (by != null) {
      by.close(Connection.FINISHED, "internal error");
    }
  }

  private void failed(Throwable e) {
    Connection by;
    lock.lock();
    try {
      by = connection;
    } finally {
      lock.unlock();
    }
    failed(by, e);
  }

  /** Under the lock. */
  void violatedHere(String what) {
    Connection by = connection;
    if (by != null) {
      later(Duration.ZERO, () -> violated(by, what));
    }
  }

  void dialFailed(String why) {
    boolean isNew;
    lock.lock();
    try {
      isNew = connection == null && !why.equals(problem);
      if (isNew) {
        problem = why;
      }
    } finally {
      lock.unlock();
    }
    if (isNew) {
      LOG.warn("cannot reach {}: {}", peer, why);
    }
  }

  /** Called several times a second: pings, deadlines, acknowledgements of small traffic. */
  void tick() {
    Connection stalled = null;
    String why = null;
    lock.lock();
    try {
      Duration silent = heartbeat.newsAge().orElse(Duration.ZERO);
      if (connection != null) {
        if (heartbeat.pingDue(settings().ping())) {
          outbox.setPing(heartbeat.ping());
          sendable.signal();
        }
        if (unackedFrames > 0) {
          acknowledge();
        }
        if (silent.compareTo(settings().liveness().dividedBy(2)) >= 0) {
          stalled = connection;
          why = "no news for " + silent.toMillis() + " ms";
        } else if (node.clock().instant().isAfter(connection.peerCertificateEnds())) {
          stalled = connection;
          why = "the partner's certificate ended";
        }
      }
      if (session != null && silent.compareTo(settings().liveness()) >= 0) {
        String deadline = "no news from " + peer + " for " + settings().liveness().toMillis();
        endSession(deadline + " ms");
      }
    } finally {
      lock.unlock();
    }
    if (stalled != null) {
      stalled.cut(why);
    }
  }

  // Dialling.

  /** Where to dial, or empty while that is not needed; waits at most that long for a change. */
  Optional<URI> awaitDialNeeded(Duration most) throws InterruptedException {
    lock.lock();
    try {
      long left = most.toNanos();
      while (closed == null && (connection != null || url == null) && left > 0) {
        left = connectionChanged.awaitNanos(left);
      }
      return closed == null && connection == null ? Optional.ofNullable(url) : Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  boolean isClosed() {
    lock.lock();
    try {
      return closed != null;
    } finally {
      lock.unlock();
    }
  }

  void setUrl(URI where) {
    lock.lock();
    try {
      if (!Objects.equals(url, where)) { // asked at every request: wake nobody for nothing
        url = where;
        connectionChanged.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  // Timers.

  void within(Duration deadline, CompletableFuture<Void> done, Runnable otherwise) {
    later(
        deadline,
        () -> {
          if (!done.isDone()) {
            otherwise.run();
          }
        });
  }

  void later(Duration delay, Runnable task) {
    try {
      var unused = node.timer().schedule(task, delay.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException closing) {
      task.run();
    }
  }

  /**
   * Fails everything and closes the connection.
   *
   * @return completes when the partner has been told, or a moment later
   */
  CompletableFuture<Void> close(String why) {
    Connection open;
    Connection dialling;
    lock.lock();
    try {
      if (closed != null) {
        return CompletableFuture.completedFuture(null);
      }
      closed = why;
      streams.failAll(why);
      control.close(why);
      outbox.reset();
      session = null;
      open = connection;
      dialling = greeting;
      greeting = null;
      sendable.signalAll();
      sendRoom.signalAll();
      connectionChanged.signalAll();
    } finally {
      lock.unlock();
    }
    if (open != null) {
      open.close(Connection.FINISHED, why);
    }
    if (dialling != null) {
      dialling.cut(why);
    }
    return open == null ? CompletableFuture.completedFuture(null) : open.gone();
  }
}
