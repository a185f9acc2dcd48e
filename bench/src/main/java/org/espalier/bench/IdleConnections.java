package org.espalier.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Strangers' connections to nodes that say nothing, or begin a handshake and stop: so many at every
 * moment. What a node closes is opened again.
 */
final class IdleConnections implements AutoCloseable {
  private static final int WAIT_MILLIS = 50;

  /** The first bytes of a ClientHello whose rest never comes. */
  private static final byte[] BEGINNING = {22, 3, 1, 2, 0, 1, 0, 1, (byte) 252, 3, 3};

  private final Selector selector = Selector.open();
  private final Thread thread = new Thread(this::hold, "idle-connections");
  private volatile boolean over;
  private volatile IOException failed;
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicLong closed = new AtomicLong();

  /**
   * Returns when all are open.
   *
   * @param ports of nodes on this machine, which get the same number each
   * @param count of all
   */
  IdleConnections(List<Integer> ports, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      open(ports.get(i % ports.size()), i / ports.size() % 2 == 0);
    }
    thread.setDaemon(true);
    thread.start();
  }

  private void open(int port, boolean silent) throws IOException {
    SocketChannel channel =
        SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    if (!silent) {
      channel.write(ByteBuffer.wrap(BEGINNING));
    }
    channel.configureBlocking(false);
    channel.register(selector, SelectionKey.OP_READ, new Target(port, silent));
    open.incrementAndGet();
  }

  private record Target(int port, boolean silent) {}

  private void hold() {
    ByteBuffer buffer = ByteBuffer.allocate(512);
    try {
      while (!over) {
        selector.select(WAIT_MILLIS);
        List<SelectionKey> ready = List.copyOf(selector.selectedKeys());
        selector.selectedKeys().clear();
        for (SelectionKey key : ready) {
          if (ended((SocketChannel) key.channel(), buffer.clear())) {
            key.cancel();
            key.channel().close();
            open.decrementAndGet();
            closed.incrementAndGet();
            Target target = (Target) key.attachment();
            open(target.port(), target.silent());
          }
        }
      }
    } catch (IOException e) {
      failed = e;
    }
  }

  private static boolean ended(SocketChannel channel, ByteBuffer buffer) {
    try {
      return channel.read(buffer) < 0;
    } catch (IOException reset) {
      return true;
    }
  }

  /** How many are open now. */
  int open() {
    return open.get();
  }

  /** How many the nodes have closed so far. */
  long closed() {
    return closed.get();
  }

  /**
   * @throws IOException if a connection could not be opened again meanwhile
   */
  @Override
  public void close() throws IOException {
    over = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (SelectionKey key : selector.keys()) {
      key.channel().close();
    }
    selector.close();
    if (failed != null) {
      throw failed;
    }
  }
}
