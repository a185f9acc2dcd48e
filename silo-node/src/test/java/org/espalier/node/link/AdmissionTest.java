package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.espalier.node.Problem;
import org.espalier.node.identity.Fingerprint;
import org.espalier.node.identity.Invite;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.SpokenWords;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in, who does not, and what each side is told. */
@Timeout(60)
class AdmissionTest {
  private static final Duration SOON = TestNode.SOON;

  @TempDir Path folder;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private TestNode a;
  private TestNode b;

  @BeforeEach
  void start() {
    a = TestNode.listening(folder, "a.example", TestNode.quick());
    b = TestNode.dialling(folder, "b.example", TestNode.quick());
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
    a.close();
    b.close();
  }

  private static Partner.State state(TestNode at, TestNode of) {
    return at.book.find(of.party).orElseThrow().state();
  }

  @Test
  void enrolsByInvitationAndLinksOnlyWhenBothOperatorsConfirmed() {
    String line = a.links.invites().create(b.party).line();
    Partner host = b.links.invites().accept(Invite.parse("  " + line + "\n"), SOON);
    assertThat(host.pin()).contains(a.identity.fingerprint());
    assertThat(state(a, b)).isEqualTo(Partner.State.PENDING);
    assertThat(state(b, a)).isEqualTo(Partner.State.PENDING);
    assertThat(a.book.find(b.party).orElseThrow().pin()).contains(b.identity.fingerprint());
    assertThat(a.book.find(b.party).orElseThrow().url()).as("b only dials").isNull();
    // Somebody else's fingerprint is an alarm.
    SpokenWords words = a.book.find(b.party).flatMap(Partner::words).orElseThrow();
    assertThat(host.words()).contains(words);
    assertThatThrownBy(
            () ->
                a.book.confirm(b.party, Optional.of(a.identity.fingerprint()), Optional.of(words)))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("the fingerprints differ");
    b.book.confirm(a.party, Optional.of(a.identity.fingerprint()), Optional.empty());
    TestNode.await(
        "b is told what is missing",
        () ->
            b.links
                .status(a.party)
                .problem()
                .orElse("")
                .contains("a.example has not confirmed b.example as a partner"));
    assertThatThrownBy(() -> a.links.status(b.party))
        .hasMessage("b.example is not confirmed by a.example");
    a.book.confirm(b.party, Optional.empty(), host.words());
    a.awaitLink(b);
    b.awaitLink(a);
  }

  @Test
  void invitationsAreForOneGuestOnceAndForADay() {
    String line = a.links.invites().create(b.party).line();
    try (TestNode c = TestNode.dialling(folder, "c.example", TestNode.quick())) {
      assertThatThrownBy(() -> c.links.invites().accept(Invite.parse(line), SOON))
          .hasMessageContaining("this invitation is for b.example");
      b.links.invites().accept(Invite.parse(line), SOON);
      // The same key again is a repeated request; it changes nothing.
      b.links.invites().accept(Invite.parse(line), SOON);
      // The line does not help another key of the same name.
      try (TestNode thief =
          TestNode.dialling(folder.resolve("c.example"), "b.example", TestNode.quick())) {
        assertThatThrownBy(() -> thief.links.invites().accept(Invite.parse(line), SOON))
            .isInstanceOf(Problem.class);
        assertThat(a.book.find(b.party).orElseThrow().pin()).contains(b.identity.fingerprint());
      }
      // An older line is void once there is a newer one, and all are after a day.
      String old = a.links.invites().create(c.party).line();
      String fresh = a.links.invites().create(c.party).line();
      assertThatThrownBy(() -> c.links.invites().accept(Invite.parse(old), SOON))
          .hasMessageContaining("not valid, or not any more");
      a.clock.move(Duration.ofHours(25));
      c.clock.move(Duration.ofHours(23));
      assertThatThrownBy(() -> c.links.invites().accept(Invite.parse(fresh), SOON))
          .isInstanceOf(Problem.class);
      c.clock.move(Duration.ofHours(2));
      assertThatThrownBy(() -> c.links.invites().accept(Invite.parse(fresh), SOON))
          .hasMessageContaining("expired at");
      assertThat(a.book.find(c.party).orElseThrow().state()).isEqualTo(Partner.State.INVITED);
    }
  }

  @Test
  void anEnrolmentThatTheHostForgotIsBegunAnew() {
    Invite first = a.links.invites().create(b.party);
    Partner host = b.links.invites().accept(first, SOON);
    a.book.forget(b.party);
    Invite second = a.links.invites().create(b.party);
    assertThatThrownBy(() -> b.links.invites().accept(first, SOON))
        .hasMessageContaining("a.example refused: this invitation is not valid");
    assertThat(b.book.find(a.party)).isEmpty();
    Partner again = b.links.invites().accept(second, SOON);
    assertThat(again.words()).isEqualTo(a.book.find(b.party).orElseThrow().words());
    assertThat(again.words()).isNotEqualTo(host.words());
  }

  @Test
  void whoStandsBetweenTwoNodesIsHeardInTheWords() {
    Path there = folder.resolve("a.example");
    try (TestNode falseHost = TestNode.listening(there, "a.example", TestNode.quick());
        TestNode falseGuest = TestNode.dialling(there, "b.example", TestNode.quick())) {
      // It took a's line on its way, used it for itself, and handed on one of its own.
      Partner atAttacker =
          falseGuest.links.invites().accept(a.links.invites().create(b.party), SOON);
      Partner atB = b.links.invites().accept(falseHost.links.invites().create(b.party), SOON);
      assertThat(state(a, b)).isEqualTo(Partner.State.PENDING);
      assertThat(state(b, a)).isEqualTo(Partner.State.PENDING);
      assertThat(a.book.find(b.party).flatMap(Partner::words)).isEqualTo(atAttacker.words());
      // What b's operator reads is not what a's operator sees, and the other way round.
      assertThatThrownBy(() -> a.book.confirm(b.party, Optional.empty(), atB.words()))
          .hasMessage("the words differ: someone may be between you and b.example");
      assertThatThrownBy(() -> b.book.confirm(a.party, Optional.empty(), atAttacker.words()))
          .hasMessage("the words differ: someone may be between you and a.example");
      assertThat(a.links.statuses()).isEmpty();
      assertThat(b.links.statuses()).isEmpty();
    }
  }

  @Test
  void nodesOfOlderProgramsAreToldToUpgrade() throws Exception {
    a.links.invites().create(b.party);
    try (SSLSocket socket =
        tls(b.identity.clientContext(a.party, a.identity.fingerprint()), "TLSv1.3")) {
      assertThat(
              get(
                  socket,
                  "POST /espalier/v1/enrol HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      + "Content-Length: 20\r\n\r\n"
                      + "z".repeat(20)))
          .startsWith("HTTP/1.1 426")
          .contains("upgrade this node, and ask for a new invitation");
    }
    assertThat(state(a, b)).isEqualTo(Partner.State.INVITED);
  }

  @Test
  void aHostWithAnotherKeyThanInTheLineIsNotEnrolled() {
    Invite real = a.links.invites().create(b.party);
    Invite forged =
        new Invite(
            real.url(),
            real.host(),
            real.guest(),
            new Fingerprint(new byte[32]),
            real.secret(),
            real.expires());
    assertThatThrownBy(() -> b.links.invites().accept(forged, SOON))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> assertThat(problem.detail().orElse("")).contains("wrong pin"));
    assertThat(b.book.find(a.party)).isEmpty();
    assertThat(state(a, b)).isEqualTo(Partner.State.INVITED);
  }

  @Test
  void aNodeWithAnotherKeyIsNotLinked() {
    a.partnerWith(b);
    a.awaitLink(b);
    int port = a.links.port();
    a.close();
    // Another node at the same address calls itself a.example.
    Path other = folder.resolve("b.example");
    try (TestNode imposter =
        new TestNode(
            other,
            "a.example",
            java.net.URI.create("https://127.0.0.1:" + port),
            port,
            TestNode.quick())) {
      TestNode.await(
          "b sees the wrong pin",
          () -> b.links.status(a.party).problem().orElse("").contains("wrong pin"));
      assertThat(b.links.status(a.party).problem().orElseThrow())
          .contains("a.example must have identity " + a.identity.fingerprint())
          .contains(imposter.identity.fingerprint().toString());
      assertThat(imposter.links.statuses()).isEmpty();
    }
    a = TestNode.listening(other.resolve("keys"), "z.example", TestNode.quick());
  }

  @Test
  void aRevokedPartnerIsCutOffAtOnce() throws Exception {
    a.partnerWith(b);
    Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
    Duplex here = a.open(b, "s");
    Duplex mate = there.get();
    a.book.revoke(b.party);
    assertThatThrownBy(() -> here.write(new byte[1], 0, 1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("b.example is no confirmed partner any more");
    assertThatThrownBy(() -> mate.read(new byte[1], 0, 1, SOON)).isInstanceOf(IOException.class);
    TestNode.await(
        "b is told",
        () ->
            b.links.status(a.party).problem().orElse("").contains("does not accept this node")
                && !b.connected(a));
    assertThatThrownBy(() -> a.links.open(b.party, "s", SOON))
        .hasMessage("a.example has revoked b.example");
    assertThat(a.links.statuses()).isEmpty();
  }

  @Test
  void anExpiredCertificateEndsTheLinkAndARenewedOneBeginsItAgain() {
    a.partnerWith(b);
    a.awaitLink(b);
    b.awaitLink(a);
    // At a it is 31 days later: b's certificate is over there, a's own is renewed.
    a.clock.move(Duration.ofDays(31));
    a.identity.renewIfDue();
    TestNode.await("the link ends", () -> !a.connected(b));
    TestNode.await(
        "b knows", () -> b.links.status(a.party).problem().orElse("").contains("a clock is wrong"));
    b.clock.move(Duration.ofDays(31));
    assertThat(b.identity.renewIfDue()).isTrue();
    a.awaitLink(b);
    b.awaitLink(a);
  }

  @Test
  void theDiallingSideEndsALinkWhoseCertificateIsOver() {
    a.partnerWith(b);
    b.awaitLink(a);
    b.clock.move(Duration.ofDays(31)); // a's certificate is over at b, which dialled
    b.identity.renewIfDue();
    TestNode.await(
        "b says why",
        () ->
            !b.connected(a)
                && b.links.status(a.party).problem().orElse("").contains("certificate"));
  }

  // What is no node at all.

  private Socket plain() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), a.links.port());
    socket.setSoTimeout(10_000);
    return socket;
  }

  private SSLSocket tls(SSLContext context, String version) throws IOException {
    SSLSocket socket =
        (SSLSocket)
            context
                .getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), a.links.port());
    socket.setSoTimeout(10_000);
    socket.setEnabledProtocols(new String[] {version});
    return socket;
  }

  private static SSLContext trusting() throws Exception {
    X509TrustManager all =
        new X509TrustManager() {
          @Override
          public void checkClientTrusted(X509Certificate[] chain, String type) {}

          @Override
          public void checkServerTrusted(X509Certificate[] chain, String type) {}

          @Override
          public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
          }
        };
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, new TrustManager[] {all}, new SecureRandom());
    return context;
  }

  private static String get(SSLSocket socket, String request) throws IOException {
    socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    socket.getOutputStream().flush();
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /**
   * In TLS 1.3 a client learns only after its handshake what the server thinks of it, and sometimes
   * the end of the connection is quicker than the alert.
   */
  private void refused(String alert, SSLContext context) throws IOException {
    for (int attempt = 0; attempt < 50; attempt++) {
      try (SSLSocket socket = tls(context, "TLSv1.3")) {
        socket.startHandshake();
        int answer = socket.getInputStream().read();
        throw new AssertionError("admitted: " + answer);
      } catch (SSLException told) {
        assertThat(told.getMessage()).containsPattern(alert);
        return;
      } catch (SocketException cut) {
        // Refused, without a reason.
      }
    }
    throw new AssertionError("the alert never came through");
  }

  @Test
  void oldTlsAndNoCertificateAreRefused() throws Exception {
    try (SSLSocket old = tls(trusting(), "TLSv1.2")) {
      assertThatThrownBy(old::startHandshake)
          .isInstanceOf(SSLException.class)
          .hasMessageContaining("protocol_version");
    }
    // Newer JDKs send the alert of RFC 8446, JDK 17 an older one.
    refused("certificate_required|bad_certificate", trusting());
    try (TestNode stranger = TestNode.dialling(folder, "x.example", TestNode.quick())) {
      refused(
          "certificate_unknown",
          stranger.identity.clientContext(a.party, a.identity.fingerprint()));
    }
  }

  @Test
  void pathsHeadersAndBodiesAreBounded() throws Exception {
    a.partnerWith(b);
    SSLContext proper = b.identity.clientContext(a.party, a.identity.fingerprint());
    try (SSLSocket socket = tls(proper, "TLSv1.3")) {
      assertThat(get(socket, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
          .startsWith("HTTP/1.1 404")
          .contains("no such path")
          .doesNotContain("Jetty");
    }
    try (SSLSocket socket = tls(proper, "TLSv1.3")) {
      assertThat(
              get(
                  socket,
                  "GET "
                      + LinkServer.PATH
                      + " HTTP/1.1\r\nHost: x\r\n"
                      + "Connection: close\r\n\r\n"))
          .startsWith("HTTP/1.1 400");
    }
    try (SSLSocket socket = tls(proper, "TLSv1.3")) {
      String endless = "GET / HTTP/1.1\r\nHost: x\r\nX: " + "y".repeat(20_000) + "\r\n\r\n";
      assertThat(get(socket, endless)).startsWith("HTTP/1.1 431");
    }
    try (SSLSocket socket = tls(proper, "TLSv1.3")) {
      String large =
          "POST /espalier/v2/enrol HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              + "Content-Length: 5000\r\n\r\n"
              + "z".repeat(5000);
      assertThat(get(socket, large)).startsWith("HTTP/1.1 400");
    }
    b.awaitLink(a);
  }

  @Test
  void whoDripsBytesIsClosedAndOthersAreServed() throws Exception {
    a.partnerWith(b);
    SSLContext proper = b.identity.clientContext(a.party, a.identity.fingerprint());
    try (Socket silent = plain();
        Socket dripping = plain();
        SSLSocket slow = tls(proper, "TLSv1.3")) {
      slow.startHandshake();
      Future<Integer> drip = threads.submit(() -> drip(dripping));
      Future<Integer> header = threads.submit(() -> drip(slow));
      assertThat(end(silent)).isEqualTo(-1);
      assertThat(drip.get()).isLessThan(60);
      assertThat(header.get()).isLessThan(60);
    }
    try (Socket garbage = plain()) {
      garbage.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      end(garbage);
    }
    b.awaitLink(a);
  }

  /** Else strangers, who need no certificate for it, keep partners out by connecting. */
  @Test
  @Timeout(180)
  void ofTooManyWhoSayNothingTheOldestIsClosedAndPartnersAreServed() throws Exception {
    a.partnerWith(b);
    b.awaitLink(a);
    List<Socket> strangers = new ArrayList<>();
    try {
      for (int i = 0; i < LinkServer.MAX_STRANGERS + 100; i++) {
        strangers.add(plain());
      }
      assertThat(end(strangers.get(0))).isEqualTo(-1);
      Socket newest = strangers.get(strangers.size() - 1);
      newest.setSoTimeout(100);
      assertThatThrownBy(() -> newest.getInputStream().read())
          .isInstanceOf(SocketTimeoutException.class);
      assertThat(b.connected(a)).as("a link is no stranger").isTrue();
      SSLContext proper = b.identity.clientContext(a.party, a.identity.fingerprint());
      try (SSLSocket another = tls(proper, "TLSv1.3")) {
        assertThat(get(another, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .startsWith("HTTP/1.1 404");
      }
    } finally {
      for (Socket stranger : strangers) {
        stranger.close();
      }
    }
  }

  @Test
  void aClientHelloMayComeByteByByteAndBeLong() throws Exception {
    a.partnerWith(b);
    SSLContext proper = b.identity.clientContext(a.party, a.identity.fingerprint());
    for (int names : new int[] {0, 20}) {
      SSLEngine engine = proper.createSSLEngine();
      engine.setUseClientMode(true);
      SSLParameters parameters = engine.getSSLParameters();
      parameters.setApplicationProtocols(
          IntStream.range(0, names).mapToObj(i -> i + "x".repeat(200)).toArray(String[]::new));
      engine.setSSLParameters(parameters);
      engine.beginHandshake();
      ByteBuffer hello = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
      engine.wrap(ByteBuffer.allocate(0), hello);
      assertThat(hello.flip().remaining() > 4000).isEqualTo(names > 0);
      try (Socket socket = plain()) {
        socket.setTcpNoDelay(true);
        while (hello.hasRemaining()) {
          socket.getOutputStream().write(hello.get());
          if (hello.remaining() % 100 == 0) {
            Thread.sleep(1); // so that it does come in pieces
          }
        }
        assertThat(socket.getInputStream().read()).as("a ServerHello").isEqualTo(22);
      }
    }
  }

  private static int end(Socket socket) {
    try (InputStream in = socket.getInputStream()) {
      in.readAllBytes();
      return -1;
    } catch (SocketTimeoutException e) {
      throw new AssertionError("still open", e);
    } catch (IOException reset) {
      return -1;
    }
  }

  /** Returns how many bytes it could send, one every 100 ms, before it was cut. */
  private static int drip(Socket socket) {
    byte[] start = {22, 3, 1, 2, 0, 1, 0, 1, (byte) 252, 3, 3};
    int sent = 0;
    try {
      OutputStream out = socket.getOutputStream();
      while (sent < 80) {
        out.write(socket instanceof SSLSocket ? 'G' : sent < start.length ? start[sent] : 0);
        out.flush();
        sent++;
        TestNode.pause(100);
      }
    } catch (IOException cut) {
      return sent;
    }
    return sent;
  }

  @Test
  void strangersAreNotToldWhoThePartnersAre() {
    a.partnerWith(b);
    try (TestNode other =
        TestNode.dialling(folder.resolve("a.example"), "c.example", TestNode.quick())) {
      Invite guess =
          new Invite(
              a.links.invites().create(new Party("d.example")).url(),
              a.party,
              other.party,
              a.identity.fingerprint(),
              new byte[16],
              a.clock.instant().plusSeconds(60).truncatedTo(java.time.temporal.ChronoUnit.SECONDS));
      assertThatThrownBy(() -> other.links.invites().accept(guess, SOON))
          .isInstanceOfSatisfying(
              Problem.class,
              problem ->
                  assertThat(problem.what() + problem.detail().orElse(""))
                      .doesNotContain("b.example"));
    }
  }
}
