package org.espalier.audit.event;

import java.util.Locale;

/**
 * Who acts. Every part but {@code kind} and {@code pseudonym} may be null. Of a human being,
 * pseudonym, session and address are what a {@code PersonStore} made of them, so that they can be
 * erased: nothing can be erased from a log.
 *
 * @param kind human, service or partner
 * @param pseudonym stable identifier of the actor
 * @param auth how the actor was authenticated, such as {@code unix-socket} or {@code mtls}
 * @param keyFingerprint fingerprint of the key used, {@code sha256:} and 64 hex digits
 * @param session identifier of the session, never a token
 * @param address network address
 */
public record Actor(
    Kind kind,
    String pseudonym,
    String auth,
    String keyFingerprint,
    String session,
    String address) {

  /** Sort of actor. */
  public enum Kind {
    HUMAN,
    SERVICE,
    PARTNER;

    String wireName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Requires kind and pseudonym, and of a human being that nothing personal is in the clear. */
  public Actor {
    if (kind == null || pseudonym == null) {
      throw new IllegalArgumentException("an actor has a kind and a pseudonym");
    }
    if (kind == Kind.HUMAN) {
      Pseudonyms.require(pseudonym);
      Pseudonyms.require(session);
      Pseudonyms.require(address);
    }
  }

  /** An actor of whom nothing but the identifier and the means of authentication is known. */
  public static Actor of(Kind kind, String pseudonym, String auth) {
    return new Actor(kind, pseudonym, auth, null, null, null);
  }
}
