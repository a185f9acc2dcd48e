package org.espalier.node.identity;

import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * A TLS key with its certificate and the identity's, in the order in which TLS sends them. Its text
 * holds no key.
 */
record TlsCredential(PrivateKey key, List<X509Certificate> chain) {
  X509Certificate leaf() {
    return chain.get(0);
  }

  Instant notAfter() {
    return leaf().getNotAfter().toInstant();
  }

  /**
   * Whether two thirds of its life are over, or it has not begun: a certificate that was made while
   * the clock was ahead is of no use once it is right.
   */
  boolean renewalDueAt(Instant now) {
    Instant from = leaf().getNotBefore().toInstant();
    Duration life = Duration.between(from, notAfter());
    return now.isBefore(from) || !now.isBefore(from.plus(life.multipliedBy(2).dividedBy(3)));
  }

  @Override
  public String toString() {
    return "TLS certificate " + leaf().getSerialNumber().toString(16) + " until " + notAfter();
  }
}
