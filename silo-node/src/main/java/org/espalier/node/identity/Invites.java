package org.espalier.node.identity;

import java.io.IOException;
import java.net.URI;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.wire.Party;

/**
 * How two institutions exchange keys. The host {@linkplain #create creates} a line, the guest
 * {@linkplain #accept accepts} it: its node dials the host, knows the host by the pin in the line,
 * and shows the secret. Both note the other as pending, and both operators compare fingerprints
 * before {@link PartnerBook#confirm}.
 */
public final class Invites {
  /** How long an invitation is good for. */
  public static final Duration LIFE = Duration.ofHours(24);

  private static final SecureRandom RANDOM = new SecureRandom();

  private final NodeIdentity self;
  private final PartnerBook book;
  private final URI url;

  /**
   * @param url where partners reach this node; null if it only dials, then it cannot invite
   */
  public Invites(NodeIdentity self, PartnerBook book, URI url) {
    this.self = self;
    this.book = book;
    this.url = url == null ? null : Partner.requireUrl(url);
  }

  /** A fresh invitation for one party, in place of an older one that was not used. */
  public Invite create(Party guest) {
    if (url == null) {
      throw Problem.wrongState("this node has no address that partners can dial")
          .next("let " + guest + " invite you instead");
    }
    if (guest.equals(self.party())) {
      throw Problem.refused(guest + " is this node itself");
    }
    byte[] secret = new byte[Invite.SECRET_BYTES];
    RANDOM.nextBytes(secret);
    Instant expires = self.clock().instant().plus(LIFE).truncatedTo(ChronoUnit.SECONDS);
    book.invite(guest, new Partner.Invitation(Fingerprint.sha256(secret), expires));
    return new Invite(url, self.party(), guest, self.fingerprint(), secret, expires);
  }

  /**
   * The host's side, called for a request whose TLS connection proved {@code caller}.
   *
   * @throws Problem fit to be told to the caller by {@link Problem#what()}
   */
  public Partner redeem(PeerCredential caller, EnrolmentRequest request) {
    return book.enrol(caller, request.url().orElse(null), request.secret());
  }

  /**
   * The guest's side: dials the host and exchanges keys.
   *
   * @param timeout for each of connecting and waiting for the answer
   * @return the host, pending
   * @throws Problem if the host cannot be reached, is not who it should be, or refuses
   */
  public Partner accept(Invite invite, Duration timeout) {
    if (!invite.guest().equals(self.party())) {
      throw Problem.refused(
          "this invitation is for " + invite.guest() + ", and this node is " + self.party());
    }
    if (!self.clock().instant().isBefore(invite.expires())) {
      throw Problem.refused("this invitation expired at " + invite.expires())
          .at(invite.host())
          .next("ask " + invite.host() + " for a new one");
    }
    Optional<Partner> known = book.find(invite.host());
    if (known.flatMap(Partner::pin).filter(pin -> !pin.equals(invite.pin())).isPresent()) {
      throw Problem.refused(invite.host() + " is enrolled with another key")
          .detail("pinned: " + known.get().identity() + ", in the invitation: " + invite.pin())
          .next("silo partner revoke " + invite.host());
    }
    try {
      PeerCredential host =
          new EnrolmentClient(self, timeout)
              .enrol(invite, new EnrolmentRequest(invite.secret(), Optional.ofNullable(url)));
      return book.enrol(host, invite.url(), null);
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.PARTNER, "cannot enrol at " + invite.host())
          .at(invite.host())
          .detail(reason(e))
          .because(e);
    }
  }

  private static String reason(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }
}
