package org.espalier.node.link;

import com.fasterxml.jackson.databind.JsonNode;
import org.espalier.wire.Party;

/** Answers one method of the control plane. Called on several threads at once. */
@FunctionalInterface
public interface ControlHandler {
  /**
   * @param caller proved by its certificate
   * @param body what it sent: bounded in size and depth, otherwise anything
   * @return the answer, at most 1 MiB of JSON, 32 levels deep
   * @throws Refusal to tell the caller why not; other exceptions reach it as an internal error
   *     without their message
   */
  JsonNode handle(Party caller, JsonNode body) throws Refusal;
}
