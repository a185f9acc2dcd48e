package org.espalier.node.link;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.wire.MalformedMessageException;

/**
 * The streams of one link: those that wait for the partner, those that it waits with, and the
 * pairs. Guarded by the link's lock.
 *
 * <p>Only the party whose name comes first pairs streams. The other one announces each stream that
 * it begins; the first answers when it has begun the stream of that name, too, and names the
 * announcement that it answers. If both announced, one that gives up and tries again while the
 * other begins could not know which of its attempts was meant.
 */
final class Streams {
  private static final int MAX_STREAMS = 256;

  private final Link link;
  private final boolean pairing;
  private final Map<Integer, LinkStream> byLocal = new HashMap<>();
  private final Map<Integer, LinkStream> byRemote = new HashMap<>();
  private final Map<String, LinkStream> waiting = new LinkedHashMap<>();
  private final Map<String, Incoming.Open> waitingThere = new LinkedHashMap<>();
  private int lastLocal;
  private int lastRemote;

  /** Bytes that may still arrive for streams that were closed here while data was under way. */
  private long stray;

  /**
   * @param pairing whether this side pairs and the other announces
   */
  Streams(Link link, boolean pairing) {
    this.link = link;
    this.pairing = pairing;
  }

  /**
   * @param linked whether a session exists in which the partner can be told
   */
  LinkStream begin(String name, boolean linked) throws IOException {
    if (waiting.containsKey(name)) {
      throw new IOException("stream " + name + " is being opened already");
    }
    if (byLocal.size() >= MAX_STREAMS) {
      throw new IOException(MAX_STREAMS + " streams with " + link.peer() + " are open already");
    }
    LinkStream stream = new LinkStream(link, name, ++lastLocal, link.settings().window());
    byLocal.put(stream.local(), stream);
    Incoming.Open there = waitingThere.remove(name);
    if (there != null) {
      answer(stream, there);
      return stream;
    }
    waiting.put(name, stream);
    if (linked && !pairing) {
      announce(stream, 0);
    }
    return stream;
  }

  private void answer(LinkStream stream, Incoming.Open there) {
    announce(stream, there.stream());
    pair(stream, there);
  }

  private void announce(LinkStream stream, int matches) {
    stream.setAnnounced(true);
    link.sendUrgent(Frames.open(stream.local(), matches, stream.window(), stream.name()));
  }

  private void pair(LinkStream stream, Incoming.Open there) {
    waiting.remove(stream.name(), stream);
    byRemote.put(there.stream(), stream);
    stream.match(there.stream(), there.window());
  }

  /** In a new session, asks anew for everything that still waits. */
  void announceWaiting() {
    if (!pairing) {
      waiting.values().forEach(stream -> announce(stream, 0));
    }
  }

  void opened(Incoming.Open there) {
    if (pairing != (there.matches() == 0)) {
      throw new MalformedMessageException("opens streams as if it were the other party");
    }
    if (pairing) {
      announced(there);
    } else {
      answered(there);
    }
  }

  private void announced(Incoming.Open there) {
    if (there.stream() <= lastRemote) {
      throw new MalformedMessageException("stream number " + there.stream() + " is not new");
    }
    lastRemote = there.stream();
    LinkStream here = waiting.get(there.name());
    if (here != null) {
      answer(here, there);
    } else if (waitingThere.size() >= MAX_STREAMS) {
      throw new MalformedMessageException("opens more than " + MAX_STREAMS + " streams");
    } else if (waitingThere.putIfAbsent(there.name(), there) != null) {
      throw new MalformedMessageException("opens stream " + there.name() + " twice");
    }
  }

  private void answered(Incoming.Open there) {
    if (byRemote.containsKey(there.stream())) {
      throw new MalformedMessageException("stream number " + there.stream() + " is not new");
    }
    LinkStream here = known(there.matches());
    if (here == null) {
      return; // given up here in the meantime; its close is on the way to the partner
    }
    if (here.matched() || !here.name().equals(there.name())) {
      throw new MalformedMessageException("pairs stream " + there.name() + " wrongly");
    }
    pair(here, there);
  }

  /** Null for a stream that is over; an exception for one that never was. */
  private LinkStream known(int local) {
    if (local > lastLocal) {
      throw new MalformedMessageException("stream " + local + " was never opened");
    }
    return byLocal.get(local);
  }

  void arrived(Incoming.Data data) {
    LinkStream stream = known(data.stream());
    if (stream == null) {
      stray -= data.bytes().length;
      if (stray < 0) {
        throw new MalformedMessageException("more data than the windows of closed streams allow");
      }
    } else if (!stream.matched()) {
      throw new MalformedMessageException("data for a stream that the sender has not opened");
    } else {
      stream.deliver(data.bytes());
    }
  }

  void credited(Incoming.Credit credit) {
    LinkStream stream = known(credit.stream());
    if (stream == null) {
      return;
    }
    if (!stream.matched()) {
      throw new MalformedMessageException("credit for a stream that the sender has not opened");
    }
    stream.addCredit(credit.bytes());
  }

  void closedThere(Incoming.Close close) {
    if (pairing && close.stream() > lastRemote) {
      throw new MalformedMessageException("closes stream " + close.stream() + ", never opened");
    }
    waitingThere.values().removeIf(open -> open.stream() == close.stream());
    LinkStream stream = byRemote.remove(close.stream());
    if (stream != null) {
      byLocal.remove(stream.local());
      stream.closeThere();
      link.wakeWriters();
      link.sendInOrder(Frames.close(stream.local()));
    }
  }

  void closeHere(LinkStream stream) {
    if (stream.closedHere()) {
      return;
    }
    stream.closeHere();
    if (byLocal.remove(stream.local()) == null) {
      return; // over already
    }
    waiting.remove(stream.name(), stream);
    byRemote.remove(stream.remote(), stream);
    if (!stream.announced()) {
      return; // the partner knows nothing of it
    }
    stray += stream.granted();
    if (stream.matched()) {
      link.sendInOrder(Frames.close(stream.local()));
    } else {
      link.sendUrgent(Frames.close(stream.local())); // must not come after a second attempt's open
    }
  }

  /** The session is over: pairs fail, those that wait go on waiting for the next one. */
  void endSession(String why) {
    for (LinkStream stream : byRemote.values()) {
      stream.fail(why);
      byLocal.remove(stream.local());
    }
    byRemote.clear();
    waiting.values().forEach(stream -> stream.setAnnounced(false));
    waitingThere.clear();
    lastRemote = 0;
    stray = 0;
  }

  /** The link is over. */
  void failAll(String why) {
    endSession(why);
    List<LinkStream> rest = new ArrayList<>(byLocal.values());
    byLocal.clear();
    waiting.clear();
    rest.forEach(stream -> stream.fail(why));
  }
}
