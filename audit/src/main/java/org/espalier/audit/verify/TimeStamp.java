package org.espalier.audit.verify;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSException;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.tsp.TSPException;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.util.Store;

/**
 * The word of a time-stamping authority that something was there at a time (RFC 3161).
 *
 * @param time when, by the authority
 * @param by the authority, as its certificate names it; not safe to print
 * @param ends when its certificate, or one that vouches for it, ends or has ended
 * @param digest of the token, as events name it
 */
public record TimeStamp(Instant time, String by, Instant ends, String digest) {
  /** Longest token that is looked at. */
  public static final int MAX_BYTES = 64 * 1024;

  private static final int MAX_CERTIFICATES = 20;
  private static final int MAX_DEPTH = 64;

  /** Digests in which a token may state what it stamps. */
  private static final Map<String, String> DIGESTS =
      Map.of(
          "2.16.840.1.101.3.4.2.1", "SHA-256",
          "2.16.840.1.101.3.4.2.2", "SHA-384",
          "2.16.840.1.101.3.4.2.3", "SHA-512");

  /** What is wrong with a token, in words that are safe to print. */
  public static final class InvalidException extends Exception {
    private static final long serialVersionUID = 1;

    InvalidException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * Checks a token: form, what it stamps, signature, purpose of the certificate, and the path from
   * it to a trusted one at the time that it states. That time may be after now: the caller knows
   * the clock. A certificate that has ended since is no fault.
   *
   * @param token DER, hostile
   * @param stamped what it has to be about
   * @throws InvalidException if it is not a valid time stamp of this
   */
  public static TimeStamp check(byte[] token, byte[] stamped, TimeStampTrust trust)
      throws InvalidException {
    if (token.length > MAX_BYTES) {
      throw new InvalidException("is longer than any", null);
    }
    requireShallow(token);
    try {
      return checked(token, stamped, trust);
    } catch (GeneralSecurityException e) {
      throw new InvalidException("is not by a trusted authority: " + words(e), e);
    } catch (IOException | CMSException | TSPException | OperatorCreationException e) {
      throw new InvalidException("is not in order: " + words(e), e);
    } catch (StackOverflowError e) {
      // Octets within can be nested, too, where their decoder does not mind.
      throw new InvalidException("nests deeper than any", e);
    } catch (RuntimeException e) {
      // Decoders complain of strange bytes in many ways.
      throw new InvalidException("is not in order", e);
    }
  }

  private static TimeStamp checked(byte[] bytes, byte[] stamped, TimeStampTrust trust)
      throws GeneralSecurityException,
          IOException,
          CMSException,
          TSPException,
          OperatorCreationException,
          InvalidException {
    TimeStampToken token =
        new TimeStampToken(ContentInfo.getInstance(ASN1Primitive.fromByteArray(bytes)));
    var info = token.getTimeStampInfo();
    String algorithm = DIGESTS.get(info.getMessageImprintAlgOID().getId());
    if (algorithm == null) {
      throw new InvalidException("states what it stamps by a digest that is not taken", null);
    }
    byte[] digest = MessageDigest.getInstance(algorithm).digest(stamped);
    if (!MessageDigest.isEqual(digest, info.getMessageImprintDigest())) {
      throw new InvalidException("is of something else", null);
    }
    List<X509Certificate> inside = new ArrayList<>();
    X509Certificate signer = null;
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    Store<X509CertificateHolder> held = token.getCertificates();
    for (X509CertificateHolder holder : held.getMatches(null)) {
      if (inside.size() >= MAX_CERTIFICATES) {
        throw new InvalidException("holds too many certificates", null);
      }
      X509Certificate certificate =
          (X509Certificate)
              factory.generateCertificate(new java.io.ByteArrayInputStream(holder.getEncoded()));
      inside.add(certificate);
      signer = signer == null && token.getSID().match(holder) ? certificate : signer;
    }
    for (X509Certificate certificate : trust.certificates()) {
      if (signer == null
          && token.getSID().match(new X509CertificateHolder(certificate.getEncoded()))) {
        signer = certificate;
      }
    }
    if (signer == null) {
      throw new InvalidException("does not come with its signer's certificate", null);
    }
    String hash = token.toCMSSignedData().getSignerInfos().iterator().next().getDigestAlgOID();
    if (!DIGESTS.containsKey(hash)) {
      throw new InvalidException("is signed over a digest that is not taken", null);
    }
    // Signature, the certificate that the signature names, its purpose, its validity at that time.
    token.validate(new JcaSimpleSignerInfoVerifierBuilder().build(signer));
    Instant time = info.getGenTime().toInstant();
    Instant ends = trust.path(signer, inside, time);
    return new TimeStamp(time, signer.getSubjectX500Principal().getName(), ends, digest(bytes));
  }

  /** A token as an event names it. */
  public static String digest(byte[] token) {
    return "sha256:" + HexFormat.of().formatHex(org.espalier.audit.merkle.Hashing.sha256(token));
  }

  private static String words(Exception e) {
    String message = String.valueOf(e.getMessage());
    String shown = Texts.shown(message);
    return shown.substring(1, shown.length() - 1);
  }

  /**
   * Refuses what nests deeper than any token, before a decoder that calls itself sees it. Goes by
   * the lengths of DER; in what it does not understand nothing nests that a decoder would follow.
   */
  private static void requireShallow(byte[] der) throws InvalidException {
    int[] ends = new int[MAX_DEPTH];
    int depth = 0;
    int at = 0;
    ends[0] = der.length;
    while (at < der.length) {
      while (depth > 0 && at >= ends[depth]) {
        depth--;
      }
      int tag = der[at++] & 0xff;
      if ((tag & 0x1f) == 0x1f) {
        while (at < der.length && (der[at] & 0x80) != 0) {
          at++;
        }
        at++;
      }
      if (at >= der.length) {
        throw new InvalidException("ends within an element", null);
      }
      int length = der[at++] & 0xff;
      if (length == 0x80) {
        throw new InvalidException("is not in DER", null);
      }
      if (length > 0x80) {
        int octets = length - 0x80;
        length = 0;
        if (octets > 3 || at + octets > der.length) {
          throw new InvalidException("states a length that it has not", null);
        }
        for (int i = 0; i < octets; i++) {
          length = length << 8 | (der[at++] & 0xff);
        }
      }
      if (at + length > ends[depth]) {
        throw new InvalidException("states a length that it has not", null);
      }
      if ((tag & 0x20) != 0) {
        if (++depth >= MAX_DEPTH) {
          throw new InvalidException("nests deeper than any", null);
        }
        ends[depth] = at + length;
      } else {
        at += length;
      }
    }
  }
}
