package org.espalier.node.link;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import org.espalier.wire.Party;

/**
 * What is known of the link with one partner at one moment.
 *
 * @param partner the other end
 * @param state whether it works, and if not, who must act
 * @param since when it came into this state
 * @param lastNews age of the last thing heard
 * @param rtt latest round trip, queues included
 * @param clockSkew the partner's clock minus this one's, good to half a round trip
 * @param bytesSent through all connections since the node started, without TLS
 * @param bytesReceived likewise
 * @param peerVersion the partner's program
 * @param protocol the version of what goes over the link that was agreed last
 * @param problem why it does not work, in words
 */
public record LinkStatus(
    Party partner,
    State state,
    Instant since,
    Optional<Duration> lastNews,
    Optional<Duration> rtt,
    Optional<Duration> clockSkew,
    long bytesSent,
    long bytesReceived,
    Optional<String> peerVersion,
    OptionalInt protocol,
    Optional<String> problem) {
  /** Whether a link works. */
  public enum State {
    CONNECTED,
    /** This node dials, again and again. */
    DIALLING,
    /** No address is known here: the partner must dial. */
    WAITING
  }

  public boolean connected() {
    return state == State.CONNECTED;
  }
}
