package org.espalier.node.link;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/** Age of news, round trips and clock skew of one link. Guarded by the link's lock. */
final class Heartbeat {
  private static final int SAMPLES = 8;

  private final Clock clock;
  private final Deque<Sample> samples = new ArrayDeque<>();
  private boolean everHeard;
  private long lastNews;
  private long lastPing;
  private long nonce;

  /** Wall-clock milliseconds at the last ping, for the skew. */
  private long lastPingWall;

  private boolean answered = true;

  /**
   * @param skewMillis the partner's clock minus this one's
   */
  private record Sample(long rttNanos, long skewMillis) {}

  Heartbeat(Clock clock) {
    this.clock = clock;
  }

  void connected() {
    samples.clear();
    answered = true;
    news();
  }

  void news() {
    everHeard = true;
    lastNews = System.nanoTime();
  }

  Optional<Duration> newsAge() {
    return everHeard
        ? Optional.of(Duration.ofNanos(System.nanoTime() - lastNews))
        : Optional.empty();
  }

  boolean pingDue(Duration every) {
    return System.nanoTime() - lastPing >= every.toNanos();
  }

  byte[] ping() {
    answered = false;
    lastPing = System.nanoTime();
    lastPingWall = clock.millis();
    return Frames.ping(++nonce);
  }

  /** Answers to earlier pings are news, but no measurement. */
  void pong(Incoming.Pong pong) {
    if (answered || pong.nonce() != nonce) {
      return;
    }
    answered = true;
    long rtt = System.nanoTime() - lastPing;
    long skew = pong.clock() - lastPingWall - Duration.ofNanos(rtt).toMillis() / 2;
    if (samples.size() == SAMPLES) {
      samples.removeFirst();
    }
    samples.add(new Sample(rtt, skew));
  }

  Optional<Duration> rtt() {
    return Optional.ofNullable(samples.peekLast()).map(s -> Duration.ofNanos(s.rttNanos()));
  }

  /** From the quickest of the last answers: it waited least in queues. */
  Optional<Duration> skew() {
    return samples.stream()
        .min(java.util.Comparator.comparingLong(Sample::rttNanos))
        .map(s -> Duration.ofMillis(s.skewMillis()));
  }
}
