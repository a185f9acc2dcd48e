package org.espalier.node.link;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import org.espalier.node.Periodic;
import org.espalier.node.Problem;
import org.espalier.node.identity.Invites;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All links of a node: listens, dials, and follows the partner book, so that a confirmed partner is
 * linked and a revoked one cut off at once. Thread-safe.
 */
public final class Links implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Links.class);
  private static final Duration RENEWAL_CHECK = Duration.ofMinutes(10);
  private static final Duration BOOK_CHECK = Duration.ofSeconds(5);

  private final NodeIdentity self;
  private final PartnerBook book;
  private final Invites invites;
  private final Link.Node node;
  private final ScheduledExecutorService timer;
  private final ClientResources clients;
  private final LinkServer server;
  private final Map<String, ControlHandler> handlers = new ConcurrentHashMap<>();
  private final List<BiConsumer<Optional<Party>, String>> denialListeners =
      new CopyOnWriteArrayList<>();
  private final Map<Party, Entry> links = new TreeMap<>();
  private boolean closed;

  /** A link belongs to one identity key: a partner that enrols anew gets a new one. */
  private record Entry(Link link, Dialler dialler, Partner partner) {
    CompletableFuture<Void> close(String why) {
      return link.close(why).thenRun(dialler::stop);
    }
  }

  private Links(
      NodeIdentity self,
      PartnerBook book,
      InetSocketAddress bind,
      URI advertised,
      LinkSettings settings)
      throws Exception {
    this.self = self;
    this.book = book;
    this.invites = new Invites(self, book, advertised, settings.proxy());
    ScheduledThreadPoolExecutor pool =
        new ScheduledThreadPoolExecutor(2, task -> Link.daemon("link-timer", task));
    pool.setRemoveOnCancelPolicy(true);
    this.timer = pool;
    this.clients = ClientResources.start();
    byte[] boot = new byte[Frames.ID];
    new SecureRandom().nextBytes(boot);
    this.node =
        new Link.Node(
            self.party(), boot, settings, self.clock(), timer, handlers, this::announceDenial);
    this.server =
        new LinkServer(self, book, invites, bind, settings, this::find, this::announceDenial);
    LinkProbe.serve(this);
  }

  /**
   * Starts listening and dialling.
   *
   * @param bind where to listen; port 0 takes a free one
   * @param advertised where partners reach this node, or null if it only dials
   * @throws Problem if the address cannot be listened on
   */
  public static Links start(
      NodeIdentity self,
      PartnerBook book,
      InetSocketAddress bind,
      URI advertised,
      LinkSettings settings) {
    try {
      Links links = new Links(self, book, bind, advertised, settings);
      try {
        links.server.start();
      } catch (Exception e) {
        links.close();
        throw e;
      }
      links.run(settings);
      return links;
    } catch (IllegalArgumentException e) {
      throw Problem.refused("cannot be reached at " + advertised + ": " + e.getMessage())
          .because(e);
    } catch (Exception e) {
      String address = bind.getHostString() + ":" + bind.getPort();
      throw Problem.refused("cannot listen on " + address)
          .detail(reason(e))
          .next("free the port, or choose another one in silo.yaml (listen and url)")
          .because(e);
    }
  }

  /** The innermost words, such as "Address already in use". */
  private static String reason(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  private void run(LinkSettings settings) {
    book.onChange(this::follow);
    book.list().forEach(partner -> follow(partner.party()));
    long tick = Math.min(settings.ping().toMillis(), settings.liveness().toMillis() / 8);
    Periodic.every(timer, Duration.ofMillis(Math.max(10, Math.min(tick / 2, 500))), this::tick);
    Periodic.every(timer, BOOK_CHECK, this::followAll);
    Periodic.every(timer, RENEWAL_CHECK, self::renewIfDue);
  }

  private void tick() {
    snapshot().forEach(entry -> entry.link().tick());
  }

  private synchronized List<Entry> snapshot() {
    return new ArrayList<>(links.values());
  }

  /** The book may also be changed by another process. */
  private void followAll() {
    book.list().forEach(partner -> follow(partner.party()));
    snapshot().forEach(entry -> follow(entry.link().peer()));
  }

  private void follow(Party party) {
    Entry stopped = null;
    Entry begun = null;
    synchronized (this) {
      Optional<Partner> now = book.find(party);
      Entry entry = links.get(party);
      boolean wanted = !closed && now.isPresent() && now.get().state() == Partner.State.CONFIRMED;
      if (entry != null && !(wanted && now.get().identity().equals(entry.partner().identity()))) {
        links.remove(party);
        stopped = entry;
        entry = null;
      }
      if (entry != null) {
        entry.link().setUrl(now.get().url());
      } else if (wanted) {
        Partner partner = now.get();
        Link link = new Link(node, party, partner.url());
        Dialler dialler =
            new Dialler(
                link, () -> self.clientContext(party, partner.identity().fingerprint()), clients);
        begun = new Entry(link, dialler, partner);
        links.put(party, begun);
      }
    }
    if (stopped != null) {
      var unused = stopped.close(party + " is no confirmed partner any more");
    }
    if (begun != null) {
      begun.dialler().start();
    }
  }

  synchronized Optional<Link> find(Party party) {
    return Optional.ofNullable(links.get(party)).map(Entry::link);
  }

  private Link require(Party party) throws IOException {
    book.requireConfirmed(party);
    follow(party);
    return find(party).orElseThrow(() -> new IOException("this node is stopping"));
  }

  public Party self() {
    return self.party();
  }

  /** Where it listens. */
  public int port() {
    return server.port();
  }

  /** To invite partners and accept invitations. */
  public Invites invites() {
    return invites;
  }

  /**
   * Answers a method for all partners, replacing an earlier handler.
   *
   * @param method {@code [a-z][a-z0-9._/-]{0,127}}, not beginning with {@code link/}
   */
  public void serve(String method, ControlHandler handler) {
    if (method.startsWith(Names.RESERVED)) {
      throw new IllegalArgumentException("methods " + Names.RESERVED + "* belong to the link");
    }
    serveOwn(method, handler);
  }

  void serveOwn(String method, ControlHandler handler) {
    handlers.put(Names.requireMethod(method), handler);
  }

  /**
   * Asks a partner and waits. If there is no connection, the request waits for one, too.
   *
   * @param body at most 1 MiB of JSON, 32 levels deep
   * @throws Refusal what the partner answered
   * @throws TimeoutException if no answer came in time; it may have been carried out all the same
   * @throws IOException if the link broke in between, likewise, or too many requests wait
   * @throws Problem if the party is no confirmed partner
   */
  public JsonNode request(Party partner, String method, JsonNode body, Duration timeout)
      throws Refusal, IOException, TimeoutException {
    return require(partner).request(Names.requireMethod(method), body, timeout);
  }

  /**
   * Opens a stream; returns when the partner has opened the one of the same name. Each call pairs
   * with one call of the partner; a name can be used again afterwards.
   *
   * @param stream {@code [A-Za-z0-9][A-Za-z0-9._/-]{0,127}}, not beginning with {@code link/}
   * @param patience how long the partner may take, including a missing connection
   * @throws TimeoutException if it does not come
   * @throws IOException if the link is over or has too many streams
   * @throws Problem if the party is no confirmed partner
   */
  public Duplex open(Party partner, String stream, Duration patience)
      throws IOException, TimeoutException {
    if (stream.startsWith(Names.RESERVED)) {
      throw new IllegalArgumentException("streams " + Names.RESERVED + "* belong to the link");
    }
    return openOwn(partner, stream, patience);
  }

  Duplex openOwn(Party partner, String stream, Duration patience)
      throws IOException, TimeoutException {
    return require(partner).open(Names.requireStream(stream), patience);
  }

  /**
   * How the link with a partner stands.
   *
   * @throws Problem if the party is no confirmed partner
   */
  public LinkStatus status(Party partner) {
    try {
      return require(partner).status();
    } catch (IOException e) {
      throw Problem.wrongState(e.getMessage()).because(e);
    }
  }

  /**
   * Whether a request to a partner would leave at once, as far as is known without asking the book;
   * {@link #request} asks it.
   */
  public boolean isConnected(Party partner) {
    return find(partner).map(link -> link.status().connected()).orElse(false);
  }

  /** How all links stand, in order of name. */
  public List<LinkStatus> statuses() {
    return snapshot().stream().map(entry -> entry.link().status()).toList();
  }

  /**
   * Called for everyone who is kept out or cut off: with the partner whose pinned key it is, empty
   * for strangers, and a code: {@code tls.*} in the handshake, {@code enrolment.refused}, {@code
   * link.no-partner}, {@code link.violation}. On a thread that must not be blocked.
   */
  public void onDenied(BiConsumer<Optional<Party>, String> listener) {
    denialListeners.add(listener);
  }

  private void announceDenial(Optional<Party> partner, String rule) {
    for (BiConsumer<Optional<Party>, String> listener : denialListeners) {
      try {
        listener.accept(partner, rule);
      } catch (RuntimeException e) {
        LOG.debug("a listener to denials failed", e); // the node stops
      }
    }
  }

  /**
   * Measures round trip and bandwidth both ways.
   *
   * @param bytes to send each way, 128 KiB to 64 MiB
   * @param timeout for each step
   * @throws Refusal if the partner is being measured already
   */
  public ProbeResult probe(Party partner, int bytes, Duration timeout)
      throws Refusal, IOException, TimeoutException {
    return LinkProbe.run(this, partner, bytes, timeout);
  }

  /** Closes everything: waiting calls fail, partners are told. */
  @Override
  public void close() {
    List<Entry> open;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      open = new ArrayList<>(links.values());
      links.clear();
    }
    String why = "the node of " + self.party() + " is stopping";
    CompletableFuture.allOf(
            open.stream().map(entry -> entry.close(why)).toArray(CompletableFuture<?>[]::new))
        .join();
    try {
      server.stop();
    } catch (Exception e) {
      LOG.warn("stopping the server", e);
    }
    timer.shutdownNow();
    try {
      for (Entry entry : open) {
        entry.dialler().awaitEnd(Duration.ofSeconds(1)); // their clients use the shared threads
      }
      clients.stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      LOG.warn("stopping the clients", e);
    }
  }
}
