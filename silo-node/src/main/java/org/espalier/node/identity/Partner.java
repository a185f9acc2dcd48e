package org.espalier.node.identity;

import java.net.URI;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import org.espalier.wire.Party;

/**
 * Another institution, as this node knows it.
 *
 * @param party its name
 * @param state how far the two are
 * @param url where it listens, or null if it only dials
 * @param identity its pinned key; null while it is only invited
 * @param invitation the open invitation while {@link State#INVITED}, else null
 * @param enrolment what was exchanged when it enrolled, from the first message on; null before, and
 *     for partners of older programs
 * @param since when it came into this state
 */
public record Partner(
    Party party,
    State state,
    URI url,
    IdentityKey identity,
    Invitation invitation,
    Enrolment enrolment,
    Instant since) {
  private static final int MAX_URL = 256;

  /** How far two institutions are with each other. Only {@link #CONFIRMED} partners may talk. */
  public enum State {
    /** An invitation is out; no key is known yet. */
    INVITED,
    /** Keys are exchanged; the operator has not compared words yet. */
    PENDING,
    CONFIRMED,
    /** Refused until the operator forgets it. */
    REVOKED
  }

  /**
   * An invitation that was given out and not used yet.
   *
   * @param secretHash SHA-256 of its secret: whoever reads the database cannot use the invitation
   * @param expires not valid from then on
   */
  public record Invitation(byte[] secretHash, Instant expires) {
    public Invitation {
      if (secretHash.length != 32) {
        throw new IllegalArgumentException("a SHA-256 hash has 32 bytes");
      }
      secretHash = secretHash.clone();
    }

    @Override
    public byte[] secretHash() {
      return secretHash.clone();
    }

    boolean openAt(Instant now) {
      return now.isBefore(expires);
    }

    /** The same, not open any more. */
    Invitation endedAt(Instant now) {
      return new Invitation(secretHash, now);
    }

    boolean isFor(byte[] secret) {
      return MessageDigest.isEqual(secretHash, Fingerprint.sha256(secret));
    }

    @Override
    public boolean equals(Object o) {
      return o instanceof Invitation other
          && MessageDigest.isEqual(secretHash, other.secretHash)
          && expires.equals(other.expires);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(secretHash);
    }

    @Override
    public String toString() {
      return "invitation until " + expires;
    }
  }

  public Partner {
    if (url != null) {
      url = requireUrl(url);
    }
    if ((state == State.INVITED) != (invitation != null)
        || (state == State.INVITED) != (identity == null)) {
      throw new IllegalArgumentException(
          "an invited partner has an invitation, every other one an identity key");
    }
    if (enrolment != null && enrolment.isOpened() == (state == State.INVITED)) {
      throw new IllegalArgumentException("whose enrolment is complete is not invited any more");
    }
  }

  /** The pinned fingerprint; empty while only invited. */
  public Optional<Fingerprint> pin() {
    return Optional.ofNullable(identity).map(IdentityKey::fingerprint);
  }

  /** What its operator and this node's read to each other; empty while only invited. */
  public Optional<SpokenWords> words() {
    return Optional.ofNullable(enrolment).filter(Enrolment::isOpened).map(Enrolment::words);
  }

  Partner in(State next, Instant now) {
    return new Partner(party, next, url, identity, null, enrolment, now);
  }

  Partner at(URI where) {
    return new Partner(party, state, where, identity, invitation, enrolment, since);
  }

  boolean is(State wanted) {
    return state == wanted;
  }

  /**
   * Checks an address that a node may be dialled at: {@code https://host[:port]} and nothing more.
   *
   * @throws IllegalArgumentException saying what is wrong
   */
  public static URI requireUrl(URI url) {
    String path = url.getRawPath();
    if (!"https".equals(url.getScheme())
        || url.getHost() == null
        || url.getRawUserInfo() != null
        || url.getRawQuery() != null
        || url.getRawFragment() != null
        || !(path == null || path.isEmpty() || path.equals("/"))
        || url.getPort() == 0
        || url.getPort() > 65535
        || url.toString().length() > MAX_URL) {
      throw new IllegalArgumentException("a node's address is https://host[:port]");
    }
    return path == null || path.isEmpty()
        ? url
        : URI.create(url.toString().substring(0, url.toString().length() - 1));
  }
}
