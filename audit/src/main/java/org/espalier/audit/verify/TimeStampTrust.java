package org.espalier.audit.verify;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.cert.CRLException;
import java.security.cert.CRLReason;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which time-stamping authorities are trusted: certificates, and lists of revoked ones, that the
 * caller has from elsewhere than the log. Immutable.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc3161">RFC 3161</a>
 */
public final class TimeStampTrust {
  private static final int MAX_BYTES = 4 << 20;
  private static final int MAX_ITEMS = 200;
  private static final int MAX_PATH = 6;

  /** Revoked for these reasons, a certificate's earlier time stamps remain valid (RFC 3161, 4). */
  private static final Set<CRLReason> HARMLESS =
      EnumSet.of(
          CRLReason.UNSPECIFIED,
          CRLReason.AFFILIATION_CHANGED,
          CRLReason.SUPERSEDED,
          CRLReason.CESSATION_OF_OPERATION);

  private final List<X509Certificate> certificates;
  private final List<X509CRL> revoked;

  private TimeStampTrust(List<X509Certificate> certificates, List<X509CRL> revoked) {
    this.certificates = List.copyOf(certificates);
    this.revoked = List.copyOf(revoked);
  }

  /**
   * Reads certificates, and lists of revoked certificates, in PEM.
   *
   * @throws IllegalArgumentException if there is no certificate or something is damaged
   */
  public static TimeStampTrust parse(byte[] pem) {
    if (pem.length > MAX_BYTES) {
      throw new IllegalArgumentException("the file of certificates is too long");
    }
    List<X509Certificate> certificates = new ArrayList<>();
    List<X509CRL> revoked = new ArrayList<>();
    String[] parts =
        new String(pem, java.nio.charset.StandardCharsets.ISO_8859_1).split("-----BEGIN ", -1);
    if (parts.length > MAX_ITEMS) {
      throw new IllegalArgumentException("the file holds more than " + MAX_ITEMS + " items");
    }
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (int i = 1; i < parts.length; i++) {
        int begin = parts[i].indexOf("-----");
        int end = parts[i].indexOf("-----END ");
        if (begin < 0 || end < begin + 5) {
          throw new IllegalArgumentException("item " + i + " of the file is damaged");
        }
        ByteArrayInputStream der =
            new ByteArrayInputStream(
                Base64.getMimeDecoder().decode(parts[i].substring(begin + 5, end)));
        switch (parts[i].substring(0, begin)) {
          case "CERTIFICATE" ->
              certificates.add((X509Certificate) factory.generateCertificate(der));
          case "X509 CRL" -> revoked.add((X509CRL) factory.generateCRL(der));
          default ->
              throw new IllegalArgumentException(
                  "item " + i + " of the file is neither a certificate nor a list of revoked ones");
        }
      }
    } catch (CertificateException | CRLException e) {
      throw new IllegalArgumentException("the file of certificates is damaged", e);
    }
    if (certificates.isEmpty()) {
      throw new IllegalArgumentException("the file holds no certificate in PEM");
    }
    return new TimeStampTrust(certificates, revoked);
  }

  List<X509Certificate> certificates() {
    return certificates;
  }

  /**
   * Finds a path from a signer to a trusted certificate, as it was at a time.
   *
   * @param others that may be on it
   * @return when the first certificate on it ends
   * @throws GeneralSecurityException if there is none, or one on it was revoked
   */
  Instant path(X509Certificate signer, Collection<X509Certificate> others, Instant at)
      throws GeneralSecurityException, IOException {
    if (certificates.contains(signer)) {
      signer.checkValidity(Date.from(at));
      return signer.getNotAfter().toInstant();
    }
    X509CertSelector target = new X509CertSelector();
    target.setCertificate(signer);
    PKIXBuilderParameters parameters =
        new PKIXBuilderParameters(
            certificates.stream()
                .map(certificate -> new TrustAnchor(certificate, null))
                .collect(Collectors.toSet()),
            target);
    parameters.setDate(Date.from(at));
    parameters.setRevocationEnabled(false);
    parameters.setMaxPathLength(MAX_PATH);
    List<X509Certificate> all = new ArrayList<>(others);
    all.add(signer);
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(all)));
    PKIXCertPathBuilderResult result =
        (PKIXCertPathBuilderResult) CertPathBuilder.getInstance("PKIX").build(parameters);
    X509Certificate anchor = result.getTrustAnchor().getTrustedCert();
    // The builder takes the anchor's key as given; a trusted certificate has its time as well.
    anchor.checkValidity(Date.from(at));
    Instant end = anchor.getNotAfter().toInstant();
    List<X509Certificate> path = new ArrayList<>();
    result
        .getCertPath()
        .getCertificates()
        .forEach(certificate -> path.add((X509Certificate) certificate));
    for (int i = 0; i < path.size(); i++) {
      requireNotRevoked(path.get(i), i + 1 < path.size() ? path.get(i + 1) : anchor, at);
      Instant ends = path.get(i).getNotAfter().toInstant();
      end = ends.isBefore(end) ? ends : end;
    }
    return end;
  }

  private void requireNotRevoked(X509Certificate certificate, X509Certificate issuer, Instant at)
      throws GeneralSecurityException {
    for (X509CRL list : revoked) {
      if (!list.getIssuerX500Principal().equals(certificate.getIssuerX500Principal())) {
        continue;
      }
      list.verify(issuer.getPublicKey());
      X509CRLEntry entry = list.getRevokedCertificate(certificate.getSerialNumber());
      if (entry == null) {
        continue;
      }
      // Without a reason nothing that it signed may be trusted any more.
      boolean harmless =
          entry.getRevocationReason() != null && HARMLESS.contains(entry.getRevocationReason());
      if (!harmless || !at.isBefore(entry.getRevocationDate().toInstant())) {
        throw new CertificateException(
            "its certificate was revoked at " + entry.getRevocationDate().toInstant());
      }
    }
  }
}
