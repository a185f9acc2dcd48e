package org.espalier.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeoutException;

/**
 * What a relay really does to a connection, measured before figures are taken through it.
 *
 * @param roundTripMillis median of small messages there and back
 * @param megabitsThere payload towards the target
 * @param megabitsBack payload from the target
 */
record LinkCheck(double roundTripMillis, double megabitsThere, double megabitsBack) {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final int PINGS = 9;

  /** Of a transfer, seconds: one that took no longer than a round trip tells no rate. */
  private static final double SHORTEST = 1e-6;

  /**
   * @param bytes how many are sent each way to find the rate
   */
  static LinkCheck of(ShapedRelay relay, int bytes) throws IOException, TimeoutException {
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread far = new Thread(() -> answer(listener, bytes), "link check");
      far.setDaemon(true);
      far.start();
      int port = relay.link(listener.getLocalPort(), false);
      try (SocketDuplex near =
          new SocketDuplex(new Socket(InetAddress.getLoopbackAddress(), port))) {
        return of(near, bytes);
      }
    }
  }

  /** The same of a line whose other end {@link #answer answers}. */
  static LinkCheck of(SocketDuplex near, int bytes) throws IOException, TimeoutException {
    double[] pings = new double[PINGS];
    for (int i = 0; i < PINGS; i++) {
      pings[i] = exchange(near, 1, 1);
    }
    Arrays.sort(pings);
    double roundTrip = pings[PINGS / 2];
    double there = Math.max(SHORTEST, exchange(near, bytes, 1) - roundTrip);
    double back = Math.max(SHORTEST, exchange(near, 1, bytes) - roundTrip);
    return new LinkCheck(roundTrip * 1e3, bytes * 8e-6 / there, bytes * 8e-6 / back);
  }

  /** Seconds from the first byte sent to the last byte of the answer. */
  private static double exchange(SocketDuplex near, int send, int receive)
      throws IOException, TimeoutException {
    long began = System.nanoTime();
    near.write(new byte[send], 0, send);
    near.read(new byte[receive], 0, receive, PATIENCE);
    return (System.nanoTime() - began) / 1e9;
  }

  private static void answer(ServerSocket listener, int bytes) {
    try (SocketDuplex far = new SocketDuplex(listener.accept())) {
      answer(far, bytes);
      far.read(new byte[1], 0, 1, PATIENCE); // fails when the asking side has closed
    } catch (IOException | TimeoutException over) {
      // The asking side reports what is wrong.
    }
  }

  /** The other end's side of {@link #of(SocketDuplex, int)}. */
  static void answer(SocketDuplex far, int bytes) throws IOException, TimeoutException {
    byte[] buffer = new byte[bytes];
    for (int i = 0; i < PINGS; i++) {
      far.read(buffer, 0, 1, PATIENCE);
      far.write(buffer, 0, 1);
    }
    far.read(buffer, 0, bytes, PATIENCE);
    far.write(buffer, 0, 1);
    far.read(buffer, 0, 1, PATIENCE);
    far.write(buffer, 0, bytes);
  }

  @Override
  public String toString() {
    return "measured: round trip %.1f ms, %.1f Mb/s there, %.1f Mb/s back"
        .formatted(roundTripMillis, megabitsThere, megabitsBack);
  }
}
