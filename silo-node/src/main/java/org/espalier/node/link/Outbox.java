package org.espalier.node.link;

import java.util.ArrayDeque;
import java.util.Deque;
import org.espalier.wire.MalformedMessageException;

/**
 * What waits to be sent, and what was sent and may have to be sent again. Urgent frames (credit,
 * open) overtake bulk ones (data, close); numbers are given when a frame leaves its queue, so what
 * the partner sees is one ordered sequence. Guarded by the link's lock.
 */
final class Outbox {
  /** Data frames waiting for the sender; writers wait beyond it, so control stays quick. */
  private static final int BULK_LIMIT = 8 * Frames.CHUNK;

  /** What a frame costs in memory beside its bytes. */
  private static final int OVERHEAD = 64;

  private final int replayLimit;
  private final Deque<ControlMessage> control = new ArrayDeque<>();
  private final Deque<byte[]> urgent = new ArrayDeque<>();
  private final Deque<byte[]> bulk = new ArrayDeque<>();
  private final Deque<Sent> resend = new ArrayDeque<>();
  private final Deque<Sent> unacked = new ArrayDeque<>();
  private byte[] ack;
  private byte[] ping;
  private byte[] pong;
  private long bulkBytes;
  private long replayBytes;
  private long lastSeq;
  private long sentOnConnection;
  private long acked;

  private record Sent(long seq, byte[] frame) {
    long cost() {
      return (long) frame.length + OVERHEAD;
    }
  }

  /** A whole control message. {@code request} is its id, or 0 for answers. */
  static final class ControlMessage {
    private final long request;
    private final byte[] bytes;
    private final Runnable left;

    /**
     * @param left called under the lock when the message leaves the queue
     */
    ControlMessage(long request, byte[] bytes, Runnable left) {
      this.request = request;
      this.bytes = bytes;
      this.left = left;
    }
  }

  Outbox(int replayLimit) {
    this.replayLimit = replayLimit;
  }

  void add(ControlMessage message) {
    control.add(message);
  }

  /** Takes back a request that has not left yet. */
  void cancel(long request) {
    control.removeIf(message -> message.request == request);
  }

  void addUrgent(byte[] frame) {
    urgent.add(frame);
  }

  void addBulk(byte[] frame) {
    bulk.add(frame);
    bulkBytes += frame.length;
  }

  boolean bulkFull() {
    return bulkBytes >= BULK_LIMIT;
  }

  /** Only the newest of each counts. */
  void setAck(byte[] frame) {
    ack = frame;
  }

  void setPing(byte[] frame) {
    ping = frame;
  }

  void setPong(byte[] frame) {
    pong = frame;
  }

  /** The next frame to send on the connection, or null. */
  byte[] poll() {
    byte[] frame;
    if (pong != null) {
      frame = pong;
      pong = null;
    } else if (ping != null) {
      frame = ping;
      ping = null;
    } else if (ack != null) {
      frame = ack;
      ack = null;
    } else {
      frame = pollNumbered();
    }
    return frame;
  }

  private byte[] pollNumbered() {
    if (resend.isEmpty() && replayBytes < replayLimit) {
      number();
    }
    Sent next = resend.poll();
    if (next == null) {
      return null;
    }
    unacked.add(next);
    sentOnConnection = next.seq();
    return next.frame();
  }

  private void number() {
    ControlMessage message = control.poll();
    if (message != null) {
      for (int at = 0; at < message.bytes.length; at += Frames.CHUNK) {
        int n = Math.min(Frames.CHUNK, message.bytes.length - at);
        number(Frames.control(message.bytes, at, n));
      }
      message.left.run();
    } else if (!urgent.isEmpty()) {
      number(urgent.poll());
    } else if (!bulk.isEmpty()) {
      byte[] frame = bulk.poll();
      bulkBytes -= frame.length;
      number(frame);
    }
  }

  private void number(byte[] frame) {
    Sent numbered = new Sent(++lastSeq, frame);
    Frames.number(frame, lastSeq);
    replayBytes += numbered.cost();
    resend.add(numbered);
  }

  /**
   * Forgets what has arrived.
   *
   * @throws MalformedMessageException if it acknowledges what was never sent
   */
  void acknowledged(long received) {
    if (received > sentOnConnection) {
      throw new MalformedMessageException(
          "acknowledges frame " + received + " of " + sentOnConnection);
    }
    forget(unacked, received);
    acked = Math.max(acked, received);
  }

  private void forget(Deque<Sent> frames, long received) {
    while (!frames.isEmpty() && frames.peek().seq() <= received) {
      replayBytes -= frames.poll().cost();
    }
  }

  /** Whether a partner that has this much can go on from here. */
  boolean canResumeAfter(long received) {
    return received >= acked && received <= lastSeq;
  }

  /** A new connection carries on: everything after that number is sent again. */
  void resumeAfter(long received) {
    while (!unacked.isEmpty()) {
      resend.addFirst(unacked.pollLast());
    }
    forget(resend, received);
    acked = received;
    sentOnConnection = received;
    dropUnnumbered();
  }

  /** A new session begins. Requests that have not left yet stay. */
  void reset() {
    control.removeIf(message -> message.request == 0);
    urgent.clear();
    bulk.clear();
    resend.clear();
    unacked.clear();
    bulkBytes = 0;
    replayBytes = 0;
    lastSeq = 0;
    acked = 0;
    sentOnConnection = 0;
    dropUnnumbered();
  }

  private void dropUnnumbered() {
    ack = null;
    ping = null;
    pong = null;
  }
}
