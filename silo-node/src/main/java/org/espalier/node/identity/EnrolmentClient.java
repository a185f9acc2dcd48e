package org.espalier.node.identity;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
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
        String reason = new String(body.readNBytes(MAX_REASON), StandardCharsets.UTF_8);
        throw Problem.of(
                Problem.Kind.PARTNER, invite.host() + " refused: " + Printable.of(reason))
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
}
