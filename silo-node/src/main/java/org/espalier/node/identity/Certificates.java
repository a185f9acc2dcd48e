package org.espalier.node.identity;

import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.espalier.wire.Party;

/** Makes keys and the two kinds of certificate: the identity's own, and the short-lived ones. */
final class Certificates {
  static final Duration LIFE = Duration.ofDays(30);

  /** Certificates are valid a little before they are made: partners' clocks may be behind. */
  private static final Duration BACKDATED = Duration.ofHours(1);

  /** RFC 5280, 4.1.2.5: the date that means "no expiry". */
  private static final Instant NEVER = Instant.parse("9999-12-31T23:59:59Z");

  private static final SecureRandom RANDOM = new SecureRandom();

  private Certificates() {}

  static KeyPair identityKey() throws GeneralSecurityException {
    return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
  }

  static X509Certificate identityCertificate(Party party, KeyPair identity, Instant now)
      throws GeneralSecurityException {
    X500Name name = name(party);
    try {
      X509v3CertificateBuilder builder =
          builder(name, now.minus(BACKDATED), NEVER, name, identity.getPublic());
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
      builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
      return sign(builder, identity.getPrivate());
    } catch (IOException e) {
      throw new GeneralSecurityException(e);
    }
  }

  /** A fresh P-256 key with a certificate for 30 days from now. */
  static TlsCredential issue(
      Party party, PrivateKey identity, X509Certificate identityCertificate, Instant now)
      throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    KeyPair tls = generator.generateKeyPair();
    X509Certificate leaf =
        leaf(party, identity, tls.getPublic(), now.minus(BACKDATED), now.plus(LIFE));
    return new TlsCredential(tls.getPrivate(), List.of(leaf, identityCertificate));
  }

  static X509Certificate leaf(
      Party party, PrivateKey identity, PublicKey tls, Instant from, Instant to)
      throws GeneralSecurityException {
    try {
      X509v3CertificateBuilder builder = builder(name(party), from, to, name(party), tls);
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
      builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
      builder.addExtension(
          Extension.extendedKeyUsage,
          false,
          new ExtendedKeyUsage(
              new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}));
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(new GeneralName(GeneralName.dNSName, party.name())));
      return sign(builder, identity);
    } catch (IOException e) {
      throw new GeneralSecurityException(e);
    }
  }

  private static X509v3CertificateBuilder builder(
      X500Name issuer, Instant from, Instant to, X500Name subject, PublicKey key) {
    BigInteger serial = new BigInteger(127, RANDOM).add(BigInteger.ONE);
    return new JcaX509v3CertificateBuilder(
        issuer, serial, Date.from(from), Date.from(to), subject, key);
  }

  private static X500Name name(Party party) {
    return new X500NameBuilder(BCStyle.INSTANCE).addRDN(BCStyle.CN, party.name()).build();
  }

  private static X509Certificate sign(X509v3CertificateBuilder builder, PrivateKey identity)
      throws GeneralSecurityException {
    try {
      return new JcaX509CertificateConverter()
          .getCertificate(builder.build(new JcaContentSignerBuilder("Ed25519").build(identity)));
    } catch (OperatorCreationException e) {
      throw new GeneralSecurityException(e);
    }
  }
}
