package org.espalier.wire.memory;

import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.espalier.wire.Channel;
import org.espalier.wire.Duplex;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;

/**
 * All parties in one process: bounded pipes instead of sockets, with repeatable faults and a record
 * of every byte. Protocol tests, benchmarks without a network and local simulation use it.
 */
public final class MemoryNetwork implements AutoCloseable {
  private static final int WINDOW = 4 << 20;

  private final Duration patience;
  private final Map<Direction, Faults> faults = new ConcurrentHashMap<>();
  private final Map<Direction, ByteArrayOutputStream> records = new ConcurrentHashMap<>();
  private final Map<Direction, Channel> channels = new ConcurrentHashMap<>();
  private final boolean recording;

  /** From one party to another. */
  public record Direction(Party from, Party to) {
    Direction reversed() {
      return new Direction(to, from);
    }
  }

  /**
   * @param recording keep every byte for {@link #recorded}
   * @param patience see {@link MessageChannel}
   */
  public MemoryNetwork(boolean recording, Duration patience) {
    this.recording = recording;
    this.patience = patience;
  }

  public MemoryNetwork() {
    this(false, Duration.ofMinutes(2));
  }

  /** Sets the faults of one direction; call before the first {@link #channel} of that pair. */
  public MemoryNetwork with(Party from, Party to, Faults f) {
    faults.put(new Direction(from, to), f);
    return this;
  }

  /** The channel that {@code self} uses to talk to {@code peer}; the same one at every call. */
  public synchronized Channel channel(Party self, Party peer) {
    Direction out = new Direction(self, peer);
    if (!channels.containsKey(out)) {
      MemoryPipe there = pipe(out);
      MemoryPipe back = pipe(out.reversed());
      channels.put(out, channel(out, there, back));
      channels.put(out.reversed(), channel(out.reversed(), back, there));
    }
    return channels.get(out);
  }

  /** Channels from {@code self} to each of {@code peers}, in their order of name. */
  public Map<Party, Channel> channels(Party self, Iterable<Party> peers) {
    Map<Party, Channel> result = new TreeMap<>();
    for (Party peer : peers) {
      result.put(peer, channel(self, peer));
    }
    return result;
  }

  /** Everything that passed from one party to another, frames included. */
  public byte[] recorded(Party from, Party to) {
    if (!recording) {
      throw new IllegalStateException("this network does not record");
    }
    ByteArrayOutputStream bytes = records.get(new Direction(from, to));
    if (bytes == null) {
      return new byte[0];
    }
    synchronized (bytes) {
      return bytes.toByteArray();
    }
  }

  private MemoryPipe pipe(Direction direction) {
    ByteArrayOutputStream record = null;
    if (recording) {
      record = new ByteArrayOutputStream();
      records.put(direction, record);
    }
    return new MemoryPipe(WINDOW, faults.getOrDefault(direction, Faults.NONE), record);
  }

  private Channel channel(Direction direction, MemoryPipe out, MemoryPipe in) {
    return new MessageChannel(direction.from(), direction.to(), new Ends(out, in), patience);
  }

  @Override
  public void close() {
    channels.values().forEach(Channel::close);
  }

  private record Ends(MemoryPipe out, MemoryPipe in) implements Duplex {
    @Override
    public void write(byte[] bytes, int offset, int length) throws java.io.IOException {
      out.write(bytes, offset, length);
    }

    @Override
    public void read(byte[] target, int offset, int length, Duration patience)
        throws java.io.IOException, java.util.concurrent.TimeoutException {
      in.read(target, offset, length, patience);
    }

    @Override
    public void close() {
      out.close();
      in.close();
    }
  }
}
