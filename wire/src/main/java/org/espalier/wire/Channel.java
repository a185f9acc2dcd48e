package org.espalier.wire;

/**
 * An ordered conversation of typed messages with one peer, for one protocol run.
 *
 * <p>A protocol is plain sequential code per role against this interface; the same code runs over
 * {@link org.espalier.wire.memory.MemoryNetwork} in tests and over mutual TLS between silo nodes.
 * One thread may send while another receives; neither operation may be called by two threads at
 * once.
 */
public interface Channel extends AutoCloseable {
  Party self();

  Party peer();

  /**
   * Sends one message; returns when the transport has taken it, which blocks while the peer is slow
   * to read (backpressure).
   *
   * @throws WireException if the peer is gone or has stopped
   */
  void send(Message message);

  /**
   * Waits for the next message.
   *
   * @param type the only type accepted now
   * @param maxBytes the largest payload the protocol allows here, known from the agreed job;
   *     checked before anything is allocated
   * @throws WireException.ProtocolViolation if another type, a larger payload or a malformed one
   *     arrives
   * @throws WireException if the peer is gone, silent or has stopped
   */
  <M extends Message> M receive(MessageType<M> type, long maxBytes);

  /**
   * Tells the peer why this side stops and closes the channel. Never throws.
   *
   * @param reason a short sentence fit for the peer's operator: no secrets, no data
   */
  void abort(String reason);

  /** Bytes and messages so far, framing included. */
  Traffic traffic();

  /**
   * SHA-256 over both directions, equal at both ends once both have read everything that was sent.
   */
  byte[] transcript();

  /** Closes without a reason; the peer's next receive fails. Idempotent. */
  @Override
  void close();

  /** Counters of one channel: payload plus framing, without the cost of TLS. */
  record Traffic(long bytesSent, long bytesReceived, long messagesSent, long messagesReceived) {
    public static final Traffic NONE = new Traffic(0, 0, 0, 0);

    public Traffic plus(Traffic other) {
      return new Traffic(
          bytesSent + other.bytesSent,
          bytesReceived + other.bytesReceived,
          messagesSent + other.messagesSent,
          messagesReceived + other.messagesReceived);
    }
  }
}
