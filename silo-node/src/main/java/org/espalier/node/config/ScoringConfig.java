package org.espalier.node.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
  private static final Pattern ADDRESS = Pattern.compile("(\\[[0-9a-fA-F:]+]|[^:\\s]+):(\\d{1,5})");

  public ScoringConfig {
    if (listen == null) {
      throw new IllegalArgumentException("scoring.listen is missing");
    }
    Matcher address = ADDRESS.matcher(listen);
    if (!address.matches() || Integer.parseInt(address.group(2)) > 65535) {
      throw new IllegalArgumentException("scoring.listen must be host:port, not '" + listen + "'");
    }
    timeout = timeout == null ? Duration.ofSeconds(2) : timeout;
    if (timeout.compareTo(Duration.ofMillis(10)) < 0
        || timeout.compareTo(Duration.ofMinutes(1)) > 0) {
      throw new IllegalArgumentException("scoring.timeout must be from PT0.01S to PT1M");
    }
    if ((keystore == null) != (keystorePassphrase == null)) {
      throw new IllegalArgumentException(
          "scoring.keystore and scoring.keystore_passphrase belong together");
    }
    if (keystore == null && !isLoopback(host(listen))) {
      throw new IllegalArgumentException(
          "scoring.listen is not on loopback: then scoring.keystore and"
              + " scoring.keystore_passphrase are needed, for TLS");
    }
  }

  private static String host(String listen) {
    return listen.substring(0, listen.lastIndexOf(':')).replaceAll("[\\[\\]]", "");
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  public String host() {
    return host(listen);
  }

  public int port() {
    return Integer.parseInt(listen.substring(listen.lastIndexOf(':') + 1));
  }
}
