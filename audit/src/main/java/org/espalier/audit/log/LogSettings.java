package org.espalier.audit.log;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;

/**
 * Where and how a log is kept.
 *
 * @param directory one log's own directory; created if missing
 * @param clock source of the time in events
 * @param reserveBytes disk space kept back, so that what already runs can be concluded when the
 *     disk is full; at least 64 KiB
 * @param patience how long an append waits for the disk
 */
public record LogSettings(Path directory, Clock clock, int reserveBytes, Duration patience) {
  private static final int MIN_RESERVE = 64 << 10;

  /** Checks the ranges. */
  public LogSettings {
    if (reserveBytes < MIN_RESERVE) {
      throw new IllegalArgumentException(
          "the reserve is at least " + MIN_RESERVE + " bytes, not " + reserveBytes);
    }
    if (patience.isNegative() || patience.isZero()) {
      throw new IllegalArgumentException("patience is positive, not " + patience);
    }
  }

  /** System clock, 4 MiB of reserve, 30 s of patience. */
  public static LogSettings at(Path directory) {
    return new LogSettings(directory, Clock.systemUTC(), 4 << 20, Duration.ofSeconds(30));
  }
}
