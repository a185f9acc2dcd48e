package org.espalier.bench;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Requests for scores at a fixed rate whatever the answers do (an open loop), over connections that
 * stay open. A request's time runs from the moment at which it was due, also where its connection
 * was still busy with an earlier one: nothing is left out because it was slow.
 */
final class ScoreLoad {
  private static final int PATIENCE_MILLIS = 20_000;

  private final int port;
  private final String head;
  private final int people;

  /**
   * What a run measured; times in milliseconds.
   *
   * @param rate requests a second that were due
   * @param reached requests a second that were answered with a score
   * @param errors answers without a score, and connections that were lost
   */
  record Result(
      int rate,
      int requests,
      double reached,
      int errors,
      double p50,
      double p90,
      double p99,
      double p999,
      double max) {}

  /**
   * @param url of the endpoint, on loopback
   * @param people {@code P0} to below {@code P[people]}, of whom each request names one
   */
  ScoreLoad(String url, String serving, String token, int people) {
    this.port = Integer.parseInt(url.substring(url.lastIndexOf(':') + 1));
    this.people = people;
    this.head =
        "POST /v1/score/"
            + serving
            + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + token
            + "\r\nContent-Type: application/json\r\nContent-Length: ";
  }

  /** Runs for so many seconds. */
  Result run(int rate, int connections, int seconds, long seed) {
    int requests = rate * seconds;
    long[] nanos = new long[requests];
    boolean[] scored = new boolean[requests];
    long start = System.nanoTime() + 200_000_000L;
    List<Thread> threads = new ArrayList<>();
    for (int c = 0; c < connections; c++) {
      int first = c;
      Thread thread =
          new Thread(
              () -> {
                SplittableRandom random = new SplittableRandom(seed + first);
                Connection connection = new Connection();
                for (int i = first; i < requests; i += connections) {
                  long due = start + (long) (i * 1e9 / rate);
                  pauseUntil(due);
                  scored[i] = connection.score(random.nextInt(people));
                  nanos[i] = System.nanoTime() - due;
                }
                connection.close();
              },
              "load-" + c);
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
    double took = (System.nanoTime() - start) / 1e9;
    return result(rate, nanos, scored, took);
  }

  private static Result result(int rate, long[] nanos, boolean[] scored, double took) {
    int good = (int) IntStream.range(0, scored.length).filter(i -> scored[i]).count();
    Arrays.sort(nanos);
    return new Result(
        rate,
        nanos.length,
        Math.round(10 * good / took) / 10.0,
        nanos.length - good,
        quantile(nanos, 0.5),
        quantile(nanos, 0.9),
        quantile(nanos, 0.99),
        quantile(nanos, 0.999),
        quantile(nanos, 1));
  }

  /** The smallest that at least this share does not exceed, milliseconds with two decimals. */
  static double quantile(long[] sorted, double share) {
    int at = (int) Math.ceil(share * sorted.length) - 1;
    return Math.round(sorted[Math.max(0, at)] / 1e4) / 100.0;
  }

  private static void pauseUntil(long nanoTime) {
    for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  /** One connection, opened again where it was lost. */
  private final class Connection {
    private Socket socket;
    private InputStream in;
    private OutputStream out;

    boolean score(int person) {
      String body = "{\"people\":[{\"key\":{\"person\":\"P%07d\"}}]}".formatted(person);
      String request = head + body.length() + "\r\n\r\n" + body;
      try {
        if (socket == null) {
          open();
        }
        out.write(request.getBytes(StandardCharsets.US_ASCII));
        return answer();
      } catch (IOException | NumberFormatException e) {
        close();
        return false;
      }
    }

    private void open() throws IOException {
      socket = new Socket();
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MILLIS);
      in = new BufferedInputStream(socket.getInputStream(), 1 << 12);
      out = socket.getOutputStream();
    }

    private boolean answer() throws IOException {
      String status = line();
      int length = 0;
      for (String header = line(); !header.isEmpty(); header = line()) {
        if (header.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
          length = Integer.parseInt(header.substring(header.indexOf(':') + 1).strip());
        }
      }
      String body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
      return status.startsWith("HTTP/1.1 200 ") && body.contains("\"probability\"");
    }

    private String line() throws IOException {
      StringBuilder line = new StringBuilder();
      for (int b = in.read(); b != '\n'; b = in.read()) {
        if (b < 0) {
          throw new IOException("the connection was closed");
        }
        if (b != '\r') {
          line.append((char) b);
        }
      }
      return line.toString();
    }

    void close() {
      try {
        if (socket != null) {
          socket.close();
        }
        socket = null;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
