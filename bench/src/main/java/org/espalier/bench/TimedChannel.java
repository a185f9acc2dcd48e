package org.espalier.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import org.espalier.wire.Channel;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/**
 * One party's end that keeps the wall time and the bytes of each kind of message. The time since
 * the last message counts for the one that ends it, so that the times add up to the whole run: it
 * is the time to make a message that is sent, or to wait for one that is received.
 */
final class TimedChannel extends ForwardingChannel {
  /** Sums over all messages of one name and direction. */
  static final class Use {
    long messages;
    long bytes;
    long nanos;

    double seconds() {
      return nanos / 1e9;
    }
  }

  private final Map<String, Use> uses = new LinkedHashMap<>();
  private long last = System.nanoTime();
  private Traffic before = Traffic.NONE;

  TimedChannel(Channel inner) {
    super(inner);
  }

  /** In the order in which they first passed; read it once the protocol is over. */
  Map<String, Use> uses() {
    return uses;
  }

  private synchronized void count(String name) {
    long now = System.nanoTime();
    Traffic traffic = traffic();
    Use use = uses.computeIfAbsent(name, k -> new Use());
    use.messages++;
    use.nanos += now - last;
    use.bytes +=
        traffic.bytesSent() - before.bytesSent() + traffic.bytesReceived() - before.bytesReceived();
    last = now;
    before = traffic;
  }

  @Override
  public void send(Message message) {
    super.send(message);
    count("send " + message.type().name());
  }

  @Override
  public <M extends Message> M receive(MessageType<M> type, long maxBytes) {
    M message = super.receive(type, maxBytes);
    count("receive " + type.name());
    return message;
  }
}
