package org.espalier.node.identity;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
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

/** Sends one enrolment request. */
final class EnrolmentClient {
  private static final int MAX_REASON = 512;

  private final NodeIdentity self;
  private final Duration timeout;

  EnrolmentClient(NodeIdentity self, Duration timeout) {
    this.self = self;
    this.timeout = timeout;
  }

  /** Returns who the host proved to be: the invitation's pin held in the handshake. */
  PeerCredential enrol(Invite invite, EnrolmentRequest request) throws IOException {
    SSLParameters tls = new SSLParameters();
    tls.setProtocols(new String[] {"TLSv1.3"});
    HttpClient http =
        HttpClient.newBuilder()
            .sslContext(self.clientContext(invite.host(), invite.pin()))
            .sslParameters(tls)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(timeout)
            .build();
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
      if (answer.statusCode() != 200) {
        throw Problem.of(Problem.Kind.PARTNER, invite.host() + " refused: " + reason(body))
            .at(invite.host());
      }
    }
    try {
      X509Certificate[] chain =
          (X509Certificate[]) answer.sslSession().orElseThrow().getPeerCertificates();
      return PeerCredential.of(chain, self.clock().instant());
    } catch (CertificateException e) {
      throw new IOException(e);
    }
  }

  /** The timeout of the request ends with the header: a host may drip its body for ever. */
  private String reason(InputStream body) throws IOException {
    CompletableFuture<byte[]> read =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return body.readNBytes(MAX_REASON);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    try {
      byte[] text = read.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      return Printable.of(new String(text, StandardCharsets.UTF_8));
    } catch (TimeoutException | ExecutionException e) {
      return "no reason given";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }
}
