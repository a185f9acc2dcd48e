package org.espalier.node.link;

import java.net.URI;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.HttpProxy;
import org.eclipse.jetty.client.HttpResponseException;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.client.Response;
import org.eclipse.jetty.client.transport.HttpClientTransportOverHTTP;
import org.eclipse.jetty.io.ClientConnector;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.websocket.client.ClientUpgradeRequest;
import org.eclipse.jetty.websocket.client.JettyUpgradeListener;
import org.eclipse.jetty.websocket.client.WebSocketClient;
import org.espalier.node.Periodic;
import org.espalier.wire.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Dials one partner whenever its link has no connection and its address is known. Each attempt has
 * a client of its own with a fresh TLS context, so that nothing of an earlier handshake is reused.
 */
final class Dialler {
  private static final Logger LOG = LoggerFactory.getLogger(Dialler.class);
  private static final int MAX_REASON = 500;

  /** A connection that ends sooner is no better than none: it is not repeated at full speed. */
  private static final Duration STABLE = Duration.ofSeconds(1);

  private final Link link;
  private final Supplier<SSLContext> tls;
  private final ClientResources shared;
  private final LinkSettings settings;
  private final Thread thread;

  /**
   * @param tls a fresh context for each attempt, which accepts the partner's pinned key only
   */
  Dialler(Link link, Supplier<SSLContext> tls, ClientResources shared) {
    this.link = link;
    this.tls = tls;
    this.shared = shared;
    this.settings = link.settings();
    this.thread = Link.daemon("dial-" + link.peer(), this::run);
  }

  void start() {
    thread.start();
  }

  /** The link must be closed; interrupts what is left. */
  void stop() {
    thread.interrupt();
  }

  /** Waits for the end of what was interrupted. */
  void awaitEnd(Duration most) throws InterruptedException {
    thread.join(most.toMillis());
  }

  private void run() {
    Duration pause = Duration.ZERO;
    while (!link.isClosed()) {
      try {
        Optional<URI> url = link.awaitDialNeeded(settings.maxBackoff());
        if (url.isEmpty()) {
          pause = firstPause();
          continue;
        }
        sleep(pause);
        if (attempt(url.get())) {
          pause = firstPause();
        } else {
          pause = longer(pause);
        }
      } catch (InterruptedException stopping) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException | Error e) {
        pause = longer(pause);
        Periodic.report(LOG, "a partner cannot be dialled", e);
      }
    }
  }

  /** The party whose name comes last lets the other dial first, if it can. */
  private Duration firstPause() {
    return link.self().compareTo(link.peer()) < 0
        ? Duration.ZERO
        : settings.minBackoff().multipliedBy(2);
  }

  private Duration longer(Duration pause) {
    Duration next = pause.multipliedBy(2);
    if (next.compareTo(settings.minBackoff()) < 0) {
      return settings.minBackoff();
    }
    return next.compareTo(settings.maxBackoff()) > 0 ? settings.maxBackoff() : next;
  }

  private static void sleep(Duration pause) throws InterruptedException {
    long millis = pause.toMillis();
    if (millis > 0) {
      Thread.sleep(millis + ThreadLocalRandom.current().nextLong(millis / 4 + 1));
    }
  }

  /** Dials once and stays until the connection is over. Returns if it worked for a while. */
  private boolean attempt(URI url) throws InterruptedException {
    Connection connection = new Connection(link, true);
    if (!link.beginDial(connection)) {
      return true;
    }
    WebSocketClient client = null;
    Handshake handshake = new Handshake(connection, settings.through());
    try {
      client = client();
      client.start();
      client
          .connect(connection, request(url), handshake)
          .get(settings.handshake().toNanos(), TimeUnit.NANOSECONDS);
      connection.ready().get(settings.handshake().toNanos(), TimeUnit.NANOSECONDS);
      long begin = System.nanoTime();
      connection.ended().get();
      connection.gone().get();
      return System.nanoTime() - begin >= STABLE.toNanos();
    } catch (TimeoutException e) {
      link.dialFailed(
          "no answer from "
              + url
              + settings.through()
              + " within "
              + settings.handshake().toSeconds()
              + " s");
    } catch (ExecutionException e) {
      link.dialFailed(link.apart(connection).orElseGet(() -> handshake.explain(url, e.getCause())));
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      LOG.error("cannot dial {}", link.peer(), e);
      link.dialFailed(Printable.of(e.toString()));
    } finally {
      link.endDial(connection);
      connection.cut("the dialler is done with it");
      if (client != null) {
        stop(client);
      }
    }
    return false;
  }

  private static void stop(WebSocketClient client) {
    boolean interrupted = Thread.interrupted(); // Jetty's stop would fail at once
    try {
      client.stop();
    } catch (Exception e) {
      LOG.debug("stopping a client", e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private ClientUpgradeRequest request(URI url) {
    URI target = URI.create("wss" + url.toString().substring("https".length()) + LinkServer.PATH);
    ClientUpgradeRequest request = new ClientUpgradeRequest(target);
    request.setSubProtocols(Frames.PROTOCOL);
    request.setHeader(ProtocolRange.HEADER, settings.protocols().toString());
    return request;
  }

  private WebSocketClient client() {
    SslContextFactory.Client pinned = new SslContextFactory.Client();
    pinned.setSslContext(tls.get());
    pinned.setIncludeProtocols("TLSv1.3");
    pinned.setEndpointIdentificationAlgorithm(null); // the pin decides, not the host name
    ClientConnector connector = new ClientConnector();
    connector.setSslContextFactory(pinned);
    connector.setSelectors(1);
    connector.setConnectTimeout(settings.handshake());
    HttpClient http = new HttpClient(new HttpClientTransportOverHTTP(connector));
    http.setExecutor(shared.threads());
    http.setScheduler(shared.scheduler());
    http.setByteBufferPool(shared.buffers());
    http.setFollowRedirects(false);
    if (settings.proxy() != null) {
      http.getProxyConfiguration()
          .addProxy(new HttpProxy(settings.proxy().getHostString(), settings.proxy().getPort()));
    }
    WebSocketClient client = new WebSocketClient(http);
    client.addManaged(http);
    client.setMaxBinaryMessageSize(Frames.MAX);
    client.setMaxFrameSize(Frames.MAX);
    client.setMaxTextMessageSize(1);
    client.setInputBufferSize(Frames.MAX);
    client.setOutputBufferSize(Frames.MAX);
    client.setIdleTimeout(settings.liveness());
    client.setStopTimeout(0);
    return client;
  }

  /** Remembers what the other end answered, to say why it did not work. */
  private static final class Handshake implements JettyUpgradeListener {
    private volatile int status;
    private volatile String refusal;
    private final Connection connection;
    private final String through;

    Handshake(Connection connection, String through) {
      this.connection = connection;
      this.through = through;
    }

    @Override
    public void onHandshakeResponse(Request request, Response response) {
      status = response.getStatus();
      EndPoint.SslSessionData tls = request.getConnection().getSslSessionData();
      if (tls != null && tls.peerCertificates() != null) {
        connection.setPeerCertificateEnds(tls.peerCertificates()[0].getNotAfter().toInstant());
      }
      String agreed = response.getHeaders().get(ProtocolRange.HEADER);
      if (agreed != null && agreed.matches("[1-9][0-9]{0,2}")) {
        connection.setPeerProtocols(
            new ProtocolRange(Integer.parseInt(agreed), Integer.parseInt(agreed)));
      }
      String said = response.getHeaders().get(LinkServer.REFUSAL_HEADER);
      refusal = said == null ? null : said.substring(0, Math.min(said.length(), MAX_REASON));
    }

    String explain(URI url, Throwable e) {
      if (refusal != null) {
        return "the partner refused: " + Printable.of(refusal);
      }
      if (status != 0 && status != 101) {
        return url + " answered with HTTP status " + status + ": is that a silo node?";
      }
      for (Throwable t = e; t != null; t = t.getCause()) {
        if (t instanceof HttpResponseException proxy) { // of CONNECT: nothing else is asked so
          return "no way to %s%s, which answered with HTTP status %d"
              .formatted(url, through, proxy.getResponse().getStatus());
        }
        if (t instanceof CertificateException) {
          return t.getMessage();
        }
      }
      for (Throwable t = e; t != null; t = t.getCause()) {
        if (t instanceof SSLException && String.valueOf(t.getMessage()).contains("alert")) {
          return "the partner's node does not accept this node's certificate: not confirmed there,"
              + " revoked, or a clock is wrong; its log says which";
        }
      }
      Throwable root = e;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      String what = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
      return Printable.of(what) + " (" + url + through + ")";
    }
  }
}
