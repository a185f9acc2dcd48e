package org.espalier.node.config;

import java.nio.file.Path;

/**
 * The section {@code metrics} of {@code silo.yaml}: where a monitoring system reads figures.
 *
 * @param listen address and port; anywhere but on loopback with TLS and a token only
 * @param keystore a PKCS#12 file with key and certificate
 * @param keystorePassphrase a file with its passphrase
 * @param token a file with the token that the monitoring system sends; null: none is asked for
 */
public record MetricsConfig(String listen, Path keystore, Path keystorePassphrase, Path token) {
  public MetricsConfig {
    HttpAddress address = HttpAddress.of("metrics", listen, keystore, keystorePassphrase);
    if (token == null && !address.isLoopback()) {
      throw new IllegalArgumentException(
          "metrics.listen is not on loopback: then metrics.token is needed, a file with the token"
              + " that the monitoring system sends");
    }
  }

  public HttpAddress address() {
    return new HttpAddress(listen, keystore, keystorePassphrase);
  }
}
