package org.espalier.node.identity;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.BiConsumer;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLContext;
import org.espalier.node.Problem;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's identity: the Ed25519 key that partners pin, and the TLS certificate that it renews
 * by itself at two thirds of 30 days. Thread-safe; new handshakes use a renewed certificate at
 * once, connections that stand are not disturbed.
 */
public final class NodeIdentity {
  private static final Logger LOG = LoggerFactory.getLogger(NodeIdentity.class);

  private final Party party;
  private final IdentityKey key;
  private final KeyFile file;
  private final Clock clock;
  private final TlsKeys tls;
  private volatile KeyFile.Keys keys;

  private NodeIdentity(KeyFile file, KeyFile.Keys keys, Clock clock) throws IOException {
    this.file = file;
    this.keys = keys;
    this.clock = clock;
    this.key = new IdentityKey(keys.identityCertificate().getPublicKey().getEncoded());
    this.party = partyOf(keys.identityCertificate());
    this.tls = new TlsKeys(keys.tls());
  }

  /**
   * Makes an identity in a new key file. The folder is created with permissions 0700.
   *
   * @throws Problem if there is one already
   */
  public static NodeIdentity create(Path folder, Party party, Passphrase passphrase, Clock clock) {
    try {
      KeyFile file = new KeyFile(folder, passphrase);
      file.create();
      KeyPair identity = Certificates.identityKey();
      Instant now = clock.instant();
      X509Certificate own = Certificates.identityCertificate(party, identity, now);
      KeyFile.Keys keys =
          new KeyFile.Keys(
              identity.getPrivate(),
              own,
              Certificates.issue(party, identity.getPrivate(), own, now));
      file.save(keys);
      return new NodeIdentity(file, keys, clock);
    } catch (IOException | GeneralSecurityException e) {
      throw Problem.refused("cannot create the identity").detail(e.toString()).because(e);
    }
  }

  /**
   * Opens the key file and renews the certificate if that is due.
   *
   * @throws Problem if it is missing, readable by others, damaged, or the passphrase is wrong
   */
  public static NodeIdentity open(Path folder, Passphrase passphrase, Clock clock) {
    try {
      KeyFile file = new KeyFile(folder, passphrase);
      NodeIdentity identity = new NodeIdentity(file, file.load(), clock);
      identity.renewIfDue();
      return identity;
    } catch (IOException | GeneralSecurityException e) {
      throw Problem.refused("cannot open the key file").detail(e.toString()).because(e);
    }
  }

  private static Party partyOf(X509Certificate own) throws IOException {
    String name = own.getSubjectX500Principal().getName();
    if (!name.startsWith("CN=")) {
      throw new IOException("the identity certificate names no party");
    }
    return new Party(name.substring(3));
  }

  public Party party() {
    return party;
  }

  public IdentityKey key() {
    return key;
  }

  /** What partners pin and operators compare. */
  public Fingerprint fingerprint() {
    return key.fingerprint();
  }

  /** Signs a statement; {@link IdentityKey#verify} checks it. 64 bytes. */
  public byte[] sign(byte[] statement) {
    try {
      Signature signer = Signature.getInstance("Ed25519");
      signer.initSign(keys.identity());
      signer.update(IdentityKey.framed(statement));
      return signer.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot sign with the identity key", e);
    }
  }

  /**
   * A secret of this node that follows from its identity key, so that it needs no file of its own:
   * HMAC-SHA-256 of the purpose under the private key as it is encoded. 32 bytes, always the same
   * for a purpose; tells nothing about the key or the secrets for other purposes.
   */
  public byte[] secret(String purpose) {
    byte[] key = keys.identity().getEncoded();
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      mac.update("espalier node secret 1\0".getBytes(StandardCharsets.UTF_8));
      return mac.doFinal(purpose.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java 17 platform has HMAC-SHA-256", e);
    } finally {
      Arrays.fill(key, (byte) 0);
    }
  }

  /** End of the current TLS certificate's life. */
  public Instant certificateEnds() {
    return keys.tls().notAfter();
  }

  /**
   * Makes a new TLS key and certificate if two thirds of the current one's life are over, or the
   * clock was set back to before it. If the key file cannot be written the new certificate is used
   * all the same, and the failure logged.
   *
   * @return whether it was renewed
   */
  public synchronized boolean renewIfDue() {
    Instant now = clock.instant();
    if (!keys.tls().renewalDueAt(now)) {
      return false;
    }
    try {
      TlsCredential fresh =
          Certificates.issue(party, keys.identity(), keys.identityCertificate(), now);
      keys = new KeyFile.Keys(keys.identity(), keys.identityCertificate(), fresh);
      tls.use(fresh);
      LOG.info("renewed the {}", fresh);
    } catch (GeneralSecurityException e) {
      LOG.error("cannot renew the TLS certificate, which ends {}", certificateEnds(), e);
      return false;
    }
    try {
      file.save(keys);
    } catch (IOException | GeneralSecurityException e) {
      LOG.error("cannot save the renewed TLS certificate; it is used until the node stops", e);
    }
    return true;
  }

  /**
   * For the listening side: proves this identity, admits whom the book admits.
   *
   * @param denied called for everyone else, on a thread that must not be blocked: the partner whose
   *     pinned key it is, empty for strangers, and a code of the reason
   */
  public SSLContext serverContext(PartnerBook book, BiConsumer<Optional<Party>, String> denied) {
    return TlsContexts.of(tls, new AdmittedByBook(book, clock, denied));
  }

  /** For dialling: proves this identity, talks to exactly that party with exactly that key. */
  public SSLContext clientContext(Party expected, Fingerprint pin) {
    return TlsContexts.of(tls, new PinnedPeer(expected, pin, clock));
  }

  /** By the clock that certificates are checked against. */
  public Instant now() {
    return clock.instant();
  }

  public Clock clock() {
    return clock;
  }

  @Override
  public String toString() {
    return party + " " + fingerprint();
  }
}
