package org.espalier.node.config;

import java.nio.file.Path;
import java.time.Duration;

/**
 * The section {@code scoring} of {@code silo.yaml}: where applications ask this node for scores.
 *
 * @param listen address and port; anywhere but on loopback with TLS only
 * @param timeout longest time that a feature party may take for its part, 10 ms to 1 min
 * @param keystore a PKCS#12 file with the key and the certificate that applications trust
 * @param keystorePassphrase a file with its passphrase
 */
public record ScoringConfig(
    String listen, Duration timeout, Path keystore, Path keystorePassphrase) {
  public ScoringConfig {
    HttpAddress.of("scoring", listen, keystore, keystorePassphrase);
    timeout = timeout == null ? Duration.ofSeconds(2) : timeout;
    if (timeout.compareTo(Duration.ofMillis(10)) < 0
        || timeout.compareTo(Duration.ofMinutes(1)) > 0) {
      throw new IllegalArgumentException("scoring.timeout must be from PT0.01S to PT1M");
    }
  }

  public HttpAddress address() {
    return new HttpAddress(listen, keystore, keystorePassphrase);
  }
}
