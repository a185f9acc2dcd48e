package org.espalier.node.http;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Connections on which nothing is under way: so many at most, and none for long. Idle timeouts do
 * not hold against a stranger who sends one byte every few seconds, and a limit on connections
 * alone would let strangers keep others out: the oldest goes when there are too many. Whoever has
 * shown that it may ask goes last, and a request that is under way is never cut.
 */
public final class Strangers implements Connection.Listener {
  private static final int SWEEPS = 20;

  private final int most;
  private final Duration longest;
  private final Predicate<EndPoint> welcome;
  private final BiConsumer<EndPoint, String> closed;

  /** Those with nothing under way as long as that is so, the longest first. */
  private final Map<EndPoint, Standing> all = new LinkedHashMap<>();

  /**
   * @param since nanoseconds when nothing was under way any more
   * @param asking whether a request is under way
   * @param known whether it has shown that it may ask
   */
  private record Standing(long since, boolean asking, boolean known) {}

  /**
   * @param most connections at once
   * @param longest time from connecting, or from the last answer, to a whole request
   * @param welcome connections that are not counted any more
   * @param closed told of those that are closed to make room
   */
  public Strangers(
      int most,
      Duration longest,
      Predicate<EndPoint> welcome,
      BiConsumer<EndPoint, String> closed) {
    this.most = most;
    this.longest = longest;
    this.welcome = welcome;
    this.closed = closed;
  }

  @Override
  public void onOpened(Connection opened) {
    EndPoint endPoint = opened.getEndPoint();
    if (endPoint instanceof SslConnection.SslEndPoint) {
      return; // within a connection that is here already
    }
    oneOfTooMany(endPoint)
        .ifPresent(
            oldest -> {
              closed.accept(
                  oldest,
                  "closed for the newest of more than " + most + " connections that ask nothing");
              oldest.close();
            });
  }

  private Optional<EndPoint> oneOfTooMany(EndPoint opened) {
    synchronized (all) {
      all.putIfAbsent(
          opened, new Standing(System.nanoTime(), false, false)); // present: TLS took over
      if (all.size() > most) {
        all.keySet().removeIf(this::isOver);
      }
      if (all.size() <= most) {
        return Optional.empty();
      }
      Optional<EndPoint> oldest =
          oldest(standing -> !standing.asking && !standing.known)
              .or(() -> oldest(standing -> !standing.asking));
      oldest.ifPresent(all::remove);
      return oldest;
    }
  }

  private Optional<EndPoint> oldest(Predicate<Standing> which) {
    return all.entrySet().stream()
        .filter(one -> which.test(one.getValue()))
        .map(Map.Entry::getKey)
        .findFirst();
  }

  /** A whole request has come. */
  void begun(EndPoint endPoint) {
    synchronized (all) {
      all.computeIfPresent(
          transport(endPoint), (at, was) -> new Standing(was.since, true, was.known));
    }
  }

  /** It is answered; the next one has its own time. */
  void done(EndPoint endPoint, boolean known) {
    EndPoint transport = transport(endPoint);
    synchronized (all) {
      Standing was = all.remove(transport);
      if (was != null && transport.isOpen()) {
        all.put(transport, new Standing(System.nanoTime(), false, was.known || known));
      }
    }
  }

  private static EndPoint transport(EndPoint endPoint) {
    return endPoint instanceof SslConnection.SslEndPoint tls
        ? tls.getSslConnection().getEndPoint()
        : endPoint;
  }

  @Override
  public void onClosed(Connection closed) {
    EndPoint endPoint = closed.getEndPoint();
    if (!endPoint.isOpen()) { // else TLS takes over
      synchronized (all) {
        all.remove(endPoint);
      }
    }
  }

  /** Closes those whose time is over, from now on and again until the scheduler stops. */
  public void sweep(Scheduler scheduler) {
    scheduler.schedule(
        () -> sweep(scheduler), longest.toMillis() / SWEEPS + 1, TimeUnit.MILLISECONDS);
    long now = System.nanoTime();
    List<EndPoint> late = new ArrayList<>();
    synchronized (all) {
      all.keySet().removeIf(this::isOver);
      all.forEach(
          (endPoint, standing) -> {
            if (!standing.asking && now - standing.since > longest.toNanos()) {
              late.add(endPoint);
            }
          });
    }
    late.forEach(EndPoint::close);
  }

  /** As a stranger: welcome, or closed just when TLS took over, of which nobody is told. */
  private boolean isOver(EndPoint endPoint) {
    return !endPoint.isOpen() || welcome.test(endPoint);
  }
}
