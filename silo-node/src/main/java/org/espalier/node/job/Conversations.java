package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * All channels of one attempt: one per phase and partner. They stay open to the end, so that nobody
 * closes on a message that the other side has not read yet.
 */
final class Conversations implements AutoCloseable {
  /** How long all partners together may take to accept the reason; a stalled one never does. */
  private static final Duration FAREWELL = Duration.ofSeconds(2);

  private final Peers peers;
  private final Session session;
  private final Duration rendezvous;
  private final Duration patience;
  private final Map<String, Map<Party, Channel>> phases = new LinkedHashMap<>();
  private String stopped;

  Conversations(Peers peers, Session session, Duration rendezvous, Duration patience) {
    this.peers = peers;
    this.session = session;
    this.rendezvous = rendezvous;
    this.patience = patience;
  }

  /**
   * Opens one channel to each partner, all at the same time: one after the other, three parties
   * could wait for each other in a circle.
   */
  Map<Party, Channel> open(String phase, SortedSet<Party> partners) {
    String stream = session.job() + "/" + session.attempt() + "/" + phase;
    ExecutorService threads = Executors.newFixedThreadPool(partners.size());
    try {
      Map<Party, Future<Channel>> opening = new TreeMap<>();
      for (Party partner : partners) {
        opening.put(
            partner,
            threads.submit(
                () ->
                    register(
                        phase,
                        new MessageChannel(
                            peers.self(),
                            partner,
                            peers.open(partner, stream, rendezvous),
                            patience))));
      }
      Map<Party, Channel> channels = new TreeMap<>();
      for (Map.Entry<Party, Future<Channel>> entry : opening.entrySet()) {
        channels.put(entry.getKey(), entry.getValue().get());
      }
      return channels;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Problem.wrongState("interrupted").because(e);
    } finally {
      threads.shutdownNow();
    }
  }

  private Channel register(String phase, Channel channel) {
    String reason;
    synchronized (this) {
      phases.computeIfAbsent(phase, p -> new TreeMap<>()).put(channel.peer(), channel);
      reason = stopped;
    }
    if (reason != null) {
      abort(List.of(channel), reason);
    }
    return channel;
  }

  /** Tells every partner why this side stops, and closes. Takes no longer than the farewell. */
  void abort(String reason) {
    List<Channel> open;
    synchronized (this) {
      stopped = reason;
      open = all();
    }
    abort(open, reason);
  }

  /**
   * A partner that reads nothing takes no reason either, and the job's own thread may wait for it
   * in the middle of a message: closing is what then sets that thread free.
   */
  private static void abort(List<Channel> channels, String reason) {
    CountDownLatch told = new CountDownLatch(channels.size());
    for (Channel channel : channels) {
      Thread telling =
          new Thread(
              () -> {
                try {
                  channel.abort(reason);
                } finally {
                  told.countDown();
                }
              },
              "farewell-" + channel.peer());
      telling.setDaemon(true);
      telling.start();
    }
    try {
      if (!told.await(FAREWELL.toMillis(), TimeUnit.MILLISECONDS)) {
        channels.forEach(Channel::close);
      }
    } catch (InterruptedException e) {
      channels.forEach(Channel::close);
      Thread.currentThread().interrupt();
    }
  }

  /** Bytes so far: {@code {party: {sent, received}}}. */
  synchronized ObjectNode bytes() {
    Map<Party, Channel.Traffic> sums = new TreeMap<>();
    for (Channel channel : all()) {
      sums.merge(channel.peer(), channel.traffic(), Channel.Traffic::plus);
    }
    ObjectNode json = Json.object();
    sums.forEach((party, sum) -> json.set(party.name(), traffic(sum)));
    return json;
  }

  /** Bytes of one phase, over all partners. */
  synchronized ObjectNode bytes(String phase) {
    Channel.Traffic sum = Channel.Traffic.NONE;
    for (Channel channel : phases.getOrDefault(phase, Map.of()).values()) {
      sum = sum.plus(channel.traffic());
    }
    return traffic(sum);
  }

  private static ObjectNode traffic(Channel.Traffic sum) {
    return Json.object().put("sent", sum.bytesSent()).put("received", sum.bytesReceived());
  }

  /** Hash of one phase's conversation with each partner, equal at both ends. */
  synchronized ObjectNode transcripts(String phase) {
    ObjectNode json = Json.object();
    phases
        .getOrDefault(phase, Map.of())
        .forEach(
            (party, channel) ->
                json.put(party.name(), HexFormat.of().formatHex(channel.transcript())));
    return json;
  }

  /** {@code {phase: {party: hash}}}. */
  synchronized ObjectNode transcripts() {
    ObjectNode json = Json.object();
    phases.keySet().forEach(phase -> json.set(phase, transcripts(phase)));
    return json;
  }

  private List<Channel> all() {
    List<Channel> all = new ArrayList<>();
    phases.values().forEach(channels -> all.addAll(channels.values()));
    return all;
  }

  @Override
  public synchronized void close() {
    stopped = stopped == null ? "the job is over" : stopped;
    all().forEach(Channel::close);
  }
}
