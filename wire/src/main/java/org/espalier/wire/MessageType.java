package org.espalier.wire;

import java.util.function.Function;

/**
 * Names a kind of message on the wire.
 *
 * @param code 1 to 65535, unique within a protocol; 0 is the channel's own abort message
 * @param name what errors and audit events call it
 * @param decoder reads one payload; must check every field and may rely on {@link Decoder} to
 *     refuse short or endless input
 */
public record MessageType<M extends Message>(int code, String name, Function<Decoder, M> decoder) {
  public MessageType {
    if (code < 1 || code > 0xffff) {
      throw new IllegalArgumentException("message code " + code + " is not in 1..65535");
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
