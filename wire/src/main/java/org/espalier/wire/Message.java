package org.espalier.wire;

/** One typed message of a protocol. Implementations are immutable, usually records. */
public interface Message {
  /** The type under which the peer's {@link Channel#receive} expects it. */
  MessageType<?> type();

  /** Writes the payload; {@link MessageType#decoder()} reads exactly the same fields back. */
  void encode(Encoder out);
}
