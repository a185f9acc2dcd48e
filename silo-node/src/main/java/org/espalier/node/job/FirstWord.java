package org.espalier.node.job;

import java.util.Map;
import java.util.TreeMap;
import org.espalier.psi.run.RunMessages;
import org.espalier.wire.Channel;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;
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

  private final class Watched extends ForwardingChannel {
    Watched(Channel channel) {
      super(channel);
    }

    @Override
    public void send(Message message) {
      said(message);
      super.send(message);
    }
  }
}
