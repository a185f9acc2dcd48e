package org.espalier.protocols;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.espalier.wire.Party;
import org.espalier.wire.memory.MemoryNetwork;

/** A message that crossed a recording network: its type code and payload. */
public record RecordedMessage(int type, byte[] payload) {
  /** All of one direction, in order. */
  public static List<RecordedMessage> all(MemoryNetwork network, Party from, Party to) {
    List<RecordedMessage> messages = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(network.recorded(from, to));
    while (in.hasRemaining()) {
      int type = in.getShort();
      byte[] payload = new byte[in.getInt()];
      in.get(payload);
      messages.add(new RecordedMessage(type, payload));
    }
    return messages;
  }
}
