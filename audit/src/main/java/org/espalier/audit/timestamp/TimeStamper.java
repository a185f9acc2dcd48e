package org.espalier.audit.timestamp;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.tsp.TSPException;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampRequestGenerator;
import org.bouncycastle.tsp.TimeStampResponse;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.verify.TimeStamp;
import org.espalier.audit.verify.TimeStampTrust;

/**
 * Asks one time-stamping authority over HTTP (RFC 3161, section 3.4). What comes back is hostile:
 * bounded in bytes and time, and taken only if status, nonce, imprint, policy, signature, purpose
 * and path of the certificate are in order. Thread-safe.
 */
public final class TimeStamper {
  private static final int NONCE_BYTES = 16;
  private static final String QUERY = "application/timestamp-query";

  private final URI url;
  private final TimeStampTrust trust;
  private final String policy;
  private final Duration patience;
  private final SecureRandom random = new SecureRandom();
  private final HttpClient client;

  /**
   * @param policy object identifier that a token must be issued under; null: any
   * @param patience for everything, from the connection to the last byte
   */
  public TimeStamper(URI url, TimeStampTrust trust, String policy, Duration patience) {
    this.url = url;
    this.trust = trust;
    this.policy = policy;
    this.patience = patience;
    this.client =
        HttpClient.newBuilder()
            .connectTimeout(patience)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
  }

  /** A token and what it says. */
  public record Stamped(byte[] token, TimeStamp stamp) {}

  /**
   * Has something stamped.
   *
   * @throws IOException if the authority cannot be reached in time, refuses, or answers with
   *     anything but a valid time stamp of this by a trusted authority; says which
   */
  public Stamped stamp(byte[] content) throws IOException {
    TimeStampRequestGenerator generator = new TimeStampRequestGenerator();
    generator.setCertReq(true);
    if (policy != null) {
      generator.setReqPolicy(new ASN1ObjectIdentifier(policy));
    }
    byte[] nonce = new byte[NONCE_BYTES];
    random.nextBytes(nonce);
    TimeStampRequest request =
        generator.generate(
            NISTObjectIdentifiers.id_sha256, Hashing.sha256(content), new BigInteger(1, nonce));
    byte[] answer = ask(request.getEncoded());
    byte[] token;
    try {
      TimeStampResponse response = new TimeStampResponse(answer);
      response.validate(request);
      if (response.getTimeStampToken() == null) {
        throw new IOException("it refuses, with status " + response.getStatus());
      }
      token = response.getTimeStampToken().getEncoded("DER");
    } catch (TSPException | RuntimeException e) {
      throw new IOException("its answer is no time stamp for what was asked", e);
    }
    try {
      return new Stamped(token, TimeStamp.check(token, content, trust));
    } catch (TimeStamp.InvalidException e) {
      throw new IOException("its time stamp " + e.getMessage(), e);
    }
  }

  private byte[] ask(byte[] query) throws IOException {
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .timeout(patience)
            .header("Content-Type", QUERY)
            .POST(HttpRequest.BodyPublishers.ofByteArray(query))
            .build();
    CompletableFuture<HttpResponse<byte[]>> sent = client.sendAsync(request, info -> new Bounded());
    try {
      HttpResponse<byte[]> response = sent.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      if (response.statusCode() != 200) {
        throw new IOException("it answers with status " + response.statusCode() + " of HTTP");
      }
      return response.body();
    } catch (TimeoutException e) {
      throw new IOException("it did not answer within " + patience.toSeconds() + " s", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      String why =
          cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
      throw new IOException("it cannot be asked: " + why, cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      sent.cancel(true);
    }
  }

  /** A body of so many bytes and no more. */
  private static final class Bounded implements HttpResponse.BodySubscriber<byte[]> {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final CompletableFuture<byte[]> body = new CompletableFuture<>();
    private Flow.Subscription subscription;

    @Override
    public CompletionStage<byte[]> getBody() {
      return body;
    }

    @Override
    public void onSubscribe(Flow.Subscription from) {
      subscription = from;
      from.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> parts) {
      for (ByteBuffer part : parts) {
        if (bytes.size() + part.remaining() > TimeStamp.MAX_BYTES) {
          subscription.cancel();
          body.completeExceptionally(new IOException("its answer is longer than any"));
          return;
        }
        byte[] some = new byte[part.remaining()];
        part.get(some);
        bytes.writeBytes(some);
      }
      subscription.request(1);
    }

    @Override
    public void onError(Throwable error) {
      body.completeExceptionally(error);
    }

    @Override
    public void onComplete() {
      body.complete(bytes.toByteArray());
    }
  }
}
