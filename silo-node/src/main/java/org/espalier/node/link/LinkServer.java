package org.espalier.node.link;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.security.cert.CertificateException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BiConsumer;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
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
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.Invocable;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.websocket.core.WebSocketConnection;
import org.eclipse.jetty.websocket.server.ServerUpgradeResponse;
import org.eclipse.jetty.websocket.server.ServerWebSocketContainer;
import org.espalier.node.Problem;
import org.espalier.node.http.Strangers;
import org.espalier.node.identity.EnrolmentRequest;
import org.espalier.node.identity.Invites;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.identity.PeerCredential;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The listening side: HTTPS with TLS 1.3 and a client certificate for everything. Two paths exist:
 * enrolment, and the link, which only confirmed partners reach.
 */
final class LinkServer {
  static final String PATH = "/espalier/v1/link";
  static final String REFUSAL_HEADER = "Espalier-Refusal";

  /** What the operator of an older node reads. */
  private static final String OLD_ENROLMENT =
      "%s enrols partners by words that both operators compare: upgrade this node, and ask for a"
          + " new invitation";

  private static final Logger LOG = LoggerFactory.getLogger(LinkServer.class);
  private static final int MAX_CONNECTIONS = 4096;

  /** Those that come at once and find no place in it try again a second later. */
  private static final int ACCEPT_QUEUE = 1024;

  /** Connections that are no link (yet). */
  static final int MAX_STRANGERS = 2560;

  private static final long HTTP_IDLE_MILLIS = 15_000;

  private final NodeIdentity self;
  private final PartnerBook book;
  private final Invites invites;
  private final Function<Party, Optional<Link>> links;
  private final BiConsumer<Optional<Party>, String> denied;
  private final Server server;
  private final ServerConnector connector;
  private final Strangers strangers;
  private final ServerWebSocketContainer sockets;
  private final ProtocolRange spoken;

  /**
   * @param links the link of a partner, empty if it is none
   * @param denied as in {@link NodeIdentity#serverContext}
   */
  LinkServer(
      NodeIdentity self,
      PartnerBook book,
      Invites invites,
      InetSocketAddress bind,
      LinkSettings settings,
      Function<Party, Optional<Link>> links,
      BiConsumer<Optional<Party>, String> denied) {
    this.self = self;
    this.book = book;
    this.invites = invites;
    this.links = links;
    this.denied = denied;
    this.spoken = settings.protocols();
    QueuedThreadPool threads = new QueuedThreadPool(64, 4);
    threads.setName("link-server");
    threads.setStopTimeout(1000);
    this.server = new Server(threads);
    FailedHandshakes failures = new FailedHandshakes(denied);
    this.strangers =
        new Strangers(
            MAX_STRANGERS,
            settings.handshake().multipliedBy(2),
            LinkServer::isLink,
            failures::failed);
    this.connector = connector(self.serverContext(book, denied), bind, failures);
    connector.addBean(failures);
    connector.addBean(strangers);
    server.addConnector(connector);
    server.addBean(new NetworkConnectionLimit(MAX_CONNECTIONS, connector));
    this.sockets = ServerWebSocketContainer.ensure(server);
    sockets.setMaxBinaryMessageSize(Frames.MAX);
    sockets.setMaxFrameSize(Frames.MAX);
    sockets.setMaxTextMessageSize(1);
    sockets.setInputBufferSize(Frames.MAX);
    sockets.setOutputBufferSize(Frames.MAX);
    sockets.setIdleTimeout(settings.liveness());
    server.setHandler(new Gate());
  }

  private ServerConnector connector(
      SSLContext context, InetSocketAddress bind, FailedHandshakes failures) {
    SslContextFactory.Server tls = new SslContextFactory.Server();
    tls.setSslContext(context);
    tls.setIncludeProtocols("TLSv1.3");
    tls.setNeedClientAuth(true);
    tls.setSniRequired(false);
    tls.setSessionCachingEnabled(false);
    HttpConfiguration http = new HttpConfiguration();
    SecureRequestCustomizer customizer = new SecureRequestCustomizer();
    customizer.setSniHostCheck(false); // nodes are known by key, whatever the URL says
    http.addCustomizer(customizer);
    http.setSendServerVersion(false);
    http.setRequestHeaderSize(8192);
    http.setIdleTimeout(HTTP_IDLE_MILLIS);
    ServerConnector result =
        new ServerConnector(
            server,
            1,
            1,
            new ClientHelloFirst(new SslConnectionFactory(tls, "http/1.1"), failures),
            new HttpConnectionFactory(http));
    result.setHost(bind.getHostString());
    result.setPort(bind.getPort());
    result.setIdleTimeout(HTTP_IDLE_MILLIS);
    result.setAcceptQueueSize(ACCEPT_QUEUE);
    return result;
  }

  private static boolean isLink(EndPoint endPoint) {
    return endPoint.getConnection() instanceof SslConnection tls
        && tls.getSslEndPoint().getConnection() instanceof WebSocketConnection;
  }

  void start() throws Exception {
    server.start();
    strangers.sweep(connector.getScheduler());
  }

  int port() {
    return connector.getLocalPort();
  }

  void stop() throws Exception {
    server.stop();
  }

  /** Every request passes here; who calls comes from the certificate and nothing else. */
  private final class Gate extends Handler.Abstract {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      PeerCredential caller;
      try {
        caller = caller(request);
      } catch (CertificateException e) {
        denied.accept(Optional.empty(), "tls.certificate");
        refuse(response, callback, 403, e.getMessage());
        return true;
      }
      String path = Request.getPathInContext(request);
      if (path.equals(EnrolmentRequest.PATH) && HttpMethod.POST.is(request.getMethod())) {
        enrol(caller, request, response, callback);
        return true;
      }
      if (path.equals(EnrolmentRequest.OLD_PATH)) {
        refuseEnrolment(caller, response, callback, 426, OLD_ENROLMENT.formatted(self.party()));
        return true;
      }
      Optional<Party> partner = book.confirmed(caller);
      if (partner.isEmpty()) {
        if (!book.isPending(
            caller)) { // whom this node will most likely confirm, and who dials till then
          denied.accept(Optional.empty(), "link.no-partner");
        }
        refuse(
            response,
            callback,
            403,
            self.party() + " has not confirmed " + caller.party() + " as a partner");
      } else if (path.equals(PATH)) {
        upgrade(caller, partner.get(), request, response, callback);
      } else {
        refuse(response, callback, 404, "no such path");
      }
      return true;
    }
  }

  private PeerCredential caller(Request request) throws CertificateException {
    if (!(request.getAttribute(EndPoint.SslSessionData.ATTRIBUTE)
        instanceof EndPoint.SslSessionData tls)) {
      throw new CertificateException("no TLS session");
    }
    return PeerCredential.of(tls.peerCertificates(), self.now());
  }

  private void enrol(PeerCredential caller, Request request, Response response, Callback callback) {
    Content.Source.asByteArrayAsync(
        request,
        EnrolmentRequest.MAX_BYTES,
        Promise.Invocable.from(
            Invocable.InvocationType.BLOCKING,
            body -> answerEnrolment(caller, body, response, callback),
            failure ->
                refuseEnrolment(caller, response, callback, 400, "malformed enrolment request")));
  }

  private void answerEnrolment(
      PeerCredential caller, byte[] body, Response response, Callback callback) {
    try {
      byte[] answer = invites.answer(caller, EnrolmentRequest.decode(body));
      response.setStatus(200);
      response.write(true, ByteBuffer.wrap(answer), callback);
    } catch (IllegalArgumentException e) {
      refuseEnrolment(caller, response, callback, 400, e.getMessage());
    } catch (Problem e) {
      refuseEnrolment(caller, response, callback, 409, e.what());
    } catch (RuntimeException e) {
      LOG.error("enrolment of {} failed", caller.party(), e);
      refuse(response, callback, 500, "internal error");
    }
  }

  private void refuseEnrolment(
      PeerCredential caller, Response response, Callback callback, int status, String reason) {
    denied.accept(book.confirmed(caller), "enrolment.refused");
    refuse(response, callback, status, reason);
  }

  private void upgrade(
      PeerCredential caller, Party partner, Request request, Response response, Callback callback) {
    Optional<Link> link = links.apply(partner);
    if (link.isEmpty()) {
      refuse(response, callback, 503, self.party() + " is starting or stopping");
      return;
    }
    // Checked here, because a creator that returns null leaves the request without an answer.
    if (!request
        .getHeaders()
        .getCSV(HttpHeader.SEC_WEBSOCKET_SUBPROTOCOL, true)
        .contains(Frames.PROTOCOL)) {
      refuse(response, callback, 400, "this node speaks " + Frames.PROTOCOL);
      return;
    }
    ProtocolRange theirs;
    try {
      theirs = ProtocolRange.parse(request.getHeaders().get(ProtocolRange.HEADER));
    } catch (IllegalArgumentException e) {
      refuse(response, callback, 400, e.getMessage());
      return;
    }
    OptionalInt agreed = spoken.common(theirs);
    if (agreed.isEmpty()) {
      String why = spoken.apart(self.party(), partner, theirs);
      link.get().dialFailed(why); // so that both sides' operators read it
      refuse(response, callback, 426, why);
      return;
    }
    response.getHeaders().put(ProtocolRange.HEADER, Integer.toString(agreed.getAsInt()));
    boolean taken =
        sockets.upgrade(
            (upgrade, answer, done) -> accept(answer, link.get(), caller, theirs),
            request,
            response,
            callback);
    if (!taken) {
      refuse(response, callback, 400, "not a WebSocket request");
    }
  }

  private static Object accept(
      ServerUpgradeResponse response, Link link, PeerCredential caller, ProtocolRange theirs) {
    response.setAcceptedSubProtocol(Frames.PROTOCOL);
    response.setExtensions(List.of()); // no compression: it helps bombs, not ciphertexts
    Connection connection = new Connection(link, false);
    connection.setPeerCertificateEnds(caller.notAfter());
    connection.setPeerProtocols(theirs);
    return connection;
  }

  private static void refuse(Response response, Callback callback, int status, String reason) {
    response.setStatus(status);
    response.getHeaders().put(REFUSAL_HEADER, reason);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain;charset=utf-8");
    Content.Sink.write(response, true, reason, callback);
  }
}
