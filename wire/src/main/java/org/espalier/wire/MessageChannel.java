package org.espalier.wire;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The {@link Channel} over any {@link Duplex}.
 *
 * <p>A frame is {@code type (u16) ‖ length (u32) ‖ payload}, big-endian. Type 0 is an abort whose
 * payload is a UTF-8 reason of at most 512 bytes. Both directions are hashed as they pass.
 */
public final class MessageChannel implements Channel {
  private static final int HEADER = 6;
  private static final int ABORT = 0;
  private static final int MAX_REASON = 512;

  /** How much unread input is skipped in search of the peer's reason after a failed write. */
  private static final long DRAIN = 64L << 20;

  private static final Duration DRAIN_PATIENCE = Duration.ofSeconds(2);

  private final Party self;
  private final Party peer;
  private final Duplex duplex;
  private final Duration patience;
  private final MessageDigest sent = Digests.sha256();
  private final MessageDigest received = Digests.sha256();
  private final ReentrantLock receiving = new ReentrantLock();

  /** Guarded by {@link #receiving}: whether the next byte to read begins a frame. */
  private boolean betweenFrames = true;

  /** Why the peer stopped, once it has said so. */
  private volatile String peerReason;

  /** Whether this side has ended the conversation, so that failures of it are its own doing. */
  private volatile boolean over;

  private final AtomicLong bytesSent = new AtomicLong();
  private final AtomicLong bytesReceived = new AtomicLong();
  private final AtomicLong messagesSent = new AtomicLong();
  private final AtomicLong messagesReceived = new AtomicLong();

  /**
   * @param patience longest silence of the peer in one {@link #receive}; the peer may be computing,
   *     so this is minutes; a lost connection is noticed by the transport much sooner
   */
  public MessageChannel(Party self, Party peer, Duplex duplex, Duration patience) {
    this.self = self;
    this.peer = peer;
    this.duplex = duplex;
    this.patience = patience;
  }

  @Override
  public Party self() {
    return self;
  }

  @Override
  public Party peer() {
    return peer;
  }

  @Override
  public void send(Message message) {
    Encoder out = new Encoder(HEADER);
    message.encode(out);
    writeFrame(message.type().code(), message.type().name(), out);
    messagesSent.incrementAndGet();
  }

  private void writeFrame(int code, String name, Encoder out) {
    out.putHeader(code, out.size() - HEADER);
    try {
      duplex.write(out.array(), 0, out.size());
    } catch (IOException e) {
      throw stoppedOrGone(name, e);
    }
    synchronized (sent) {
      sent.update(out.array(), 0, out.size());
    }
    bytesSent.addAndGet(out.size());
  }

  /** A failed write may be the peer's abort: what it said is more useful than "closed". */
  private WireException stoppedOrGone(String name, IOException e) {
    try {
      // Another thread may be receiving: it meets the abort, too, and then lets go.
      if (receiving.tryLock(DRAIN_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        try {
          if (peerReason == null && betweenFrames && !over) {
            drainToAbort();
          }
        } finally {
          receiving.unlock();
        }
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } catch (IOException | TimeoutException nothingSaid) {
      e.addSuppressed(nothingSaid);
    }
    String reason = peerReason;
    return reason != null
        ? new WireException.PeerAborted(peer, reason)
        : new WireException.PeerUnavailable(peer, "cannot send " + name + ": " + e.getMessage(), e);
  }

  /** Skips unread messages, a bounded amount of them, in search of the peer's reason. */
  private void drainToAbort() throws IOException, TimeoutException {
    byte[] header = new byte[HEADER];
    byte[] skipped = new byte[8192];
    betweenFrames = false;
    for (long budget = DRAIN; budget > 0; ) {
      duplex.read(header, 0, HEADER, DRAIN_PATIENCE);
      long length = length(header);
      if (code(header) == ABORT) {
        readAbort(length);
        return;
      }
      budget -= length;
      for (long left = Math.min(length, budget); left > 0; ) {
        int n = (int) Math.min(left, skipped.length);
        duplex.read(skipped, 0, n, DRAIN_PATIENCE);
        left -= n;
      }
    }
  }

  private static int code(byte[] header) {
    return ((header[0] & 0xff) << 8) | (header[1] & 0xff);
  }

  private static long length(byte[] header) {
    return ((header[2] & 0xffL) << 24)
        | ((header[3] & 0xffL) << 16)
        | ((header[4] & 0xffL) << 8)
        | (header[5] & 0xffL);
  }

  @Override
  public <M extends Message> M receive(MessageType<M> type, long maxBytes) {
    receiving.lock();
    try {
      return receiveNext(type, maxBytes);
    } finally {
      receiving.unlock();
    }
  }

  private <M extends Message> M receiveNext(MessageType<M> type, long maxBytes) {
    byte[] header = new byte[HEADER];
    betweenFrames = false;
    read(header, type.name());
    int code = code(header);
    long length = length(header);
    if (code == ABORT) {
      throw readAbort(length);
    }
    if (code != type.code()) {
      throw violation("sent message type " + code + " where " + type + " was expected");
    }
    if (length > maxBytes || length > Integer.MAX_VALUE - 16) {
      throw violation(type + " of " + length + " bytes, at most " + maxBytes + " agreed");
    }
    byte[] payload = new byte[(int) length];
    read(payload, type.name());
    betweenFrames = true;
    synchronized (received) {
      received.update(header);
      received.update(payload);
    }
    bytesReceived.addAndGet(HEADER + length);
    messagesReceived.incrementAndGet();
    Decoder in = new Decoder(payload);
    try {
      M message = type.decoder().apply(in);
      in.expectEnd();
      return message;
    } catch (MalformedMessageException | IllegalArgumentException e) {
      throw violation(type + ": " + e.getMessage(), e);
    }
  }

  private WireException readAbort(long length) {
    if (length > MAX_REASON) {
      return violation("abort reason of " + length + " bytes");
    }
    byte[] reason = new byte[(int) length];
    read(reason, "abort reason");
    peerReason = Printable.of(new String(reason, StandardCharsets.UTF_8));
    close();
    return new WireException.PeerAborted(peer, peerReason);
  }

  private void read(byte[] target, String waitedFor) {
    try {
      duplex.read(target, 0, target.length, patience);
    } catch (TimeoutException e) {
      throw new WireException.WireTimeout(peer, waitedFor);
    } catch (IOException e) {
      throw new WireException.PeerUnavailable(
          peer, "while waiting for " + waitedFor + ": " + e.getMessage(), e);
    }
  }

  private WireException violation(String what) {
    return violation(what, null);
  }

  private WireException violation(String what, Throwable cause) {
    abort("protocol violation: " + what);
    return new WireException.ProtocolViolation(peer, what, cause);
  }

  @Override
  public void abort(String reason) {
    Encoder out = new Encoder(HEADER);
    byte[] utf8 = Printable.of(reason).getBytes(StandardCharsets.UTF_8);
    out.putRaw(utf8, 0, Math.min(utf8.length, MAX_REASON));
    try {
      writeFrame(ABORT, "abort", out);
    } catch (WireException gone) {
      // The peer cannot be told; closing is all that is left.
    }
    close();
  }

  @Override
  public Traffic traffic() {
    return new Traffic(
        bytesSent.get(), bytesReceived.get(), messagesSent.get(), messagesReceived.get());
  }

  @Override
  public byte[] transcript() {
    byte[] mine = snapshot(sent);
    byte[] theirs = snapshot(received);
    MessageDigest both = Digests.sha256();
    boolean first = self.compareTo(peer) < 0;
    both.update(first ? mine : theirs);
    both.update(first ? theirs : mine);
    return both.digest();
  }

  private static byte[] snapshot(MessageDigest running) {
    synchronized (running) {
      try {
        return ((MessageDigest) running.clone()).digest();
      } catch (CloneNotSupportedException e) {
        throw new IllegalStateException("this JDK's SHA-256 cannot be cloned", e);
      }
    }
  }

  @Override
  public void close() {
    over = true;
    duplex.close();
  }
}
