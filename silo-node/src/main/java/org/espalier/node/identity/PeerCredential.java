package org.espalier.node.identity;

import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;

/**
 * What a TLS handshake proved about the other end: it holds a key that this identity vouches for,
 * under this name, until then. Whether the identity is a partner is for {@link PartnerBook}.
 *
 * @param party the name in the certificate
 * @param identity the key that signed the certificate
 * @param notAfter end of the certificate's life
 */
public record PeerCredential(Party party, IdentityKey identity, Instant notAfter) {
  /** Certificates that live longer are refused: a stolen TLS key must not be good for years. */
  static final Duration MAX_LIFE = Duration.ofDays(46);

  private static final int SAN_DNS = 2;

  /**
   * Checks a certificate chain: a leaf that is valid now, lives at most 46 days, carries exactly
   * one name and a P-256 key, and is signed by the Ed25519 key of the second certificate. Of the
   * second certificate only the key counts.
   *
   * @throws CertificateException saying what is wrong
   */
  public static PeerCredential of(X509Certificate[] chain, Instant now)
      throws CertificateException {
    if (chain == null || chain.length != 2) {
      throw new CertificateException(
          "certificate chain of " + (chain == null ? 0 : chain.length) + ", not 2");
    }
    X509Certificate leaf = chain[0];
    IdentityKey identity;
    try {
      identity = new IdentityKey(chain[1].getPublicKey().getEncoded());
    } catch (IllegalArgumentException e) {
      throw new CertificateException("the second certificate holds no Ed25519 identity key", e);
    }
    try {
      leaf.verify(identity.publicKey());
    } catch (GeneralSecurityException e) {
      throw new CertificateException("the certificate is not signed by its identity key", e);
    }
    // Only now is what the certificate says the identity's own word.
    Party party = party(leaf);
    requireValid(party, leaf, now);
    if (!(leaf.getPublicKey() instanceof ECPublicKey key)
        || key.getParams().getCurve().getField().getFieldSize() != 256) {
      throw new CertificateException(party + " uses a TLS key that is not P-256");
    }
    return new PeerCredential(party, identity, leaf.getNotAfter().toInstant());
  }

  private static void requireValid(Party party, X509Certificate leaf, Instant now)
      throws CertificateException {
    Instant from = leaf.getNotBefore().toInstant();
    Instant to = leaf.getNotAfter().toInstant();
    try {
      leaf.checkValidity(Date.from(now));
    } catch (CertificateExpiredException e) {
      throw new CertificateException(
          "the certificate of "
              + party
              + " expired at "
              + to
              + " and it is "
              + now
              + " here: its node must run to renew it, or a clock is wrong",
          e);
    } catch (CertificateNotYetValidException e) {
      throw new CertificateException(
          "the certificate of "
              + party
              + " is valid from "
              + from
              + " and it is "
              + now
              + " here: a clock is wrong",
          e);
    }
    if (Duration.between(from, to).compareTo(MAX_LIFE) > 0) {
      throw new CertificateException(
          "the certificate of " + party + " lives longer than " + MAX_LIFE.toDays() + " days");
    }
  }

  private static Party party(X509Certificate leaf) throws CertificateException {
    Collection<List<?>> names = leaf.getSubjectAlternativeNames();
    if (names == null || names.size() != 1) {
      throw new CertificateException("the certificate must carry exactly one name");
    }
    List<?> name = names.iterator().next();
    if (!Integer.valueOf(SAN_DNS).equals(name.get(0)) || !(name.get(1) instanceof String text)) {
      throw new CertificateException("the name in the certificate is no DNS name");
    }
    try {
      return new Party(text);
    } catch (IllegalArgumentException e) {
      String shown = Printable.of(text.substring(0, Math.min(80, text.length())));
      throw new CertificateException("the certificate names '" + shown + "', no party name", e);
    }
  }
}
