package org.espalier.audit.timestamp;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.cms.AttributeTable;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.Time;
import org.bouncycastle.asn1.ess.ESSCertIDv2;
import org.bouncycastle.asn1.ess.SigningCertificateV2;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CRLConverter;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TSPAlgorithms;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampRequestGenerator;
import org.bouncycastle.tsp.TimeStampResponseGenerator;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.TimeStampTokenGenerator;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.verify.TimeStampTrust;

/** A time-stamping authority with a root of its own, also over HTTP. */
public final class TestTsa implements AutoCloseable {
  static final String POLICY = "1.3.6.1.4.1.99999.1";
  private static final Instant BEGAN = Instant.parse("2020-01-01T00:00:00Z");

  private final KeyPair rootKeys = keys();
  private final KeyPair keys = keys();
  private final X509Certificate root;
  private final X509Certificate certificate;
  private volatile Instant time;
  private volatile UnaryOperator<byte[]> answers = UnaryOperator.identity();
  private volatile Duration delay = Duration.ZERO;
  private HttpServer server;

  /**
   * @param purpose of the certificate
   * @param ends of the certificate; the root's is ten years later
   */
  TestTsa(KeyPurposeId purpose, Instant ends) throws Exception {
    root =
        certificate(
            "CN=Test Root", "CN=Test Root", rootKeys, ends.plus(Duration.ofDays(3650)), null);
    certificate = certificate("CN=Test Root", "CN=Test TSA", keys, ends, purpose);
  }

  /** One whose certificate ends in the year 2040. */
  public static TestTsa create() throws Exception {
    return new TestTsa(KeyPurposeId.id_kp_timeStamping, Instant.parse("2040-01-01T00:00:00Z"));
  }

  private static KeyPair keys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (java.security.GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private X509Certificate certificate(
      String issuer, String subject, KeyPair of, Instant ends, KeyPurposeId purpose)
      throws Exception {
    var builder =
        new JcaX509v3CertificateBuilder(
            new X500Name(issuer),
            BigInteger.valueOf(subject.hashCode() & 0xffff),
            Date.from(BEGAN),
            Date.from(ends),
            new X500Name(subject),
            of.getPublic());
    if (purpose == null) {
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
      builder.addExtension(
          Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
    } else {
      builder.addExtension(Extension.extendedKeyUsage, true, new ExtendedKeyUsage(purpose));
    }
    return new JcaX509CertificateConverter()
        .getCertificate(
            builder.build(
                new JcaContentSignerBuilder("SHA256withECDSA").build(rootKeys.getPrivate())));
  }

  /** What an auditor trusts. */
  public TimeStampTrust trust() throws IOException {
    return TimeStampTrust.parse(pem(root));
  }

  TimeStampTrust trustWith(X509CRL revoked) throws IOException {
    return TimeStampTrust.parse(pem(root, revoked));
  }

  public byte[] rootPem() throws IOException {
    return pem(root);
  }

  static byte[] pem(Object... items) throws IOException {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      for (Object item : items) {
        writer.writeObject(item);
      }
    }
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }

  /** A list that revokes the authority's certificate. */
  X509CRL revocation(Instant at, int reason) throws Exception {
    var builder = new JcaX509v2CRLBuilder(root, Date.from(at));
    if (reason < 0) {
      builder.addCRLEntry(certificate.getSerialNumber(), Date.from(at), CRLReason.unspecified);
    } else {
      builder.addCRLEntry(certificate.getSerialNumber(), Date.from(at), reason);
    }
    return new JcaX509CRLConverter()
        .getCRL(
            builder.build(
                new JcaContentSignerBuilder("SHA256withECDSA").build(rootKeys.getPrivate())));
  }

  /** A token as it would be given at a time. */
  public byte[] token(byte[] content, Instant at) throws Exception {
    TimeStampRequestGenerator generator = new TimeStampRequestGenerator();
    generator.setCertReq(true);
    return token(generator.generate(TSPAlgorithms.SHA256, Hashing.sha256(content)), at)
        .getEncoded("DER");
  }

  /** The same word under a certificate of the same root that is not for time stamps. */
  byte[] misissued(byte[] content, Instant at) throws Exception {
    KeyPair serverKeys = keys();
    X509Certificate server =
        certificate(
            "CN=Test Root",
            "CN=Test Server",
            serverKeys,
            certificate.getNotAfter().toInstant(),
            KeyPurposeId.id_kp_serverAuth);
    byte[] info =
        new TimeStampToken(ContentInfo.getInstance(token(content, at)))
            .getTimeStampInfo()
            .toASN1Structure()
            .getEncoded();
    ESSCertIDv2 id = new ESSCertIDv2(Hashing.sha256(server.getEncoded()));
    CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
    generator.addSignerInfoGenerator(
        new JcaSimpleSignerInfoGeneratorBuilder()
            .setSignedAttributeGenerator(
                new AttributeTable(
                    new DERSet(
                        new ASN1Encodable[] {
                          new Attribute(
                              PKCSObjectIdentifiers.id_aa_signingCertificateV2,
                              new DERSet(new SigningCertificateV2(id))),
                          // As a token has it; without, the generator takes the present.
                          new Attribute(
                              CMSAttributes.signingTime, new DERSet(new Time(Date.from(at))))
                        })))
            .build("SHA256withECDSA", serverKeys.getPrivate(), server));
    generator.addCertificates(new JcaCertStore(List.of(server)));
    return generator
        .generate(new CMSProcessableByteArray(PKCSObjectIdentifiers.id_ct_TSTInfo, info), true)
        .getEncoded("DER");
  }

  private TimeStampToken token(TimeStampRequest request, Instant at) throws Exception {
    return generator().generate(request, BigInteger.ONE, Date.from(at));
  }

  private TimeStampTokenGenerator generator() throws Exception {
    var digests = new JcaDigestCalculatorProviderBuilder().build();
    TimeStampTokenGenerator generator =
        new TimeStampTokenGenerator(
            new JcaSimpleSignerInfoGeneratorBuilder()
                .build("SHA256withECDSA", keys.getPrivate(), certificate),
            digests.get(new org.bouncycastle.asn1.x509.AlgorithmIdentifier(TSPAlgorithms.SHA256)),
            new ASN1ObjectIdentifier(POLICY));
    generator.addCertificates(new JcaCertStore(List.of(certificate)));
    return generator;
  }

  /** Serves requests on loopback; its address. */
  public URI serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "tsa");
              thread.setDaemon(true);
              return thread;
            }));
    server.createContext(
        "/",
        exchange -> {
          try (exchange) {
            byte[] answer = answer(exchange.getRequestBody().readAllBytes());
            Thread.sleep(delay.toMillis());
            exchange.getResponseHeaders().add("Content-Type", "application/timestamp-reply");
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    server.start();
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/tsr");
  }

  private byte[] answer(byte[] query) {
    try {
      var responses =
          new TimeStampResponseGenerator(generator(), TSPAlgorithms.ALLOWED, Set.of(POLICY));
      TimeStampRequest request = new TimeStampRequest(query);
      Instant now = time == null ? Instant.now() : time;
      return answers.apply(
          responses.generate(request, BigInteger.TEN, Date.from(now)).getEncoded());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** What becomes of its answers. */
  void answering(UnaryOperator<byte[]> change) {
    answers = change;
  }

  void hanging(Duration before) {
    delay = before;
  }

  void at(Instant now) {
    time = now;
  }

  void stop() {
    if (server != null) {
      server.stop(0);
    }
  }

  @Override
  public void close() {
    stop();
  }
}
