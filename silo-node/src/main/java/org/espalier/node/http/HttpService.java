package org.espalier.node.http;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.espalier.node.Problem;
import org.espalier.node.config.HttpAddress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One HTTP/1.1 service of the node, with bounds on what strangers may hold open. */
public final class HttpService implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HttpService.class);
  private static final long IDLE_MILLIS = 30_000;
  private static final int MAX_HEADERS = 8192;
  private static final String KEPT = HttpService.class.getName() + ".kept";

  /** Accepted beyond the limit, so that the oldest can make room for the newest. */
  private static final int SPARE = 32;

  private static final long QUIET_NANOS = 60_000_000_000L;

  private final String name;
  private final Server server;
  private final ServerConnector connector;
  private final boolean tls;
  private final Strangers strangers;
  private final AtomicLong lastLogged = new AtomicLong(System.nanoTime() - QUIET_NANOS);

  /**
   * @param threads most of them
   * @param connections most at once
   * @param asking longest time from connecting, or from the last answer, to a whole request
   */
  public record Limits(int threads, int connections, Duration asking) {
    public Limits(int threads, int connections) {
      this(threads, connections, Duration.ofMillis(IDLE_MILLIS));
    }
  }

  private HttpService(String name, HttpAddress address, Path home, Limits limits, Handler handler) {
    this.name = name;
    this.tls = address.tls();
    QueuedThreadPool threads =
        new QueuedThreadPool(limits.threads(), Math.min(4, limits.threads()));
    threads.setName(name);
    threads.setStopTimeout(1000);
    this.server = new Server(threads);
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    http.setSendDateHeader(false);
    http.setRequestHeaderSize(MAX_HEADERS);
    http.setIdleTimeout(IDLE_MILLIS);
    HttpConnectionFactory plain = new HttpConnectionFactory(http);
    if (tls) {
      SecureRequestCustomizer customizer = new SecureRequestCustomizer();
      customizer.setSniHostCheck(false); // clients check the certificate; names are theirs
      http.addCustomizer(customizer);
      SslContextFactory.Server ssl = new SslContextFactory.Server();
      ssl.setKeyStorePath(home.resolve(address.keystore()).toString());
      ssl.setKeyStoreType("PKCS12");
      ssl.setKeyStorePassword(secret(name, home.resolve(address.keystorePassphrase())));
      ssl.setIncludeProtocols("TLSv1.3", "TLSv1.2");
      ssl.setSniRequired(false);
      this.connector =
          new ServerConnector(server, 1, 1, new SslConnectionFactory(ssl, "http/1.1"), plain);
    } else {
      this.connector = new ServerConnector(server, 1, 1, plain);
    }
    connector.setHost(address.host());
    connector.setPort(address.port());
    connector.setIdleTimeout(IDLE_MILLIS);
    server.addConnector(connector);
    this.strangers =
        new Strangers(
            limits.connections(), limits.asking(), endPoint -> false, (from, why) -> crowded(why));
    connector.addBean(strangers);
    server.addBean(new NetworkConnectionLimit(limits.connections() + SPARE, connector));
    server.setHandler(new Doorkeeper(handler));
  }

  private void crowded(String why) {
    long last = lastLogged.get();
    long now = System.nanoTime();
    if (now - last >= QUIET_NANOS && lastLogged.compareAndSet(last, now)) {
      LOG.warn("{}: a connection was {}; others within a minute are not logged", name, why);
    }
  }

  /** Says when requests begin and end, and closes after answers to who may not stay. */
  private final class Doorkeeper extends Handler.Wrapper {
    Doorkeeper(Handler handler) {
      super(handler);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
      EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
      strangers.begun(endPoint);
      Request.addCompletionListener(
          request, failure -> strangers.done(endPoint, request.getAttribute(KEPT) != null));
      response.getHeaders().put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE.asString());
      return super.handle(request, response, callback);
    }
  }

  /**
   * Lets who has shown that it may ask do so again on the same connection. Everybody else connects
   * anew for each request, and goes first when there are too many.
   */
  public static void keep(Request request, Response response) {
    request.setAttribute(KEPT, true);
    response.getHeaders().remove(HttpHeader.CONNECTION);
  }

  /**
   * Listens from now on.
   *
   * @param name the section of silo.yaml
   * @param home paths of the address are relative to it
   * @throws Problem if that is not possible
   */
  public static HttpService start(
      String name, HttpAddress address, Path home, Limits limits, Handler handler) {
    HttpService service = new HttpService(name, address, home, limits, handler);
    try {
      service.server.start();
      service.strangers.sweep(service.connector.getScheduler());
    } catch (Exception e) {
      service.close();
      throw Problem.refused("the service " + name + " cannot listen on " + address.listen())
          .detail(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
          .next(name + ": in silo.yaml")
          .because(e);
    }
    LOG.info("{} listens at {}", name, service.url());
    return service;
  }

  /**
   * The first line of a file that holds a secret.
   *
   * @throws Problem if it cannot be read
   */
  public static String secret(String name, Path file) {
    try (var lines = Files.lines(file)) {
      return lines.findFirst().map(String::strip).filter(line -> !line.isEmpty()).orElseThrow();
    } catch (IOException | RuntimeException e) {
      throw Problem.refused("a secret of the service " + name + " cannot be read")
          .detail(file.toString())
          .because(e);
    }
  }

  /** Where it listens. */
  public String url() {
    String host =
        connector.getHost().contains(":") ? "[" + connector.getHost() + "]" : connector.getHost();
    return (tls ? "https://" : "http://") + host + ":" + connector.getLocalPort();
  }

  public boolean tls() {
    return tls;
  }

  /**
   * Whether a request is meant for one of these hosts. A page of a stranger whose name was pointed
   * to this address (DNS rebinding) sends the stranger's name.
   *
   * @param hosts in lower case, IPv6 addresses in brackets
   */
  public static boolean isFor(Request request, Set<String> hosts) {
    String said = request.getHeaders().get(HttpHeader.HOST);
    if (said == null) {
      return false;
    }
    int end = said.startsWith("[") ? said.indexOf(']') + 1 : said.indexOf(':');
    String host = end > 0 ? said.substring(0, end) : said;
    return hosts.contains(host.toLowerCase(Locale.ROOT));
  }

  /** The names by which a service on loopback may be asked for. */
  public static Set<String> loopback(HttpAddress address) {
    Set<String> hosts = new TreeSet<>(Set.of("localhost", "127.0.0.1", "[::1]"));
    String own = address.host().toLowerCase(Locale.ROOT);
    hosts.add(own.contains(":") ? "[" + own + "]" : own);
    return hosts;
  }

  /** Answers and is done. */
  public static void answer(
      Response response, Callback callback, int status, String type, byte[] body) {
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
    if (!response.getHeaders().contains(HttpHeader.CACHE_CONTROL)) {
      response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    }
    response.getHeaders().put("X-Content-Type-Options", "nosniff");
    response.write(true, ByteBuffer.wrap(body), callback);
  }

  /** Answers with a line of text. */
  public static void answer(Response response, Callback callback, int status, String text) {
    answer(
        response,
        callback,
        status,
        "text/plain; charset=utf-8",
        (text + "\n").getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    try {
      server.stop();
    } catch (Exception e) {
      LOG.warn("stopping {}", name, e);
    }
  }
}
