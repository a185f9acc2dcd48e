package org.espalier.wire;

/** A channel that does what another one does; a subclass changes or watches a part of it. */
public abstract class ForwardingChannel implements Channel {
  private final Channel channel;

  protected ForwardingChannel(Channel channel) {
    this.channel = channel;
  }

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
    channel.send(message);
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
