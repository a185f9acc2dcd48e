package org.espalier.node.identity;

import java.net.URI;
import java.util.Arrays;
import java.util.Optional;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;

/**
 * What a guest sends to {@value #PATH} of its host, first a commitment, then its opening. Its name
 * and key are not in here: the host takes them from the TLS connection.
 */
public sealed interface EnrolmentRequest {
  String PATH = "/espalier/v2/enrol";

  /** Where guests ask whose program is older and has no words to compare. */
  String OLD_PATH = "/espalier/v1/enrol";

  /** Largest encoded request. */
  int MAX_BYTES = 512;

  byte[] encode();

  /**
   * The first message; the host answers it with its nonce, 32 bytes.
   *
   * @param secret the invitation's, 16 bytes
   * @param commitment {@link Enrolment#commitment} to the guest's nonce, 32 bytes
   * @param url where the guest listens; empty if it only dials
   */
  record Commitment(byte[] secret, byte[] commitment, Optional<URI> url)
      implements EnrolmentRequest {
    private static final int TYPE = 1;

    public Commitment {
      if (secret.length != Invite.SECRET_BYTES || commitment.length != Enrolment.BYTES) {
        throw new IllegalArgumentException("a secret has 16 bytes and a commitment 32");
      }
      secret = secret.clone();
      commitment = commitment.clone();
      url = url.map(Partner::requireUrl);
    }

    @Override
    public byte[] secret() {
      return secret.clone();
    }

    @Override
    public byte[] commitment() {
      return commitment.clone();
    }

    @Override
    public byte[] encode() {
      return new Encoder()
          .putByte(TYPE)
          .putRaw(secret, 0, secret.length)
          .putRaw(commitment, 0, commitment.length)
          .putString(url.map(URI::toString).orElse(""))
          .toByteArray();
    }

    @Override
    public boolean equals(Object o) {
      return o instanceof Commitment other && Arrays.equals(encode(), other.encode());
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(commitment);
    }

    @Override
    public String toString() {
      return "commitment from " + url.map(URI::toString).orElse("a node that only dials");
    }
  }

  /**
   * The second message; the host answers it with nothing.
   *
   * @param nonce what the guest committed to, 32 bytes
   */
  record Opening(byte[] nonce) implements EnrolmentRequest {
    private static final int TYPE = 2;

    public Opening {
      if (nonce.length != Enrolment.BYTES) {
        throw new IllegalArgumentException("a nonce has 32 bytes");
      }
      nonce = nonce.clone();
    }

    @Override
    public byte[] nonce() {
      return nonce.clone();
    }

    @Override
    public byte[] encode() {
      return new Encoder().putByte(TYPE).putRaw(nonce, 0, nonce.length).toByteArray();
    }

    @Override
    public boolean equals(Object o) {
      return o instanceof Opening other && Arrays.equals(nonce, other.nonce);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(nonce);
    }
  }

  /**
   * @throws IllegalArgumentException if the bytes are not a request; the message quotes nothing
   */
  static EnrolmentRequest decode(byte[] bytes) {
    try {
      Decoder fields = new Decoder(bytes);
      EnrolmentRequest request =
          switch (fields.getByte("type")) {
            case Commitment.TYPE -> commitment(fields);
            case Opening.TYPE -> new Opening(fields.getRaw("nonce", Enrolment.BYTES));
            default -> throw new IllegalArgumentException("no such type");
          };
      fields.expectEnd();
      return request;
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("malformed enrolment request", e);
    }
  }

  private static Commitment commitment(Decoder fields) {
    byte[] secret = fields.getRaw("secret", Invite.SECRET_BYTES);
    byte[] commitment = fields.getRaw("commitment", Enrolment.BYTES);
    String url = fields.getString("url", 256);
    return new Commitment(
        secret, commitment, url.isEmpty() ? Optional.empty() : Optional.of(URI.create(url)));
  }
}
