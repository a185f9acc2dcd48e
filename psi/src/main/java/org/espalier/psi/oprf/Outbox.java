package org.espalier.psi.oprf;

import java.util.ArrayDeque;
import java.util.Queue;
import org.espalier.psi.run.Links;
import org.espalier.wire.Message;

/** Sends messages in order, so that receiving never waits for sending. */
final class Outbox implements AutoCloseable {
  private static final int ROOM = 8;

  private final Links links;
  private final int to;
  private final int room;
  private final Queue<Message> waiting = new ArrayDeque<>();
  private boolean last;

  Outbox(Links links, int to) {
    this(links, to, ROOM);
  }

  /**
   * @param room messages that may wait
   */
  Outbox(Links links, int to, int room) {
    this.links = links;
    this.to = to;
    this.room = room;
    links.start(this::run);
  }

  /** Takes a message; waits while there are too many. */
  void send(Message message) {
    links.await(() -> waiting.size() < room);
    synchronized (links) {
      waiting.add(message);
    }
    links.changed();
  }

  private void run() {
    while (true) {
      links.await(() -> !waiting.isEmpty() || last);
      Message message;
      synchronized (links) {
        message = waiting.poll();
      }
      if (message == null) {
        return;
      }
      links.changed();
      links.send(to, message);
    }
  }

  /** What waits is still sent; {@code Links.join} waits for that. */
  @Override
  public void close() {
    synchronized (links) {
      last = true;
    }
    links.changed();
  }
}
