package org.espalier.protocols.glm;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** A dishonest party's end: changes the payload of one message on its way out. */
public final class TamperingChannel extends ForwardingChannel {
  private final int code;
  private final AtomicInteger countdown;
  private final UnaryOperator<byte[]> change;

  /**
   * @param code type of the message
   * @param occurrence which of that type on this channel, from 1
   */
  public TamperingChannel(Channel inner, int code, int occurrence, UnaryOperator<byte[]> change) {
    super(inner);
    this.code = code;
    this.countdown = new AtomicInteger(occurrence);
    this.change = change;
  }

  private record Raw(MessageType<?> type, byte[] payload) implements Message {
    @Override
    public void encode(Encoder out) {
      out.putRaw(payload, 0, payload.length);
    }
  }

  @Override
  public void send(Message message) {
    if (message.type().code() == code && countdown.decrementAndGet() == 0) {
      Encoder out = new Encoder();
      message.encode(out);
      super.send(new Raw(message.type(), change.apply(out.toByteArray())));
    } else {
      super.send(message);
    }
  }
}
