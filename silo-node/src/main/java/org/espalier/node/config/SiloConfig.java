package org.espalier.node.config;

import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.espalier.wire.Party;

/**
 * The file {@code silo.yaml} of a node.
 *
 * @param name the institution, as partners know it
 * @param listen address and port on which partners reach this node, {@code host:port}
 * @param url what partners dial; needed where {@code listen} is every network of the machine, and
 *     behind a proxy or a load balancer
 * @param patience longest silence of a partner inside a job before it fails, 10 s to 24 h
 * @param rendezvous how long a partner may take to begin the next phase of a job, 1 s to 1 h
 * @param memory of the node's process; null leaves it to Java, which takes a quarter of the machine
 * @param scoring where applications ask for scores of single people; null: nowhere
 * @param metrics where a monitoring system reads the node's figures; null: nowhere
 * @param console where people look at the node with a browser; null: nowhere
 * @param logging how {@code node.log} is written; null: as text
 * @param audit who stamps the audit log; null: nobody
 * @param database where the node keeps its state; null: in {@code silo.db}
 * @param keys what seals the passphrase of the key files; null: nothing
 * @param users of this machine who may give commands beside the owner of the folder; null: nobody
 * @param proxy an HTTP proxy, {@code host:port}, through which partners are dialled; null: none
 */
public record SiloConfig(
    Party name,
    String listen,
    URI url,
    Duration patience,
    Duration rendezvous,
    MemorySize memory,
    ScoringConfig scoring,
    MetricsConfig metrics,
    ConsoleConfig console,
    LoggingConfig logging,
    AuditConfig audit,
    DatabaseConfig database,
    KeysConfig keys,
    UsersConfig users,
    String proxy) {
  private static final Pattern ADDRESS = Pattern.compile("(\\[[0-9a-fA-F:]+]|[^:\\s]+):(\\d{1,5})");

  /** Addresses like 0.0.0.0, [::] and 0. */
  private static final Pattern WILDCARD = Pattern.compile("[0.]+|\\[[0:]+(\\.[0.]+)?]");

  public SiloConfig {
    if (name == null) {
      throw new IllegalArgumentException("name is missing");
    }
    if (listen == null) {
      throw new IllegalArgumentException("listen is missing");
    }
    Matcher address = ADDRESS.matcher(listen);
    if (!address.matches() || Integer.parseInt(address.group(2)) > 65535) {
      throw new IllegalArgumentException("listen must be host:port, not '" + listen + "'");
    }
    url = url == null ? URI.create("https://" + listen) : url;
    String path = url.getRawPath();
    if (!"https".equals(url.getScheme())
        || url.getHost() == null
        || url.getRawUserInfo() != null
        || url.getRawQuery() != null
        || url.getRawFragment() != null
        || !(path == null || path.isEmpty() || path.equals("/"))) {
      throw new IllegalArgumentException("url must be https://host[:port], not '" + url + "'");
    }
    if (WILDCARD.matcher(url.getHost()).matches()) {
      throw new IllegalArgumentException(
          "url is needed, such as https://silo.example.org:9443: partners cannot dial "
              + url.getHost()
              + ", which only says to listen on every network of this machine");
    }
    if (proxy != null) {
      Matcher at = ADDRESS.matcher(proxy);
      if (!at.matches() || port(proxy) < 1 || port(proxy) > 65535) {
        throw new IllegalArgumentException("proxy must be host:port, not '" + proxy + "'");
      }
    }
    patience = patience == null ? Duration.ofMinutes(10) : patience;
    rendezvous = rendezvous == null ? Duration.ofMinutes(1) : rendezvous;
    require("patience", patience, Duration.ofSeconds(10), Duration.ofDays(1));
    require("rendezvous", rendezvous, Duration.ofSeconds(1), Duration.ofHours(1));
  }

  /** A node that scores nobody on request and that nobody looks at but by its commands. */
  public SiloConfig(
      Party name,
      String listen,
      URI url,
      Duration patience,
      Duration rendezvous,
      MemorySize memory) {
    this(
        name,
        listen,
        url,
        patience,
        rendezvous,
        memory,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null);
  }

  private static void require(String key, Duration value, Duration min, Duration max) {
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(key + " must be from " + min + " to " + max);
    }
  }

  /** Most bytes of a slice in memory while it is trained on. */
  public long sliceMemory() {
    return memory == null ? Runtime.getRuntime().maxMemory() / 3 : memory.slice();
  }

  public String host() {
    return host(listen);
  }

  public int port() {
    return port(listen);
  }

  /** Looked up anew each time that it is dialled. */
  public Optional<InetSocketAddress> proxyAddress() {
    return Optional.ofNullable(proxy)
        .map(at -> InetSocketAddress.createUnresolved(host(at), port(at)));
  }

  private static String host(String address) {
    return address.substring(0, address.lastIndexOf(':')).replaceAll("[\\[\\]]", "");
  }

  private static int port(String address) {
    return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
  }
}
