package org.espalier.node.identity;

import java.net.Socket;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * Gives each handshake the current TLS key. A handshake asks several times; the alias ties its
 * questions to one credential, so that a renewal in between does not mix two.
 */
final class TlsKeys extends X509ExtendedKeyManager {
  private static final String KEY_TYPE = "EC";

  private volatile List<TlsCredential> newestFirst;

  TlsKeys(TlsCredential first) {
    this.newestFirst = List.of(first);
  }

  /** Uses this credential from the next handshake on; those under way keep the one before. */
  void use(TlsCredential fresh) {
    newestFirst = List.of(fresh, newestFirst.get(0));
  }

  private static String alias(TlsCredential credential) {
    return credential.leaf().getSerialNumber().toString(16);
  }

  private TlsCredential byAlias(String alias) {
    for (TlsCredential credential : newestFirst) {
      if (alias(credential).equals(alias)) {
        return credential;
      }
    }
    return null;
  }

  private String choose(String... keyTypes) {
    return Arrays.asList(keyTypes).contains(KEY_TYPE) ? alias(newestFirst.get(0)) : null;
  }

  @Override
  public String chooseEngineClientAlias(String[] keyTypes, Principal[] issuers, SSLEngine engine) {
    return choose(keyTypes);
  }

  @Override
  public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
    return choose(keyType);
  }

  @Override
  public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
    return choose(keyTypes);
  }

  @Override
  public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
    return choose(keyType);
  }

  @Override
  public String[] getClientAliases(String keyType, Principal[] issuers) {
    String alias = choose(keyType);
    return alias == null ? null : new String[] {alias};
  }

  @Override
  public String[] getServerAliases(String keyType, Principal[] issuers) {
    return getClientAliases(keyType, issuers);
  }

  @Override
  public X509Certificate[] getCertificateChain(String alias) {
    TlsCredential credential = byAlias(alias);
    return credential == null ? null : credential.chain().toArray(new X509Certificate[0]);
  }

  @Override
  public PrivateKey getPrivateKey(String alias) {
    TlsCredential credential = byAlias(alias);
    return credential == null ? null : credential.key();
  }
}
