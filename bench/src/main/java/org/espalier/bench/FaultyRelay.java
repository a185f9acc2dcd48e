package org.espalier.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The line in front of one node, which can be cut, held up, and can change a byte. Connections that
 * come in are carried on to the node as long as nobody interferes.
 */
final class FaultyRelay implements AutoCloseable {
  private static final int CHUNK = 16 << 10;

  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean corrupt = new AtomicBoolean();
  private volatile long heldUntil = System.nanoTime();

  /**
   * @param target port on the loopback interface
   */
  FaultyRelay(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Ends all connections; new ones are possible at once. */
  void cut() {
    open.forEach(FaultyRelay::closeQuietly);
  }

  /** Nothing arrives, in either direction, for a time. */
  void hold(long millis) {
    heldUntil = System.nanoTime() + millis * 1_000_000;
  }

  /** Changes one byte of the next that pass. */
  void corrupt() {
    corrupt.set(true);
  }

  private static void start(Runnable work) {
    Thread thread = new Thread(work, "faulty-relay");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (true) {
      Socket near;
      try {
        near = listener.accept();
      } catch (IOException closed) {
        return;
      }
      Socket far = new Socket();
      open.add(near);
      open.add(far);
      try {
        far.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
        near.setTcpNoDelay(true);
        far.setTcpNoDelay(true);
        start(() -> carry(near, far));
        start(() -> carry(far, near));
      } catch (IOException refused) {
        drop(near, far);
      }
    }
  }

  private void carry(Socket from, Socket to) {
    byte[] chunk = new byte[CHUNK];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        long wait = heldUntil - System.nanoTime();
        if (wait > 0) {
          Thread.sleep(wait / 1_000_000 + 1);
        }
        if (corrupt.compareAndSet(true, false)) {
          chunk[n / 2] ^= 1;
        }
        out.write(chunk, 0, n);
      }
    } catch (IOException gone) {
      // The other direction ends, too.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    drop(from, to);
  }

  private void drop(Socket near, Socket far) {
    for (Socket socket : new Socket[] {near, far}) {
      open.remove(socket);
      closeQuietly(socket);
    }
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception alreadyGone) {
      // There is nothing left to close.
    }
  }

  @Override
  public void close() {
    closeQuietly(listener);
    cut();
  }
}
