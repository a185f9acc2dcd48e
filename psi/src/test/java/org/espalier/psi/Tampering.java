package org.espalier.psi;

import java.util.List;
import java.util.function.Function;
import org.espalier.wire.Channel;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;

/** A party's channel that sends something else than the party's code wanted. */
public record Tampering(Channel channel, Function<Message, List<Message>> change)
    implements Channel {
  @Override
  public Party self() {
    return channel.self();
  }

  @Override
  public Party peer() {
    return channel.peer();
  }

  @Override
  public void send(Message message) {
    change.apply(message).forEach(channel::send);
  }

  @Override
  public <M extends Message> M receive(MessageType<M> type, long maxBytes) {
    return channel.receive(type, maxBytes);
  }

  @Override
  public void abort(String reason) {
    channel.abort(reason);
  }

  @Override
  public Traffic traffic() {
    return channel.traffic();
  }

  @Override
  public byte[] transcript() {
    return channel.transcript();
  }

  @Override
  public void close() {
    channel.close();
  }
}
