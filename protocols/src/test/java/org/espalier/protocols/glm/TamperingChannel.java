package org.espalier.protocols.glm;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;

/** A dishonest party's end: changes the payload of one message on its way out. */
final class TamperingChannel implements Channel {
  private final Channel inner;
  private final int code;
  private final AtomicInteger countdown;
  private final UnaryOperator<byte[]> change;

  /**
   * @param code type of the message
   * @param occurrence which of that type on this channel, from 1
   */
  TamperingChannel(Channel inner, int code, int occurrence, UnaryOperator<byte[]> change) {
    this.inner = inner;
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
      inner.send(new Raw(message.type(), change.apply(out.toByteArray())));
    } else {
      inner.send(message);
    }
  }

  @Override
  public Party self() {
    return inner.self();
  }

  @Override
  public Party peer() {
    return inner.peer();
  }

  @Override
  public <M extends Message> M receive(MessageType<M> type, long maxBytes) {
    return inner.receive(type, maxBytes);
  }

  @Override
  public void abort(String reason) {
    inner.abort(reason);
  }

  @Override
  public Traffic traffic() {
    return inner.traffic();
  }

  @Override
  public byte[] transcript() {
    return inner.transcript();
  }

  @Override
  public void close() {
    inner.close();
  }
}
