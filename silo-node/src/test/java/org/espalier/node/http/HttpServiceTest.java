package org.espalier.node.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.espalier.node.config.HttpAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What strangers may hold open, and who is served meanwhile. */
@Timeout(60)
class HttpServiceTest {
  private static final int CONNECTIONS = 16;
  private static final Duration ASKING = Duration.ofSeconds(2);

  /** More than the metrics have. */
  private static final int LARGE = 100_000;

  @TempDir Path folder;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<Socket> open = new ArrayList<>();
  private final CountDownLatch slow = new CountDownLatch(1);
  private HttpService service;

  private void start(Duration asking) {
    start(asking, new HttpAddress("127.0.0.1:0", null, null));
  }

  private void start(Duration asking, HttpAddress address) {
    service =
        HttpService.start(
            "test", address, folder, new HttpService.Limits(8, CONNECTIONS, asking), new Answers());
  }

  @AfterEach
  void stop() throws IOException {
    slow.countDown();
    threads.shutdownNow();
    for (Socket one : open) {
      one.close();
    }
    service.close();
  }

  private final class Answers extends Handler.Abstract {
    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
      if (request.getHeaders().contains("Authorization")) {
        HttpService.keep(request, response);
      }
      String path = Request.getPathInContext(request);
      if (path.equals("/slow")) {
        slow.await();
      }
      HttpService.answer(
          response, callback, 200, path.equals("/large") ? "x".repeat(LARGE) : "fine");
      return true;
    }
  }

  private Socket connect() throws IOException {
    Socket socket = new Socket();
    socket.setReceiveBufferSize(1024);
    socket.connect(
        new InetSocketAddress(
            InetAddress.getLoopbackAddress(), URI.create(service.url()).getPort()));
    socket.setSoTimeout(10_000);
    open.add(socket);
    return socket;
  }

  private static void ask(Socket socket, String path, String more) throws IOException {
    socket
        .getOutputStream()
        .write(
            ("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n")
                .getBytes(StandardCharsets.US_ASCII));
  }

  private static String known(Socket socket, String path) throws IOException {
    ask(socket, path, "Authorization: Bearer sesame\r\n");
    return answer(socket);
  }

  /** Up to the line of the body, which ends no connection. */
  private static String answer(Socket socket) throws IOException {
    BufferedReader in =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
    StringBuilder all = new StringBuilder();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      all.append(line).append('\n');
      if (line.equals("fine")) {
        break;
      }
    }
    return all.toString();
  }

  private static boolean isClosed(Socket socket) throws IOException {
    socket.setSoTimeout(10_000);
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException reset) {
      return true;
    }
  }

  private static void assertOpen(Socket socket) throws IOException {
    socket.setSoTimeout(200);
    assertThatThrownBy(() -> socket.getInputStream().read())
        .isInstanceOf(SocketTimeoutException.class);
    socket.setSoTimeout(10_000);
  }

  @Test
  void whoDripsAHeaderIsClosedAndARequestThatTakesLongerIsNot() throws Exception {
    start(ASKING);
    Socket waiting = connect();
    Future<String> late = threads.submit(() -> known(waiting, "/slow"));
    Socket again = connect();
    assertThat(known(again, "/")).contains("fine");
    for (Socket dripping : List.of(connect(), again)) {
      long begin = System.nanoTime();
      Future<?> drip = threads.submit(() -> drip(dripping));
      assertThat(isClosed(dripping)).isTrue();
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(ASKING.multipliedBy(4));
      drip.get();
      assertThat(known(connect(), "/")).contains("fine");
    }
    slow.countDown();
    assertThat(late.get(10, TimeUnit.SECONDS)).contains("fine");
  }

  private static Void drip(Socket socket) throws InterruptedException {
    try {
      for (byte one : ("GET /" + "y".repeat(200)).getBytes(StandardCharsets.US_ASCII)) {
        socket.getOutputStream().write(one);
        Thread.sleep(50);
      }
    } catch (IOException cut) {
      // as it should be
    }
    return null;
  }

  @Test
  void ofTooManyWhoAskNothingTheOldestGoesAndWhoAskedStays() throws Exception {
    start(Duration.ofMinutes(1));
    Socket waiting = connect();
    Future<String> late = threads.submit(() -> known(waiting, "/slow"));
    Socket known = connect();
    assertThat(known(known, "/")).contains("fine");
    Socket oldest = connect();
    for (int i = 0; i < 3 * CONNECTIONS; i++) {
      connect();
    }
    assertOpen(connect());
    assertThat(isClosed(oldest)).isTrue();
    ask(known, "/", "Authorization: Bearer sesame\r\n");
    assertThat(answer(known)).as("the same connection").contains("fine");
    Socket another = connect();
    ask(another, "/", "");
    assertThat(answer(another)).contains("fine", "Connection: close");
    slow.countDown();
    assertThat(late.get(10, TimeUnit.SECONDS)).contains("fine");
  }

  /** Requests are counted on the connection below TLS. */
  @Test
  void byTlsTheSameHolds() throws Exception {
    Path keystore = folder.resolve("keys.p12");
    Path passphrase = Files.writeString(folder.resolve("pass"), "sesame-open");
    run(
        "-genkeypair -alias a -keyalg EC -dname CN=x -validity 2 -storetype PKCS12 -keystore "
            + keystore
            + " -storepass sesame-open");
    start(ASKING.multipliedBy(2), new HttpAddress("127.0.0.1:0", keystore, passphrase));
    Socket waiting = tls(connect());
    Future<String> late = threads.submit(() -> known(waiting, "/slow"));
    Socket silent = connect();
    assertThat(isClosed(silent)).isTrue();
    Socket known = tls(connect());
    assertThat(known(known, "/")).contains("fine");
    for (int i = 0; i < 3 * CONNECTIONS; i++) {
      connect();
    }
    assertThat(known(known, "/")).as("the same connection").contains("fine");
    slow.countDown();
    assertThat(late.get(10, TimeUnit.SECONDS)).contains("fine");
  }

  private static void run(String keytool) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(keytool.split(" ", -1)));
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  private Socket tls(Socket socket) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(folder.resolve("keys.p12"))) {
      store.load(in, "sesame-open".toCharArray());
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context.getSocketFactory().createSocket(socket, "127.0.0.1", socket.getPort(), true);
  }

  /** Without a token they could hold places as long as they like by reading slowly. */
  @Test
  void strangersWhoDoNotReadTheirAnswersHoldNoPlaces() throws Exception {
    start(Duration.ofMinutes(1));
    for (int i = 0; i < 3 * CONNECTIONS; i++) {
      ask(connect(), "/large", "");
    }
    for (int i = 0; i < 3; i++) {
      assertThat(known(connect(), "/")).contains("fine").doesNotContain("close");
    }
  }
}
