package org.espalier.node.identity;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Optional;
import org.espalier.wire.Decoder;
import org.espalier.wire.Digests;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;

/**
 * What two nodes said when one accepted the other's invitation, from which both derive the words
 * that their operators compare.
 *
 * <p>The guest commits to its nonce, the host answers with its own, the guest opens. Whoever stands
 * between the two, with other keys towards each, must have fixed everything that it contributes to
 * the words of one side before that side's nonce is known to it: as host it answers before the
 * guest opens, as guest it commits before the host answers. So the words of the two sides agree
 * with probability 2^-48 each time, whatever it computes. Without the commitment it would try
 * nonces until they agree. Source: S. Vaudenay, Secure Communications over Insecure Channels Based
 * on Short Authenticated Strings, CRYPTO 2005; the initiator commits as in ZRTP (RFC 6189), and
 * three messages with one commitment are those of Bluetooth's numeric comparison. The commitment is
 * SHA-256, hiding by 256 random bits.
 *
 * @param host who invited
 * @param guest who accepted
 * @param commitment {@link #commitment} to the guest's nonce
 * @param hostNonce 32 bytes
 * @param guestNonce 32 bytes that the commitment opens to, or null before it was opened
 */
public record Enrolment(
    Side host, Side guest, byte[] commitment, byte[] hostNonce, byte[] guestNonce) {
  /** Bytes of a nonce and of a commitment. */
  static final int BYTES = 32;

  private static final String COMMITMENT = "espalier/enrolment/2/commitment";
  private static final String WORDS = "espalier/enrolment/2/words";
  private static final SecureRandom RANDOM = new SecureRandom();

  /** A party with the identity that the other side saw in the TLS handshake. */
  public record Side(Party party, Fingerprint identity) {}

  /**
   * @throws IllegalArgumentException if a length is wrong, or the nonce is not what the guest
   *     committed to
   */
  public Enrolment {
    if (commitment.length != BYTES
        || hostNonce.length != BYTES
        || (guestNonce != null && guestNonce.length != BYTES)) {
      throw new IllegalArgumentException("nonces and commitments have 32 bytes");
    }
    if (guestNonce != null
        && !MessageDigest.isEqual(commitment, commitment(host, guest, guestNonce))) {
      throw new IllegalArgumentException("the opening does not fit the commitment");
    }
    commitment = commitment.clone();
    hostNonce = hostNonce.clone();
    guestNonce = guestNonce == null ? null : guestNonce.clone();
  }

  static byte[] nonce() {
    byte[] nonce = new byte[BYTES];
    RANDOM.nextBytes(nonce);
    return nonce;
  }

  /** What a guest sends before it knows the host's nonce. */
  static byte[] commitment(Side host, Side guest, byte[] guestNonce) {
    return digest(sides(COMMITMENT, host, guest).putBytes(guestNonce));
  }

  private static Encoder sides(String domain, Side host, Side guest) {
    return new Encoder()
        .putString(domain)
        .putString(host.party().name())
        .putBytes(host.identity().digest())
        .putString(guest.party().name())
        .putBytes(guest.identity().digest());
  }

  private static byte[] digest(Encoder fields) {
    return Digests.sha256().digest(fields.toByteArray());
  }

  /** The host's side after the commitment, with a fresh nonce of its own. */
  static Enrolment answering(Side host, Side guest, byte[] commitment) {
    return new Enrolment(host, guest, commitment, nonce(), null);
  }

  /** The guest's side after the host's answer. */
  static Enrolment answered(Side host, Side guest, byte[] guestNonce, byte[] hostNonce) {
    return new Enrolment(host, guest, commitment(host, guest, guestNonce), hostNonce, guestNonce);
  }

  /** The host's side after the opening; empty if that is not what the guest committed to. */
  Optional<Enrolment> opened(byte[] nonce) {
    try {
      return Optional.of(new Enrolment(host, guest, commitment, hostNonce, nonce));
    } catch (IllegalArgumentException wrong) {
      return Optional.empty();
    }
  }

  boolean isOpened() {
    return guestNonce != null;
  }

  /**
   * What the operators read to each other: 48 bits of SHA-256 of both names, identities and nonces.
   *
   * @throws IllegalStateException if it was not opened
   */
  SpokenWords words() {
    if (!isOpened()) {
      throw new IllegalStateException("not opened yet");
    }
    return SpokenWords.of(
        digest(sides(WORDS, host, guest).putBytes(hostNonce).putBytes(guestNonce)));
  }

  /** For the node's own database. */
  byte[] encode() {
    return sides("", host, guest)
        .putBytes(commitment)
        .putBytes(hostNonce)
        .putBytes(isOpened() ? guestNonce : new byte[0])
        .toByteArray();
  }

  /** Reads {@link #encode()}. */
  static Enrolment decode(byte[] bytes) {
    Decoder fields = new Decoder(bytes);
    fields.getString("domain", 0);
    Side host = side(fields, "host");
    Side guest = side(fields, "guest");
    byte[] commitment = fields.getBytes("commitment", BYTES);
    byte[] hostNonce = fields.getBytes("host nonce", BYTES);
    byte[] guestNonce = fields.getBytes("guest nonce", BYTES);
    fields.expectEnd();
    return new Enrolment(
        host, guest, commitment, hostNonce, guestNonce.length == 0 ? null : guestNonce);
  }

  private static Side side(Decoder fields, String role) {
    return new Side(
        new Party(fields.getString(role, 63)),
        new Fingerprint(fields.getBytes(role + " identity", 32)));
  }

  @Override
  public byte[] commitment() {
    return commitment.clone();
  }

  @Override
  public byte[] hostNonce() {
    return hostNonce.clone();
  }

  @Override
  public byte[] guestNonce() {
    return guestNonce == null ? null : guestNonce.clone();
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Enrolment other && Arrays.equals(encode(), other.encode());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(commitment);
  }

  @Override
  public String toString() {
    return "enrolment of " + guest.party() + " at " + host.party();
  }
}
