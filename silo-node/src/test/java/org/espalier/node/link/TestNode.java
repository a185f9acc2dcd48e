package org.espalier.node.link;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.espalier.node.identity.Invite;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.identity.Passphrase;
import org.espalier.node.identity.SqlPartnerStore;
import org.espalier.node.store.Store;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;

/** A real node as far as links go: key file, database, partner book, listening socket. */
final class TestNode implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(10);

  final Party party;
  final MovableClock clock = new MovableClock();
  final NodeIdentity identity;
  final PartnerBook book;
  private final Store store;
  private final InetSocketAddress bind;
  private final URI url;
  private final LinkSettings settings;
  Links links;

  /**
   * @param url where partners dial it; null if it only dials
   */
  TestNode(Path folder, String name, URI url, int port, LinkSettings settings) {
    this.party = new Party(name);
    this.url = url;
    this.settings = settings;
    this.bind = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    try {
      Path home = Files.createDirectory(folder.resolve(name));
      Path secret = home.resolve("passphrase");
      Passphrase.generate(secret);
      try (Passphrase passphrase = Passphrase.read(secret)) {
        identity = NodeIdentity.create(home.resolve("keys"), party, passphrase, clock);
      }
      store = Store.open(home.resolve("silo.db"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    book = new PartnerBook(party, new SqlPartnerStore(store), clock);
    start();
  }

  /** A node that others can dial directly. */
  static TestNode listening(Path folder, String name, LinkSettings settings) {
    int port = freePort();
    return new TestNode(folder, name, URI.create("https://127.0.0.1:" + port), port, settings);
  }

  /** A node that only dials. */
  static TestNode dialling(Path folder, String name, LinkSettings settings) {
    return new TestNode(folder, name, null, 0, settings);
  }

  /** A node that others reach through the relay. */
  static TestNode behind(Relay relay, Path folder, String name, LinkSettings settings) {
    TestNode node = new TestNode(folder, name, relay.url(), 0, settings);
    relay.to(node.links.port());
    return node;
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Quick pings and short pauses; small buffers show mistakes. */
  static LinkSettings quick() {
    return new LinkSettings(
        "test 1",
        Duration.ofMillis(200),
        Duration.ofSeconds(4),
        Duration.ofSeconds(20),
        1 << 20,
        2 << 20,
        Duration.ofSeconds(2),
        Duration.ofMillis(20),
        Duration.ofMillis(200),
        null,
        ProtocolRange.SPOKEN);
  }

  void start() {
    links = Links.start(identity, book, bind, url, settings);
  }

  /** By invitation, both operators comparing words. */
  void partnerWith(TestNode guest) {
    String line = links.invites().create(guest.party).line();
    Partner host = guest.links.invites().accept(Invite.parse(line), SOON);
    Partner enrolled = book.find(guest.party).orElseThrow();
    book.confirm(guest.party, Optional.empty(), host.words());
    guest.book.confirm(party, Optional.empty(), enrolled.words());
  }

  Duplex open(TestNode partner, String stream) throws IOException, TimeoutException {
    return links.open(partner.party, stream, SOON);
  }

  boolean connected(TestNode partner) {
    return links.status(partner.party).connected();
  }

  void awaitLink(TestNode partner) {
    await("link of " + party + " with " + partner.party, () -> connected(partner));
  }

  static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + SOON.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("waited in vain for: " + what);
      }
      pause(5);
    }
  }

  static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    links.close();
    store.close();
  }
}
