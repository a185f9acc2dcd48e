package org.espalier.node.link;

import java.net.InetSocketAddress;
import java.security.cert.CertificateException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslHandshakeListener;
import org.espalier.wire.Party;
import org.espalier.wire.Printable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs why handshakes failed: old TLS, no client certificate, something that is not TLS at all. At
 * most once a second, so that a stranger cannot fill the log. Refused certificates are logged where
 * they are judged.
 */
final class FailedHandshakes implements SslHandshakeListener {
  private static final Logger LOG = LoggerFactory.getLogger(FailedHandshakes.class);
  private static final long QUIET_NANOS = 1_000_000_000L;

  private final BiConsumer<Optional<Party>, String> denied;
  private final AtomicLong lastLogged = new AtomicLong(System.nanoTime() - QUIET_NANOS);
  private final AtomicLong unlogged = new AtomicLong();

  FailedHandshakes(BiConsumer<Optional<Party>, String> denied) {
    this.denied = denied;
  }

  @Override
  public void handshakeFailed(Event event, Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof CertificateException) {
        return;
      }
    }
    failed(event.getSSLEngine().getPeerHost(), String.valueOf(failure.getMessage()));
  }

  /** Of a connection that does not come to a handshake. */
  void failed(EndPoint from, String why) {
    failed(
        from.getRemoteSocketAddress() instanceof InetSocketAddress address
            ? address.getHostString()
            : "a connection that is closed",
        why);
  }

  private void failed(String host, String why) {
    denied.accept(Optional.empty(), "tls.handshake");
    long last = lastLogged.get();
    long now = System.nanoTime();
    if (now - last >= QUIET_NANOS && lastLogged.compareAndSet(last, now)) {
      LOG.warn(
          "a TLS handshake from {} failed: {} ({} more not logged)",
          host,
          Printable.of(why),
          unlogged.getAndSet(0));
    } else {
      unlogged.incrementAndGet();
    }
  }
}
