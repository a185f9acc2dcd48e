package org.espalier.node.link;

import java.net.URI;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.transport.HttpClientTransportOverHTTP;
import org.eclipse.jetty.io.ClientConnector;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.client.ClientUpgradeRequest;
import org.eclipse.jetty.websocket.client.WebSocketClient;

/** A partner with a proper certificate that sends whatever the test wants. */
public final class RawPartner implements Session.Listener.AutoDemanding, AutoCloseable {
  static final byte[] BOOT =
      "boot of the raw ".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
  private static final byte[] NONE = new byte[Frames.ID];

  private static final ClientResources SHARED = shared();

  private final WebSocketClient client;
  private final BlockingQueue<Incoming> frames = new LinkedBlockingQueue<>();
  private final CompletableFuture<String> end = new CompletableFuture<>();
  private volatile Session session;
  private long sent;

  RawPartner(TestNode self, TestNode victim, String protocol) throws Exception {
    SslContextFactory.Client tls = new SslContextFactory.Client();
    tls.setSslContext(self.identity.clientContext(victim.party, victim.identity.fingerprint()));
    tls.setEndpointIdentificationAlgorithm(null);
    ClientConnector connector = new ClientConnector();
    connector.setSslContextFactory(tls);
    connector.setSelectors(1);
    HttpClient http = new HttpClient(new HttpClientTransportOverHTTP(connector));
    http.setExecutor(SHARED.threads());
    http.setScheduler(SHARED.scheduler());
    client = new WebSocketClient(http);
    client.addManaged(http);
    client.setMaxFrameSize(64 << 20);
    client.setMaxBinaryMessageSize(64 << 20);
    client.setStopTimeout(0);
    client.start();
    URI url = URI.create("wss://127.0.0.1:" + victim.links.port() + LinkServer.PATH);
    ClientUpgradeRequest request = new ClientUpgradeRequest(url);
    request.setSubProtocols(protocol);
    try {
      client.connect(this, request).get(10, TimeUnit.SECONDS);
    } catch (Exception e) {
      client.stop();
      throw e;
    }
  }

  private static ClientResources shared() {
    try {
      return ClientResources.start();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  static RawPartner connect(TestNode self, TestNode victim) throws Exception {
    return new RawPartner(self, victim, Frames.PROTOCOL);
  }

  /** Greets, and is welcomed. */
  static RawPartner greeted(TestNode self, TestNode victim, long dial) throws Exception {
    RawPartner raw = connect(self, victim);
    raw.send(hello(dial));
    raw.next(Incoming.Welcome.class);
    return raw;
  }

  static byte[] hello(long dial) {
    return Frames.hello(BOOT, NONE, 0, dial, "raw");
  }

  void send(byte[] frame) {
    session.sendBinary(ByteBuffer.wrap(frame), Callback.NOOP);
  }

  /** Numbers it first. */
  void sendNext(byte[] frame) {
    Frames.number(frame, ++sent);
    send(frame);
  }

  void sendText(String text) {
    session.sendText(text, Callback.NOOP);
  }

  /** The next frame of that kind; others are passed over. */
  <F extends Incoming> F next(Class<F> kind) throws InterruptedException {
    long deadline = System.nanoTime() + TestNode.SOON.toNanos();
    while (true) {
      Incoming frame = frames.poll(20, TimeUnit.MILLISECONDS);
      if (frame == null && !end.isDone() && System.nanoTime() < deadline) {
        continue;
      }
      if (frame == null) {
        throw new AssertionError("no " + kind.getSimpleName() + "; end: " + end.getNow("none"));
      }
      if (kind.isInstance(frame)) {
        return kind.cast(frame);
      }
    }
  }

  /** How the node ended it: code and reason. */
  String end() throws Exception {
    return end.get(10, TimeUnit.SECONDS);
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    session = opened;
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    frames.add(Frames.parse(payload));
    callback.succeed();
  }

  @Override
  public void onWebSocketClose(int code, String reason, Callback callback) {
    callback.succeed();
    end.complete(code + " " + reason);
  }

  @Override
  public void close() {
    try {
      client.stop();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
