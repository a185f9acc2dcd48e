package org.espalier.psi.oprf;

import java.util.ArrayDeque;
import java.util.Queue;
import org.espalier.psi.run.Links;
import org.espalier.wire.Message;

/** Sends messages in order, so that receiving never waits for sending. */
final class Outbox implements AutoCloseable {
  /** Messages that may wait. */
  private static final int ROOM = 8;

  private final Links links;
  private final int to;
  private final Queue<Message> waiting = new ArrayDeque<>();
  private boolean last;

  Outbox(Links links, int to) {
    this.links = links;
    this.to = to;
    links.start(this::run);
  }

  /** Takes a message; waits while there are too many. */
  void send(Message message) {
    links.await(() -> waiting.size() < ROOM);
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
