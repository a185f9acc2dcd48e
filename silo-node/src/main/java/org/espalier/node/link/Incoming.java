package org.espalier.node.link;

/** A frame from a partner: well formed, nothing more is known of it yet. */
sealed interface Incoming {
  /**
   * The first frame of a connection, from the dialling side.
   *
   * @param boot drawn when the peer's process started, 16 bytes
   * @param session the link session it wants to resume, 16 bytes, zeros for none
   * @param received number of the last frame of that session that it has
   * @param dial how many hellos this boot has sent to this partner, this one included
   */
  record Hello(byte[] boot, byte[] session, long received, long dial, String version)
      implements Incoming {}

  /**
   * The accepting side's answer.
   *
   * @param session the session that goes on or begins
   * @param resumed whether it goes on
   * @param received as in {@link Hello}; 0 in a new session
   * @param dials how many hellos the accepting side has sent: those are void now
   */
  record Welcome(
      byte[] boot, byte[] session, boolean resumed, long received, long dials, String version)
      implements Incoming {}

  /** Everything up to that number has arrived. */
  record Ack(long received) implements Incoming {}

  record Ping(long nonce) implements Incoming {}

  /**
   * @param clock the answering side's, in milliseconds since 1970
   */
  record Pong(long nonce, long clock) implements Incoming {}

  /** The kinds that are numbered, kept for replay and delivered in order. */
  sealed interface Numbered extends Incoming {
    long seq();
  }

  /**
   * A piece of a control message; pieces of different messages do not mix.
   *
   * @param last whether the message is complete with this piece
   */
  record Control(long seq, boolean last, byte[] piece) implements Numbered {}

  /**
   * The sender is ready for the stream of that name. The party whose name comes first sends it as
   * the answer to the other's, which pairs the two.
   *
   * @param stream by which it will be addressed at the sender, growing from 1
   * @param matches the receiver's stream that it answers; 0 from the party whose name comes last
   * @param window bytes that may be sent before more credit comes
   */
  record Open(long seq, int stream, int matches, int window, String name) implements Numbered {}

  /**
   * @param stream as the receiver calls it
   */
  record Data(long seq, int stream, byte[] bytes) implements Numbered {}

  /**
   * @param stream as the receiver calls it
   * @param bytes that may be sent in addition
   */
  record Credit(long seq, int stream, int bytes) implements Numbered {}

  /**
   * The sender is done with a stream; nothing of it follows.
   *
   * @param stream as the sender calls it
   */
  record Close(long seq, int stream) implements Numbered {}
}
