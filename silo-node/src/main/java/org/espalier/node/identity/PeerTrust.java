package org.espalier.node.identity;

import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Trust without authorities: the chain must be well formed ({@link PeerCredential#of}) and the
 * identity in it wanted. The host name does not count, the pinned key does.
 */
abstract class PeerTrust extends X509ExtendedTrustManager {
  private final Clock clock;

  PeerTrust(Clock clock) {
    this.clock = clock;
  }

  /** Throws unless this peer is wanted here. */
  abstract void require(PeerCredential peer) throws CertificateException;

  /** Called with the reason before a handshake fails. */
  void refused(CertificateException reason) {}

  private void check(X509Certificate[] chain) throws CertificateException {
    try {
      require(PeerCredential.of(chain, clock.instant()));
    } catch (CertificateException e) {
      refused(e);
      throw e;
    }
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return new X509Certificate[0];
  }
}
