package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.slf4j.LoggerFactory;

/** What the job engine needs of this node's identity and of its links to partners. */
public interface Peers {
  Party self();

  /** Signs with this node's identity key. */
  byte[] sign(byte[] statement);

  /** Whether a partner's identity key, or this node's own, signed these bytes. */
  boolean verify(Party signer, byte[] statement, byte[] signature);

  /**
   * @throws org.espalier.node.Problem if the party is no confirmed partner
   */
  void requirePartner(Party party);

  /**
   * Asks a partner's node and waits for its answer.
   *
   * @throws org.espalier.node.Problem the partner's refusal, or that it cannot be reached
   */
  JsonNode request(Party partner, String method, JsonNode body, Duration timeout);

  /** Tells a partner's node something that it may miss. */
  default void tell(Party partner, String method, JsonNode body, Duration timeout) {
    try {
      request(partner, method, body, timeout);
    } catch (RuntimeException e) {
      LoggerFactory.getLogger(Peers.class).info("{} could not be told {}", partner, method, e);
    }
  }

  /** Whether a request to a partner would leave at once. */
  default boolean isConnected(Party partner) {
    return true;
  }

  /**
   * Opens a stream; returns when the partner has opened the one of the same name.
   *
   * @throws org.espalier.node.Problem if the partner does not come
   */
  Duplex open(Party partner, String stream, Duration patience);
}
