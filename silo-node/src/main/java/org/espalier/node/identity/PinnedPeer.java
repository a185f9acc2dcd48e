package org.espalier.node.identity;

import java.security.cert.CertificateException;
import java.time.Clock;
import org.espalier.wire.Party;

/** For the dialling side: one party with one key. */
final class PinnedPeer extends PeerTrust {
  private final Party expected;
  private final Fingerprint pin;

  PinnedPeer(Party expected, Fingerprint pin, Clock clock) {
    super(clock);
    this.expected = expected;
    this.pin = pin;
  }

  @Override
  void require(PeerCredential peer) throws CertificateException {
    if (!peer.identity().fingerprint().equals(pin)) {
      throw new CertificateException(
          "wrong pin: "
              + expected
              + " must have identity "
              + pin
              + ", but the other end has "
              + peer.identity().fingerprint());
    }
    if (!peer.party().equals(expected)) {
      throw new CertificateException(
          "the other end calls itself " + peer.party() + ", not " + expected);
    }
  }
}
