package org.espalier.node.identity;

import java.net.URI;
import java.security.cert.CertificateException;
import java.time.Clock;
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
      case REVOKED ->
          throw Problem.refused(self + " has revoked " + party)
              .at(self)
              .next("silo partner forget " + party);
    };
  }

  /**
   * The operator has compared fingerprints over another way than this network.
   *
   * @param seen what the partner's operator read out, checked against the pin if given
   */
  public Partner confirm(Party party, Optional<Fingerprint> seen) {
    Partner confirmed;
    synchronized (this) {
      Partner partner = require(party);
      if (partner.is(State.CONFIRMED)) {
        requireSame(partner, seen);
        return partner;
      }
      if (!partner.is(State.PENDING)) {
        throw Problem.wrongState(
            party + " is " + text(partner.state()) + ", so there is nothing to confirm");
      }
      requireSame(partner, seen);
      confirmed = partner.in(State.CONFIRMED, clock.instant());
      store.save(confirmed);
    }
    LOG.info("partner {} confirmed with identity {}", party, confirmed.identity());
    changed(party);
    return confirmed;
  }

  private static void requireSame(Partner partner, Optional<Fingerprint> seen) {
    Fingerprint pin = partner.identity().fingerprint();
    if (seen.isPresent() && !seen.get().equals(pin)) {
      throw Problem.refused(
              "the fingerprints differ: someone may be between you and " + partner.party())
          .detail("this node has " + pin + ", you were told " + seen.get())
          .next("silo partner revoke " + partner.party());
    }
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

  /** Whether it has enrolled and this node's operator has not compared fingerprints yet. */
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
    store.save(new Partner(guest, State.INVITED, null, null, invitation, clock.instant()));
  }

  /**
   * Notes a peer's key as pending.
   *
   * @param secret must match the open invitation of that name; null where this node was invited
   * @throws Problem if the name is known under another key, revoked, or the secret is not right;
   *     which of them a stranger is not told
   */
  Partner enrol(PeerCredential peer, URI url, byte[] secret) {
    Partner pending;
    synchronized (this) {
      Optional<Partner> known = store.find(peer.party()).filter(p -> !p.is(State.INVITED));
      if (known.isPresent()) {
        return requireSameKey(known.get(), peer);
      }
      if (secret != null && !invited(peer.party(), secret)) {
        LOG.warn("{} with identity {} has no valid invitation", peer.party(), peer.identity());
        throw Problem.refused(
                "this invitation is not valid, or not any more: one is for one use, for a day, and"
                    + " until a newer one is made")
            .at(self);
      }
      pending =
          new Partner(peer.party(), State.PENDING, url, peer.identity(), null, clock.instant());
      store.save(pending);
    }
    LOG.info("{} enrolled with identity {}, not confirmed yet", peer.party(), peer.identity());
    changed(peer.party());
    return pending;
  }

  private boolean invited(Party name, byte[] secret) {
    return store
        .find(name)
        .map(Partner::invitation)
        .filter(i -> i.openAt(clock.instant()) && i.isFor(secret))
        .isPresent();
  }

  /** The same key again is a repeated request whose answer was lost. Another key is an alarm. */
  private Partner requireSameKey(Partner known, PeerCredential peer) {
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
    if (known.is(State.REVOKED)) {
      throw Problem.refused(self + " has revoked " + known.party())
          .at(self)
          .next("silo partner forget " + known.party());
    }
    return known;
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
