package org.espalier.node.job;

import java.io.DataInputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.run.RunMessages;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Channel;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;
import org.espalier.wire.Party;

/**
 * Does something before the first message of an alignment leaves that says more than what is run,
 * how many keys there are and what an earlier attempt left, and only then. If rules were begun by
 * different attempts, it is done once for each of these.
 */
final class FirstWord {
  private final int attempt;
  private final IntConsumer before;
  private final Set<Integer> done = new HashSet<>();

  /** That began what is sent next; this one, as long as nobody says otherwise. */
  private int began;

  /**
   * @param attempt that runs
   * @param before takes the attempt that began what is about to be said: this one, or one that it
   *     goes on with
   */
  FirstWord(int attempt, IntConsumer before) {
    this.attempt = attempt;
    this.before = before;
    began = attempt;
  }

  /** The same channels, of which the first to speak does it; what it throws is thrown there. */
  Map<Party, Channel> over(Map<Party, Channel> channels) {
    Map<Party, Channel> watched = new TreeMap<>();
    channels.forEach((party, channel) -> watched.put(party, new Watched(channel)));
    return watched;
  }

  /** The same parts, by which it is known what an attempt goes on with. */
  KeptParts over(KeptParts parts) {
    return new WatchedParts(parts);
  }

  private synchronized void due(int beganIn) {
    began = beganIn;
  }

  private synchronized void said(Message message) {
    boolean early =
        message instanceof RunMessages.Hello
            || message instanceof RunMessages.Announce
            || EcdhAlignment.saysWhatIsKept(message);
    if (!early && !done.contains(began)) {
      before.accept(began);
      done.add(began);
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

  private final class WatchedParts implements KeptParts {
    private final KeptParts parts;

    WatchedParts(KeptParts parts) {
      this.parts = parts;
    }

    @Override
    public Optional<DataInputStream> open(int rule, String part) throws IOException {
      return parts.open(rule, part);
    }

    @Override
    public void keep(int rule, String part, Content content) throws IOException {
      parts.keep(rule, part, content);
    }

    @Override
    public void forget(int rule) throws IOException {
      parts.forget(rule);
    }

    @Override
    public void begins(int rule) {
      due(attempt);
      parts.begins(rule);
    }

    @Override
    public void goesOn(int rule, int origin, long elements) {
      due(origin);
      parts.goesOn(rule, origin, elements);
    }
  }
}
