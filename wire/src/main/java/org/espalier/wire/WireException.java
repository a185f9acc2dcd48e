package org.espalier.wire;

/**
 * A conversation with a peer could not go on. The permitted kinds say who can act: a {@link
 * ProtocolViolation} is the peer's fault, {@link PeerAborted} carries the peer's own reason, {@link
 * PeerUnavailable} and {@link WireTimeout} are the network's.
 */
public abstract sealed class WireException extends RuntimeException {
  private final transient Party peer;

  private WireException(Party peer, String message, Throwable cause) {
    super(message, cause);
    this.peer = peer;
  }

  /** The other side of the channel on which it happened. */
  public final Party peer() {
    return peer;
  }

  /** The peer sent something that the protocol does not allow; nothing more is read from it. */
  public static final class ProtocolViolation extends WireException {
    public ProtocolViolation(Party peer, String what) {
      super(peer, peer + " broke the protocol: " + what, null);
    }

    public ProtocolViolation(Party peer, String what, Throwable cause) {
      super(peer, peer + " broke the protocol: " + what, cause);
    }
  }

  /** The peer stopped on purpose and said why. */
  public static final class PeerAborted extends WireException {
    public PeerAborted(Party peer, String reason) {
      super(peer, peer + " stopped: " + reason, null);
    }
  }

  /** The connection is gone. */
  public static final class PeerUnavailable extends WireException {
    public PeerUnavailable(Party peer, String why) {
      super(peer, "lost " + peer + ": " + why, null);
    }

    public PeerUnavailable(Party peer, String why, Throwable cause) {
      super(peer, "lost " + peer + ": " + why, cause);
    }
  }

  /** The peer is connected but silent for longer than the channel allows. */
  public static final class WireTimeout extends WireException {
    public WireTimeout(Party peer, String waitedFor) {
      super(peer, "no news from " + peer + " while waiting for " + waitedFor, null);
    }
  }
}
