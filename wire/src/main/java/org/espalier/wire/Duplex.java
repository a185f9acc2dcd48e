package org.espalier.wire;

import java.io.IOException;
import java.time.Duration;

/**
 * What a transport offers to a {@link Channel}: one reliable ordered stream of bytes each way, with
 * a bounded buffer, so that a slow reader slows the writer down.
 */
public interface Duplex extends AutoCloseable {
  /**
   * Writes all bytes, blocking while the peer's window is full.
   *
   * @throws IOException if the peer is gone or this end is closed
   */
  void write(byte[] bytes, int offset, int length) throws IOException;

  /**
   * Fills the range, blocking until all of it has arrived.
   *
   * @param patience longest silence allowed while waiting
   * @throws java.util.concurrent.TimeoutException if nothing arrives for that long
   * @throws IOException if the stream ends first
   */
  void read(byte[] target, int offset, int length, Duration patience)
      throws IOException, java.util.concurrent.TimeoutException;

  /** Ends both directions; blocked readers and writers on either end fail. Idempotent. */
  @Override
  void close();
}
