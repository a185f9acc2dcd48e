package org.espalier.node.identity;

import java.net.URI;
import java.util.Optional;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;

/**
 * What a guest sends to {@value #PATH} of its host. Its name and key are not in here: the host
 * takes them from the TLS connection.
 *
 * @param secret the invitation's, 16 bytes
 * @param url where the guest listens; empty if it only dials
 */
public record EnrolmentRequest(byte[] secret, Optional<URI> url) {
  public static final String PATH = "/espalier/v1/enrol";

  /** Largest encoded request. */
  public static final int MAX_BYTES = 512;

  public EnrolmentRequest {
    if (secret.length != Invite.SECRET_BYTES) {
      throw new IllegalArgumentException("an invitation's secret has 16 bytes");
    }
    secret = secret.clone();
    url = url.map(Partner::requireUrl);
  }

  @Override
  public byte[] secret() {
    return secret.clone();
  }

  byte[] encode() {
    return new Encoder()
        .putRaw(secret, 0, secret.length)
        .putString(url.map(URI::toString).orElse(""))
        .toByteArray();
  }

  /**
   * @throws IllegalArgumentException if the bytes are not a request; the message quotes nothing
   */
  public static EnrolmentRequest decode(byte[] bytes) {
    try {
      Decoder fields = new Decoder(bytes);
      byte[] secret = fields.getRaw("secret", Invite.SECRET_BYTES);
      String url = fields.getString("url", 256);
      fields.expectEnd();
      return new EnrolmentRequest(
          secret, url.isEmpty() ? Optional.empty() : Optional.of(URI.create(url)));
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("malformed enrolment request", e);
    }
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof EnrolmentRequest other
        && java.security.MessageDigest.isEqual(secret, other.secret)
        && url.equals(other.url);
  }

  @Override
  public int hashCode() {
    return url.hashCode();
  }

  @Override
  public String toString() {
    return "enrolment request from " + url.map(URI::toString).orElse("a node that only dials");
  }
}
