package org.espalier.node.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where one of the node's HTTP services listens: on loopback by plain HTTP, anywhere else with TLS
 * only.
 *
 * @param listen address and port, {@code host:port}
 * @param keystore a PKCS#12 file with key and certificate, relative to the node's folder; null for
 *     plain HTTP
 * @param keystorePassphrase a file with its passphrase
 */
public record HttpAddress(String listen, Path keystore, Path keystorePassphrase) {
  private static final Pattern ADDRESS = Pattern.compile("(\\[[0-9a-fA-F:]+]|[^:\\s]+):(\\d{1,5})");

  /**
   * @param section of silo.yaml, for messages
   * @throws IllegalArgumentException what is wrong with it
   */
  static HttpAddress of(String section, String listen, Path keystore, Path keystorePassphrase) {
    if (listen == null) {
      throw new IllegalArgumentException(section + ".listen is missing");
    }
    Matcher address = ADDRESS.matcher(listen);
    if (!address.matches() || Integer.parseInt(address.group(2)) > 65535) {
      throw new IllegalArgumentException(
          section + ".listen must be host:port, not '" + listen + "'");
    }
    if ((keystore == null) != (keystorePassphrase == null)) {
      throw new IllegalArgumentException(
          "%1$s.keystore and %1$s.keystore_passphrase belong together".formatted(section));
    }
    HttpAddress made = new HttpAddress(listen, keystore, keystorePassphrase);
    if (!made.tls() && !made.isLoopback()) {
      throw new IllegalArgumentException(
          "%1$s.listen is not on loopback: then %1$s.keystore and %1$s.keystore_passphrase are"
                  .formatted(section)
              + " needed, for TLS");
    }
    return made;
  }

  public boolean tls() {
    return keystore != null;
  }

  public boolean isLoopback() {
    try {
      return InetAddress.getByName(host()).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  public String host() {
    return listen.substring(0, listen.lastIndexOf(':')).replaceAll("[\\[\\]]", "");
  }

  public int port() {
    return Integer.parseInt(listen.substring(listen.lastIndexOf(':') + 1));
  }
}
