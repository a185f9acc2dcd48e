package org.espalier.psi;

import java.util.List;
import java.util.function.Function;
import org.espalier.wire.Channel;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;

/** A party's channel that sends something else than the party's code wanted. */
public final class Tampering extends ForwardingChannel {
  private final Function<Message, List<Message>> change;

  public Tampering(Channel channel, Function<Message, List<Message>> change) {
    super(channel);
    this.change = change;
  }

  @Override
  public void send(Message message) {
    change.apply(message).forEach(super::send);
  }
}
