package org.espalier.node.identity;

import java.net.URI;
import java.time.Instant;
import java.util.Base64;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;

/**
 * One line that lets another institution enrol: {@code espalier-invite:v2:} and base64url of the
 * fields. Whoever has it can take the guest's place until the operators compare words, so it
 * travels like a password. {@link #toString()} does not show it.
 *
 * @param url where the inviting node listens
 * @param host the inviting party
 * @param guest the only party that may use it
 * @param pin fingerprint of the inviting node's identity
 * @param secret 128 bits, single use
 * @param expires not valid from then on; whole seconds
 */
public record Invite(
    URI url, Party host, Party guest, Fingerprint pin, byte[] secret, Instant expires) {
  private static final String PREFIX = "espalier-invite:v2:";

  /** Of programs that exchanged no words. */
  private static final String OLD_PREFIX = "espalier-invite:v1:";

  private static final int MAX_LINE = 1024;
  static final int SECRET_BYTES = 16;

  public Invite {
    url = Partner.requireUrl(url);
    if (secret.length != SECRET_BYTES) {
      throw new IllegalArgumentException("an invitation's secret has 16 bytes");
    }
    secret = secret.clone();
  }

  @Override
  public byte[] secret() {
    return secret.clone();
  }

  /** The line to hand over. It contains the secret. */
  public String line() {
    Encoder fields =
        new Encoder()
            .putString(url.toString())
            .putString(host.name())
            .putString(guest.name())
            .putRaw(pin.digest(), 0, 32)
            .putRaw(secret, 0, SECRET_BYTES)
            .putLong(expires.getEpochSecond());
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(fields.toByteArray());
  }

  /**
   * Reads {@link #line()}; white space around and inside, as mail programs add it, is ignored.
   *
   * @throws IllegalArgumentException if it is no complete invitation; the message quotes nothing
   */
  public static Invite parse(String text) {
    if (text.length() > 2 * MAX_LINE) {
      throw new IllegalArgumentException("too long for an invitation");
    }
    String line = text.replaceAll("\\s", "");
    if (line.startsWith(OLD_PREFIX)) {
      throw new IllegalArgumentException(
          "this invitation was made by an older program, which has no words to compare: upgrade the"
              + " node that invites, and ask for a new one");
    }
    if (!line.startsWith(PREFIX) || line.length() > MAX_LINE) {
      throw new IllegalArgumentException("an invitation begins with " + PREFIX);
    }
    try {
      Decoder fields = new Decoder(Base64.getUrlDecoder().decode(line.substring(PREFIX.length())));
      Invite invite =
          new Invite(
              URI.create(fields.getString("url", 256)),
              new Party(fields.getString("host", 63)),
              new Party(fields.getString("guest", 63)),
              new Fingerprint(fields.getRaw("pin", 32)),
              fields.getRaw("secret", SECRET_BYTES),
              Instant.ofEpochSecond(fields.getLong("expires")));
      fields.expectEnd();
      return invite;
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("the invitation is damaged or not complete", e);
    }
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Invite other && line().equals(other.line());
  }

  @Override
  public int hashCode() {
    return pin.hashCode();
  }

  @Override
  public String toString() {
    return "invitation of " + host + " for " + guest + " until " + expires;
  }
}
