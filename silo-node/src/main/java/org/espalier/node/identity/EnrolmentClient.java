package org.espalier.node.identity;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLParameters;
import org.espalier.node.Problem;
import org.espalier.wire.Printable;

/** A guest's way to its host: sends the requests of one enrolment. */
final class EnrolmentClient {
  private static final int MAX_REASON = 512;

  private final NodeIdentity self;
  private final Invite invite;
  private final Duration timeout;
  private final HttpClient http;

  /**
   * @param proxy an HTTP proxy to dial the host through, or null
   * @param timeout for each of connecting, waiting for an answer and reading it
   */
  EnrolmentClient(NodeIdentity self, Invite invite, InetSocketAddress proxy, Duration timeout) {
    this.self = self;
    this.invite = invite;
    this.timeout = timeout;
    SSLParameters tls = new SSLParameters();
    tls.setProtocols(new String[] {"TLSv1.3"});
    this.http =
        HttpClient.newBuilder()
            .sslContext(self.clientContext(invite.host(), invite.pin()))
            .sslParameters(tls)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(timeout)
            .proxy(proxy == null ? HttpClient.Builder.NO_PROXY : ProxySelector.of(proxy))
            .build();
  }

  /**
   * What the host answered.
   *
   * @param host who it proved to be: the invitation's pin held in the handshake
   */
  record Answer(PeerCredential host, byte[] body) {}

  /**
   * Sends one request.
   *
   * @param length bytes that the answer must have
   * @throws Problem if the host refuses
   * @throws IOException if there is no such answer
   */
  Answer send(EnrolmentRequest request, int length) throws IOException {
    HttpRequest post =
        HttpRequest.newBuilder(invite.url().resolve(EnrolmentRequest.PATH))
            .timeout(timeout)
            .POST(HttpRequest.BodyPublishers.ofByteArray(request.encode()))
            .build();
    HttpResponse<InputStream> answer;
    try {
      answer = http.send(post, HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
    try (InputStream body = answer.body()) {
      if (answer.statusCode() >= 500) {
        throw new IOException("the host failed with status " + answer.statusCode());
      }
      if (answer.statusCode() != 200) {
        throw Problem.of(Problem.Kind.PARTNER, invite.host() + " refused: " + reason(body))
            .at(invite.host());
      }
      byte[] bytes = read(body, length + 1);
      if (bytes.length != length) {
        throw new IOException("the answer has not " + length + " bytes");
      }
      X509Certificate[] chain =
          (X509Certificate[]) answer.sslSession().orElseThrow().getPeerCertificates();
      return new Answer(PeerCredential.of(chain, self.clock().instant()), bytes);
    } catch (CertificateException e) {
      throw new IOException(e);
    }
  }

  private String reason(InputStream body) throws InterruptedIOException {
    try {
      return Printable.of(new String(read(body, MAX_REASON), StandardCharsets.UTF_8));
    } catch (InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      return "no reason given";
    }
  }

  /** The timeout of the request ends with the header: a host may drip its body for ever. */
  private byte[] read(InputStream body, int most) throws IOException {
    CompletableFuture<byte[]> read =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return body.readNBytes(most);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    try {
      return read.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | ExecutionException e) {
      throw new IOException("the answer was not read", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }
}
