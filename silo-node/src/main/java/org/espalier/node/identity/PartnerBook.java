package org.espalier.node.identity;

import java.net.URI;
import java.security.cert.CertificateException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.espalier.node.Problem;
import org.espalier.node.identity.Partner.State;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The rules of who is a partner. Thread-safe. */
public final class PartnerBook {
  private static final Logger LOG = LoggerFactory.getLogger(PartnerBook.class);

  private final Party self;
  private final PartnerStore store;
  private final Clock clock;
  private final List<Consumer<Party>> listeners = new CopyOnWriteArrayList<>();

  public PartnerBook(Party self, PartnerStore store, Clock clock) {
    this.self = self;
    this.store = store;
    this.clock = clock;
  }

  public Party self() {
    return self;
  }

  public Optional<Partner> find(Party party) {
    return store.find(party);
  }

  /** All partners in order of name. */
  public List<Partner> list() {
    return store.list();
  }

  /**
   * The confirmed partner of that name.
   *
   * @throws Problem saying which step is missing
   */
  public Partner requireConfirmed(Party party) {
    Partner partner =
        store
            .find(party)
            .orElseThrow(
                () ->
                    Problem.notFound(party + " is no partner of " + self)
                        .at(self)
                        .next("silo partner invite " + party));
    return switch (partner.state()) {
      case CONFIRMED -> partner;
      case INVITED ->
          throw Problem.wrongState(party + " has not accepted its invitation yet").at(party);
      case PENDING ->
          throw Problem.wrongState(party + " is not confirmed by " + self)
              .at(self)
              .next("silo partner confirm " + party);
      case REVOKED -> throw revoked(party);
    };
  }

  void requireNotRevoked(Partner partner) {
    if (partner.is(State.REVOKED)) {
      throw revoked(partner.party());
    }
  }

  private Problem revoked(Party party) {
    return Problem.refused(self + " has revoked " + party)
        .at(self)
        .next("silo partner forget " + party);
  }

  /**
   * The operator has compared words or fingerprints over another way than this network.
   *
   * @param seen the fingerprint that the partner's operator read out, checked against the pin
   * @param heard the words that the partner's operator read out, checked against those of this node
   * @throws Problem if one of them differs; then nothing is changed
   */
  public Partner confirm(Party party, Optional<Fingerprint> seen, Optional<SpokenWords> heard) {
    Partner confirmed;
    synchronized (this) {
      Partner partner = require(party);
      if (!partner.is(State.PENDING) && !partner.is(State.CONFIRMED)) {
        throw Problem.wrongState(
            party + " is " + text(partner.state()) + ", so there is nothing to confirm");
      }
      seen.ifPresent(fingerprint -> requireSame(partner, fingerprint));
      heard.ifPresent(words -> requireSame(partner, words));
      if (partner.is(State.CONFIRMED)) {
        return partner;
      }
      confirmed = partner.in(State.CONFIRMED, clock.instant());
      store.save(confirmed);
    }
    LOG.info("partner {} confirmed with identity {}", party, confirmed.identity());
    changed(party);
    return confirmed;
  }

  private static void requireSame(Partner partner, Fingerprint seen) {
    Fingerprint pin = partner.identity().fingerprint();
    if (!seen.equals(pin)) {
      throw differ("fingerprints", partner, pin, seen);
    }
  }

  private static void requireSame(Partner partner, SpokenWords heard) {
    SpokenWords own =
        partner
            .words()
            .orElseThrow(
                () ->
                    Problem.wrongState(
                            partner.party() + " enrolled by an older program, without words")
                        .next("silo partner confirm " + partner.party() + " --fingerprint F"));
    if (!heard.equals(own)) {
      throw differ("words", partner, own, heard);
    }
  }

  private static Problem differ(String what, Partner partner, Object own, Object told) {
    return Problem.refused(
            "the " + what + " differ: someone may be between you and " + partner.party())
        .detail("this node has " + own + ", you were told " + told)
        .next("silo partner revoke " + partner.party());
  }

  /** Ends the partnership; its open connections are closed before this returns. */
  public Partner revoke(Party party) {
    Partner revoked;
    synchronized (this) {
      Partner partner = require(party);
      if (partner.is(State.INVITED)) {
        throw Problem.wrongState(party + " is only invited").next("silo partner forget " + party);
      }
      revoked = partner.in(State.REVOKED, clock.instant());
      store.save(revoked);
    }
    LOG.warn("partner {} revoked", party);
    changed(party);
    return revoked;
  }

  /**
   * Forgets a partner that is not confirmed, its key included, so that the name can be invited
   * again.
   */
  public void forget(Party party) {
    synchronized (this) {
      if (require(party).is(State.CONFIRMED)) {
        throw Problem.wrongState(party + " is a confirmed partner")
            .next("silo partner revoke " + party);
      }
      store.delete(party);
    }
    changed(party);
  }

  /** Sets or clears where the partner listens; without an address this node waits to be dialled. */
  public Partner setUrl(Party party, Optional<URI> url) {
    Partner moved;
    synchronized (this) {
      moved = require(party).at(url.orElse(null));
      store.save(moved);
    }
    changed(party);
    return moved;
  }

  /** Called with the name of a partner after every change, on the changing thread. */
  public void onChange(Consumer<Party> listener) {
    listeners.add(listener);
  }

  /**
   * Who the other end of a connection is, if it is a confirmed partner.
   *
   * @return empty for everyone else
   */
  public Optional<Party> confirmed(PeerCredential peer) {
    return known(peer).filter(p -> p.is(State.CONFIRMED)).map(Partner::party);
  }

  /** Whether it has enrolled and this node's operator has not compared words yet. */
  public boolean isPending(PeerCredential peer) {
    return known(peer).filter(p -> p.is(State.PENDING)).isPresent();
  }

  private Optional<Partner> known(PeerCredential peer) {
    return store.find(peer.party()).filter(p -> peer.identity().equals(p.identity()));
  }

  /**
   * The gate of the TLS handshake. Confirmed partners pass. A pending partner, and any identity
   * whose name has an open invitation, pass as far as enrolment: every other path checks {@link
   * #confirmed}.
   */
  void requireAdmissible(PeerCredential peer) throws CertificateException {
    Optional<Partner> named = store.find(peer.party());
    if (named.isPresent() && !named.get().is(State.INVITED)) {
      Partner partner = named.get();
      if (!partner.identity().equals(peer.identity())) {
        throw new Inadmissible(
            null,
            "tls.another-key",
            "a node that calls itself "
                + peer.party()
                + " has identity "
                + peer.identity()
                + ", but the pinned one is "
                + partner.identity());
      }
      if (partner.is(State.REVOKED)) {
        throw new Inadmissible(peer.party(), "tls.revoked", peer.party() + " is revoked");
      }
      return;
    }
    if (named.isEmpty() || !named.get().invitation().openAt(clock.instant())) {
      throw new Inadmissible(
          null,
          "tls.no-partner",
          peer.party() + " with identity " + peer.identity() + " is no partner");
    }
  }

  /** Adds an invited name or replaces its invitation; other states are refused. */
  synchronized void invite(Party guest, Partner.Invitation invitation) {
    Optional<Partner> known = store.find(guest);
    if (known.isPresent() && !known.get().is(State.INVITED)) {
      throw Problem.wrongState(guest + " is " + text(known.get().state()) + " already")
          .next("silo partner list");
    }
    store.save(new Partner(guest, State.INVITED, null, null, invitation, null, clock.instant()));
  }

  /**
   * The host's first step: from now on the invitation is for this exchange only. A second one would
   * be a second guess for whoever stands between the two nodes.
   *
   * @param secret must match the open invitation of that name
   * @param begun with the host's nonce, not opened
   * @throws Problem if the name is known already, or the secret is not right; which of them a
   *     stranger is not told
   */
  synchronized void begin(PeerCredential guest, URI url, byte[] secret, Enrolment begun) {
    Optional<Partner> named = store.find(guest.party());
    if (named.isPresent() && !named.get().is(State.INVITED)) {
      requireSameKey(named.get(), guest);
      throw Problem.wrongState(guest.party() + " is " + text(named.get().state()) + " already")
          .at(self)
          .next("silo partner forget " + guest.party());
    }
    if (!invited(guest.party(), secret) || named.get().enrolment() != null) {
      throw notInvited(guest);
    }
    Partner.Invitation invitation = named.get().invitation();
    store.save(
        new Partner(
            guest.party(), State.INVITED, url, null, invitation, begun, named.get().since()));
  }

  /**
   * The host's second step: checks the opening and notes the guest as pending. The same opening
   * again is a repeated request whose answer was lost.
   *
   * @throws Problem if there is nothing to open, or this does not open it: then the invitation is
   *     void
   */
  Partner open(PeerCredential guest, byte[] nonce) {
    Partner pending;
    synchronized (this) {
      Partner named = store.find(guest.party()).orElseThrow(() -> notInvited(guest));
      if (!named.is(State.INVITED)) {
        requireSameKey(named, guest);
      }
      Enrolment enrolment = named.enrolment();
      if (enrolment == null
          || !enrolment.guest().identity().equals(guest.identity().fingerprint())
          || (named.is(State.INVITED) && !named.invitation().openAt(clock.instant()))) {
        throw notInvited(guest);
      }
      Optional<Enrolment> opened = enrolment.opened(nonce);
      if (opened.isEmpty()) {
        throw wrongOpening(named, guest);
      }
      if (!named.is(State.INVITED)) {
        return named;
      }
      pending =
          new Partner(
              guest.party(),
              State.PENDING,
              named.url(),
              guest.identity(),
              null,
              opened.get(),
              clock.instant());
      store.save(pending);
    }
    noteEnrolled(pending);
    return pending;
  }

  private Problem wrongOpening(Partner named, PeerCredential guest) {
    LOG.error(
        "ALARM: {} with identity {} opened another nonce than it had committed to",
        guest.party(),
        guest.identity());
    if (named.is(State.INVITED)) {
      Instant now = clock.instant();
      store.save(
          new Partner(
              named.party(),
              State.INVITED,
              null,
              null,
              named.invitation().endedAt(now),
              null,
              named.since()));
    }
    return Problem.refused(
            "the opening does not fit the commitment; this invitation is not valid any more")
        .at(self)
        .next("silo partner invite " + named.party());
  }

  /**
   * The guest's side: notes the host as pending, before the guest's nonce is sent.
   *
   * @throws Problem if the name is known under another key, or revoked
   */
  Partner accept(PeerCredential host, URI url, Enrolment opened) {
    Partner pending;
    synchronized (this) {
      Optional<Partner> known = store.find(host.party()).filter(p -> !p.is(State.INVITED));
      if (known.isPresent()) {
        requireSameKey(known.get(), host);
        throw Problem.wrongState(host.party() + " is " + text(known.get().state()) + " already");
      }
      pending =
          new Partner(
              host.party(), State.PENDING, url, host.identity(), null, opened, clock.instant());
      store.save(pending);
    }
    noteEnrolled(pending);
    return pending;
  }

  private void noteEnrolled(Partner pending) {
    LOG.info(
        "{} enrolled with identity {}, not confirmed yet", pending.party(), pending.identity());
    changed(pending.party());
  }

  private Problem notInvited(PeerCredential guest) {
    LOG.warn("{} with identity {} has no valid invitation", guest.party(), guest.identity());
    return Problem.refused(
            "this invitation is not valid, or not any more: one is for one use, for a day, and"
                + " until a newer one is made")
        .at(self);
  }

  private boolean invited(Party name, byte[] secret) {
    return store
        .find(name)
        .map(Partner::invitation)
        .filter(i -> i.openAt(clock.instant()) && i.isFor(secret))
        .isPresent();
  }

  /** Another key under a known name is an alarm. */
  private void requireSameKey(Partner known, PeerCredential peer) {
    if (!known.identity().equals(peer.identity())) {
      LOG.error(
          "ALARM: {} is known with identity {}, and someone tries to enrol that name with {}",
          known.party(),
          known.identity(),
          peer.identity());
      throw Problem.refused(known.party() + " is enrolled with another key")
          .at(self)
          .detail("pinned: " + known.identity() + ", offered: " + peer.identity())
          .next("silo partner revoke " + known.party());
    }
    requireNotRevoked(known);
  }

  private Partner require(Party party) {
    return store
        .find(party)
        .orElseThrow(() -> Problem.notFound(party + " is no partner").next("silo partner list"));
  }

  private void changed(Party party) {
    listeners.forEach(listener -> listener.accept(party));
  }

  private static String text(State state) {
    return switch (state) {
      case INVITED -> "invited";
      case PENDING -> "pending";
      case CONFIRMED -> "confirmed";
      case REVOKED -> "revoked";
    };
  }
}
