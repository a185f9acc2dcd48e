package org.espalier.node.job;

import java.util.Map;
import java.util.TreeMap;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Channel;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;

/**
 * Does something before the first message of an alignment leaves that says more than what is run
 * and how many keys there are, and only then.
 */
final class FirstWord {
  private final Runnable before;
  private boolean done;

  private FirstWord(Runnable before) {
    this.before = before;
  }

  /** The same channels, of which the first to speak does it; what it throws is thrown there. */
  static Map<Party, Channel> before(Map<Party, Channel> channels, Runnable act) {
    FirstWord first = new FirstWord(act);
    Map<Party, Channel> watched = new TreeMap<>();
    channels.forEach((party, channel) -> watched.put(party, first.new Watched(channel)));
    return watched;
  }

  private synchronized void said(Message message) {
    boolean early = message instanceof RunMessages.Hello || message instanceof RunMessages.Announce;
    if (!done && !early) {
      before.run();
      done = true;
    }
  }

  private final class Watched implements Channel {
    private final Channel channel;

    Watched(Channel channel) {
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
      said(message);
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
}
