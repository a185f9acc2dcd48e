package org.espalier.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * A slow line between two parties on one machine, in user space: every connection that comes in on
 * a link is carried on to the link's target, each byte held for the one-way delay, and all links
 * together pass one token bucket for each direction. Needs no rights and no kernel module.
 *
 * <p>Payload is counted and shaped, without TCP/IP headers.
 */
final class ShapedRelay implements AutoCloseable {
  /** What the token bucket may let through at once, and the unit in which bytes are delayed. */
  private static final int CHUNK = 16 << 10;

  /**
   * Chunks on the line of one connection and direction: more than rate × delay of the lines
   * measured here, so that the line is full, and little more, so that one connection's backlog does
   * not delay the others for long.
   */
  private static final int WINDOW = 40;

  /**
   * @param bitsPerSecond of each direction
   * @param oneWay delay of each direction
   */
  record Shape(double bitsPerSecond, Duration oneWay) {
    /** 100 Mb/s and 50 ms there and back. */
    static final Shape WIDE_AREA = new Shape(100e6, Duration.ofMillis(25));

    /** 100 Mb/s and 10 ms there and back. */
    static final Shape METROPOLITAN = new Shape(100e6, Duration.ofMillis(5));

    @Override
    public String toString() {
      return "%.0f Mb/s, %d ms there and back"
          .formatted(bitsPerSecond / 1e6, 2 * oneWay.toMillis());
    }
  }

  /** Two bytes counts: towards the target of a plain link, and back. */
  record Carried(long forward, long back) {
    long total() {
      return forward + back;
    }

    Carried minus(Carried earlier) {
      return new Carried(forward - earlier.forward, back - earlier.back);
    }
  }

  private final Way forward;
  private final Way back;
  private final List<AutoCloseable> open = new ArrayList<>();
  private boolean closed;

  ShapedRelay(Shape shape) {
    forward = new Way(shape);
    back = new Way(shape);
  }

  /**
   * Opens a link from a new port of the loopback interface.
   *
   * @param targetPort on the loopback interface, too
   * @param reversed whether connecting to this link is travelling back: the parties' listeners are
   *     at opposite ends of the line
   * @return the port to connect to
   */
  int link(int targetPort, boolean reversed) throws IOException {
    ServerSocket listener = keep(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    start(() -> accept(listener, targetPort, reversed));
    return listener.getLocalPort();
  }

  Carried carried() {
    return new Carried(forward.bytes(), back.bytes());
  }

  private void accept(ServerSocket listener, int targetPort, boolean reversed) {
    while (true) {
      try {
        Socket near = keep(listener.accept());
        Socket far = keep(new Socket());
        try {
          far.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), targetPort));
        } catch (IOException refused) {
          near.close();
          continue;
        }
        near.setTcpNoDelay(true);
        far.setTcpNoDelay(true);
        carry(near, far, reversed ? back : forward);
        carry(far, near, reversed ? forward : back);
      } catch (IOException listenerClosed) {
        return;
      }
    }
  }

  private static void carry(Socket from, Socket to, Way way) {
    BlockingQueue<Piece> line = new ArrayBlockingQueue<>(WINDOW);
    start(() -> take(from, way, line));
    start(() -> deliver(from, to, line));
  }

  /** Bytes on the line, or with null the end of the stream. */
  private record Piece(byte[] bytes, long due) {}

  private static void take(Socket from, Way way, BlockingQueue<Piece> line) {
    byte[] chunk = new byte[CHUNK];
    try {
      try {
        InputStream in = from.getInputStream();
        for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
          line.put(new Piece(Arrays.copyOf(chunk, n), way.arrival(n)));
        }
      } catch (IOException gone) {
        // The other side hears of it as an end, which also arrives after the delay.
      }
      line.put(new Piece(null, way.arrival(0)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void deliver(Socket from, Socket to, BlockingQueue<Piece> line) {
    try {
      OutputStream out = to.getOutputStream();
      while (true) {
        Piece piece = line.take();
        for (long left = piece.due - System.nanoTime();
            left > 0;
            left = piece.due - System.nanoTime()) {
          LockSupport.parkNanos(left);
        }
        if (piece.bytes == null) {
          to.shutdownOutput();
          return;
        }
        out.write(piece.bytes);
      }
    } catch (IOException gone) {
      closeQuietly(from);
      closeQuietly(to);
      line.clear(); // lets the other thread out: it may be waiting for room
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void start(Runnable work) {
    Thread thread = new Thread(work, "relay");
    thread.setDaemon(true);
    thread.start();
  }

  private synchronized <T extends AutoCloseable> T keep(T closeable) throws IOException {
    if (closed) {
      closeQuietly(closeable);
      throw new IOException("the relay is closed");
    }
    open.add(closeable);
    return closeable;
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception alreadyGone) {
      // There is nothing left to close.
    }
  }

  /** Ends all links and connections. */
  @Override
  public synchronized void close() {
    closed = true;
    open.forEach(ShapedRelay::closeQuietly);
  }

  /**
   * One direction: a token bucket of one chunk, kept as the time at which the line is free again.
   */
  private static final class Way {
    private final double nanosPerByte;
    private final long delay;
    private long free = System.nanoTime();
    private long bytes;

    Way(Shape shape) {
      nanosPerByte = 8e9 / shape.bitsPerSecond();
      delay = shape.oneWay().toNanos();
    }

    /** When the last of {@code n} bytes that are sent now has arrived. */
    synchronized long arrival(int n) {
      long now = System.nanoTime();
      free = Math.max(free, now) + Math.round(n * nanosPerByte);
      bytes += n;
      return free + delay;
    }

    synchronized long bytes() {
      return bytes;
    }
  }
}
