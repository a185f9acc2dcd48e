package org.espalier.node.config;

import java.net.URI;
import java.nio.file.Path;

/**
 * The section {@code console} of {@code silo.yaml}: where people look at the node with a browser.
 *
 * @param listen address and port; anywhere but on loopback with TLS only
 * @param url what browsers dial; needed where it is not on loopback
 * @param keystore a PKCS#12 file with the key and the certificate that browsers trust
 * @param keystorePassphrase a file with its passphrase
 */
public record ConsoleConfig(String listen, URI url, Path keystore, Path keystorePassphrase) {
  public ConsoleConfig {
    HttpAddress address = HttpAddress.of("console", listen, keystore, keystorePassphrase);
    if (url == null && !address.isLoopback()) {
      throw new IllegalArgumentException(
          "console.listen is not on loopback: then console.url is needed, such as"
              + " https://silo.bank.example:8790, because only requests for it are answered");
    }
    if (url != null
        && (!(address.tls() ? "https" : "http").equals(url.getScheme())
            || url.getHost() == null
            || url.getRawUserInfo() != null
            || url.getRawQuery() != null
            || url.getRawFragment() != null
            || !(url.getRawPath().isEmpty() || url.getRawPath().equals("/")))) {
      throw new IllegalArgumentException(
          "console.url must be %s://host[:port], not '%s'"
              .formatted(address.tls() ? "https" : "http", url));
    }
  }

  public HttpAddress address() {
    return new HttpAddress(listen, keystore, keystorePassphrase);
  }
}
