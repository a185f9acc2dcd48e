package org.espalier.node.identity;

import java.io.IOException;
import java.net.InetSocketAddress;
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
 * shows the secret and commits to a nonce, which it opens after the host's answer. Both note the
 * other as pending, and both operators compare the words of their {@link Enrolment} before {@link
 * PartnerBook#confirm}.
 */
public final class Invites {
  /** How long an invitation is good for. */
  public static final Duration LIFE = Duration.ofHours(24);

  private static final SecureRandom RANDOM = new SecureRandom();

  private final NodeIdentity self;
  private final PartnerBook book;
  private final URI url;
  private final InetSocketAddress proxy;

  /**
   * @param url where partners reach this node; null if it only dials, then it cannot invite
   * @param proxy an HTTP proxy to dial hosts through, or null
   */
  public Invites(NodeIdentity self, PartnerBook book, URI url, InetSocketAddress proxy) {
    this.self = self;
    this.book = book;
    this.url = url == null ? null : Partner.requireUrl(url);
    this.proxy = proxy;
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
   * @return what the caller is to be answered
   * @throws Problem fit to be told to the caller by {@link Problem#what()}
   */
  public byte[] answer(PeerCredential caller, EnrolmentRequest request) {
    if (request instanceof EnrolmentRequest.Commitment first) {
      Enrolment begun =
          Enrolment.answering(
              side(),
              new Enrolment.Side(caller.party(), caller.identity().fingerprint()),
              first.commitment());
      book.begin(caller, first.url().orElse(null), first.secret(), begun);
      return begun.hostNonce();
    }
    book.open(caller, ((EnrolmentRequest.Opening) request).nonce());
    return new byte[0];
  }

  private Enrolment.Side side() {
    return new Enrolment.Side(self.party(), self.fingerprint());
  }

  /**
   * The guest's side: dials the host and exchanges keys and nonces. If the last answer was lost it
   * can be called again.
   *
   * @param timeout for each of connecting, waiting for an answer and reading it
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
    Optional<Partner> known = book.find(invite.host()).filter(p -> p.pin().isPresent());
    known.ifPresent(partner -> requireSameEnrolment(invite, partner));
    EnrolmentClient host = new EnrolmentClient(self, invite, proxy, timeout);
    try {
      Partner pending = known.isPresent() ? known.get() : exchange(invite, host);
      open(pending, host);
      return pending;
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.PARTNER, "cannot enrol at " + invite.host())
          .at(invite.host())
          .detail(reason(e) + through())
          .next(
              book.find(invite.host()).flatMap(Partner::words).isPresent()
                  ? "silo partner accept, with the same invitation"
                  : "if it goes on, ask " + invite.host() + " for a new invitation")
          .because(e);
    }
  }

  /** What is left of an enrolment whose last answer was lost is the opening. */
  private void requireSameEnrolment(Invite invite, Partner known) {
    if (!known.pin().get().equals(invite.pin())) {
      throw Problem.refused(invite.host() + " is enrolled with another key")
          .detail("pinned: " + known.identity() + ", in the invitation: " + invite.pin())
          .next("silo partner revoke " + invite.host());
    }
    book.requireNotRevoked(known);
    if (known.enrolment() == null || !known.enrolment().host().party().equals(invite.host())) {
      throw Problem.wrongState(invite.host() + " has enrolled already, by another invitation")
          .next("silo partner list");
    }
  }

  /** The host's nonce is kept before this node's is sent, so that nobody chooses it afterwards. */
  private Partner exchange(Invite invite, EnrolmentClient host) throws IOException {
    Enrolment.Side hosts = new Enrolment.Side(invite.host(), invite.pin());
    byte[] nonce = Enrolment.nonce();
    byte[] commitment = Enrolment.commitment(hosts, side(), nonce);
    EnrolmentClient.Answer answer =
        host.send(
            new EnrolmentRequest.Commitment(invite.secret(), commitment, Optional.ofNullable(url)),
            Enrolment.BYTES);
    return book.accept(
        answer.host(), invite.url(), Enrolment.answered(hosts, side(), nonce, answer.body()));
  }

  private void open(Partner host, EnrolmentClient client) throws IOException {
    try {
      client.send(new EnrolmentRequest.Opening(host.enrolment().guestNonce()), 0);
    } catch (Problem refused) {
      if (host.is(Partner.State.PENDING)) {
        book.forget(host.party());
      }
      throw refused;
    }
  }

  private String through() {
    return proxy == null
        ? ""
        : " (through the proxy " + proxy.getHostString() + ":" + proxy.getPort() + ")";
  }

  private static String reason(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }
}
