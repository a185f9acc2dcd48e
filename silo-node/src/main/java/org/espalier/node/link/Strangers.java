package org.espalier.node.link;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.util.thread.Scheduler;
import org.eclipse.jetty.websocket.core.WebSocketConnection;

/**
 * Connections that are no links yet: so many at most, and none for long. Idle timeouts do not hold
 * against a stranger who sends one byte every few seconds, and a limit on connections alone would
 * let strangers keep partners out: the oldest goes when there are too many.
 */
final class Strangers implements Connection.Listener {
  private static final int SWEEPS = 20;

  private final int most;
  private final Duration longest;
  private final FailedHandshakes failures;

  /** Nanoseconds when they were opened, the oldest first. */
  private final Map<EndPoint, Long> since = new LinkedHashMap<>();

  /**
   * @param most connections at once
   * @param longest time from connecting to a link
   * @param failures told of those that are closed to make room
   */
  Strangers(int most, Duration longest, FailedHandshakes failures) {
    this.most = most;
    this.longest = longest;
    this.failures = failures;
  }

  @Override
  public void onOpened(Connection opened) {
    EndPoint endPoint = opened.getEndPoint();
    if (endPoint instanceof SslConnection.SslEndPoint) {
      return; // within a connection that is here already
    }
    oldestOfTooMany(endPoint)
        .ifPresent(
            oldest -> {
              failures.failed(
                  oldest,
                  "closed for the newest of more than " + most + " connections without a link");
              oldest.close();
            });
  }

  private Optional<EndPoint> oldestOfTooMany(EndPoint opened) {
    synchronized (since) {
      since.putIfAbsent(opened, System.nanoTime()); // present: TLS took over
      if (since.size() > most) {
        since.keySet().removeIf(Strangers::isOver);
      }
      if (since.size() <= most) {
        return Optional.empty();
      }
      EndPoint oldest = since.keySet().iterator().next();
      since.remove(oldest);
      return Optional.of(oldest);
    }
  }

  @Override
  public void onClosed(Connection closed) {
    EndPoint endPoint = closed.getEndPoint();
    if (!endPoint.isOpen()) { // else TLS takes over
      synchronized (since) {
        since.remove(endPoint);
      }
    }
  }

  /** Closes those whose time is over, from now on and again until the scheduler stops. */
  void sweep(Scheduler scheduler) {
    scheduler.schedule(
        () -> sweep(scheduler), longest.toMillis() / SWEEPS + 1, TimeUnit.MILLISECONDS);
    long now = System.nanoTime();
    List<EndPoint> late = new ArrayList<>();
    synchronized (since) {
      since.keySet().removeIf(Strangers::isOver);
      since.forEach(
          (endPoint, opened) -> {
            if (now - opened > longest.toNanos()) {
              late.add(endPoint);
            }
          });
    }
    late.forEach(EndPoint::close);
  }

  /** As a stranger: a link, or closed just when TLS took over, of which nobody is told. */
  private static boolean isOver(EndPoint endPoint) {
    return !endPoint.isOpen() || isLink(endPoint);
  }

  private static boolean isLink(EndPoint endPoint) {
    return endPoint.getConnection() instanceof SslConnection tls
        && tls.getSslEndPoint().getConnection() instanceof WebSocketConnection;
  }
}
