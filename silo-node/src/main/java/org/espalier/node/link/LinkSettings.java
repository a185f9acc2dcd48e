package org.espalier.node.link;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.espalier.wire.Printable;

/**
 * How links behave.
 *
 * @param version this program's, told to partners; at most 64 characters
 * @param ping how often a standing connection is probed
 * @param liveness silence after which streams fail; a connection silent for half of it is dialled
 *     anew
 * @param writePatience longest time that a partner may read nothing from a full stream
 * @param window bytes of one stream that may be under way, and are buffered for a slow reader
 * @param replay bytes kept per link until the partner acknowledges them
 * @param handshake longest time from dialling to a working connection
 * @param minBackoff pause before a failed dial is repeated; doubles up to {@code maxBackoff}
 * @param maxBackoff longest pause
 * @param proxy an HTTP proxy to dial through by CONNECT, or null
 * @param protocols which versions of what goes over links are spoken
 */
public record LinkSettings(
    String version,
    Duration ping,
    Duration liveness,
    Duration writePatience,
    int window,
    int replay,
    Duration handshake,
    Duration minBackoff,
    Duration maxBackoff,
    InetSocketAddress proxy,
    ProtocolRange protocols) {
  static final int MAX_VERSION = 64;
  static final int MAX_WINDOW = 64 << 20;
  private static final int MIN_BUFFER = 4 * Frames.CHUNK;

  public LinkSettings {
    version = Printable.of(version);
    if (version.length() > MAX_VERSION) {
      throw new IllegalArgumentException("version is longer than " + MAX_VERSION);
    }
    if (window < MIN_BUFFER || window > MAX_WINDOW || replay < MIN_BUFFER) {
      throw new IllegalArgumentException(
          "window must be "
              + MIN_BUFFER
              + " to "
              + MAX_WINDOW
              + " bytes, replay at least the same");
    }
    if (ping.multipliedBy(3).compareTo(liveness) > 0) {
      throw new IllegalArgumentException("liveness must be at least three pings");
    }
  }

  /** Ping every 5 s, liveness 20 s, 8 MiB windows, 16 MiB of replay. */
  public static LinkSettings defaults(String version) {
    return new LinkSettings(
        version,
        Duration.ofSeconds(5),
        Duration.ofSeconds(20),
        Duration.ofMinutes(10),
        8 << 20,
        16 << 20,
        Duration.ofSeconds(10),
        Duration.ofMillis(200),
        Duration.ofSeconds(10),
        null,
        ProtocolRange.SPOKEN);
  }

  public LinkSettings withLiveness(Duration newPing, Duration newLiveness) {
    return new LinkSettings(
        version,
        newPing,
        newLiveness,
        writePatience,
        window,
        replay,
        handshake,
        minBackoff,
        maxBackoff,
        proxy,
        protocols);
  }

  public LinkSettings withWritePatience(Duration newPatience) {
    return new LinkSettings(
        version,
        ping,
        liveness,
        newPatience,
        window,
        replay,
        handshake,
        minBackoff,
        maxBackoff,
        proxy,
        protocols);
  }

  public LinkSettings withBackoff(Duration min, Duration max) {
    return new LinkSettings(
        version,
        ping,
        liveness,
        writePatience,
        window,
        replay,
        handshake,
        min,
        max,
        proxy,
        protocols);
  }

  public LinkSettings withProxy(InetSocketAddress newProxy) {
    return new LinkSettings(
        version,
        ping,
        liveness,
        writePatience,
        window,
        replay,
        handshake,
        minBackoff,
        maxBackoff,
        newProxy,
        protocols);
  }

  /** Of the way to partners, for messages; empty without a proxy. */
  String through() {
    return proxy == null
        ? ""
        : " through the proxy " + proxy.getHostString() + ":" + proxy.getPort();
  }

  public LinkSettings withProtocols(ProtocolRange spoken) {
    return new LinkSettings(
        version,
        ping,
        liveness,
        writePatience,
        window,
        replay,
        handshake,
        minBackoff,
        maxBackoff,
        proxy,
        spoken);
  }
}
