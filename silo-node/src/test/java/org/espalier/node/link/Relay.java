package org.espalier.node.link;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A TCP relay on loopback that can cut, stall and delay what passes. */
final class Relay implements AutoCloseable {
  private final ServerSocket server;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();
  private volatile int target;
  private volatile boolean stalled;
  private volatile boolean refusing;
  private volatile long delayMillis;

  Relay() {
    try {
      server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start(this::acceptAll);
  }

  void to(int port) {
    target = port;
  }

  URI url() {
    return URI.create("https://127.0.0.1:" + server.getLocalPort());
  }

  /** Connections so far. */
  int accepted() {
    return accepted.get();
  }

  /** Resets all connections; new ones may be made. */
  void cut() {
    sockets.forEach(Relay::reset);
  }

  /** Connections stand and nothing passes. */
  void stall(boolean on) {
    stalled = on;
  }

  /** New connections are closed at once. */
  void refuse(boolean on) {
    refusing = on;
  }

  void delay(long millis) {
    delayMillis = millis;
  }

  private static void start(Runnable work) {
    Thread thread = new Thread(work, "relay");
    thread.setDaemon(true);
    thread.start();
  }

  private void acceptAll() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        accepted.incrementAndGet();
        if (refusing) {
          reset(client);
          continue;
        }
        Socket node = new Socket();
        node.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
        sockets.add(client);
        sockets.add(node);
        start(() -> pump(client, node));
        start(() -> pump(node, client));
      } catch (IOException e) {
        // Closing, or the node does not listen.
      }
    }
  }

  private void pump(Socket from, Socket to) {
    byte[] buffer = new byte[1 << 14];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        if (delayMillis > 0) {
          Thread.sleep(delayMillis);
        }
        while (stalled) {
          Thread.sleep(5);
        }
        out.write(buffer, 0, n);
      }
    } catch (IOException e) {
      // Cut.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      reset(from);
      reset(to);
    }
  }

  private static void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
      socket.close();
    } catch (IOException e) {
      // Closed already.
    }
  }

  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cut();
  }
}
