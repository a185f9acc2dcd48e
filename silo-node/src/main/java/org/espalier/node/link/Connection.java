package org.espalier.node.link;

import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.exceptions.CloseException;
import org.eclipse.jetty.websocket.api.exceptions.WebSocketTimeoutException;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Printable;

/**
 * One WebSocket that carries, or wants to carry, a link. It lives as long as its TCP connection.
 * Public only because Jetty calls no other classes.
 */
public final class Connection implements Session.Listener.AutoDemanding {
  /** Close codes of our own (RFC 6455, 7.4.2); the reason goes with them. */
  static final int REFUSED = 4001;

  static final int VIOLATION = 4002;
  static final int OVER = 4003;

  /** Not only the connection is over, but what it carried: the node stops, or the partner goes. */
  static final int FINISHED = 4004;

  private static final int MAX_REASON = 120;

  /** How long a peer may take to answer a close frame. */
  private static final Duration FAREWELL = Duration.ofMillis(500);

  private final Link link;
  private final boolean dialled;
  private final CompletableFuture<Void> ready = new CompletableFuture<>();
  private final CompletableFuture<String> ended = new CompletableFuture<>();
  private final CompletableFuture<Void> gone = new CompletableFuture<>();
  private volatile Instant peerCertificateEnds = Instant.MAX;
  private volatile ProtocolRange peerProtocols = ProtocolRange.UNSAID;
  private volatile Session session;

  /** Bytes given to the socket and not yet taken by it. Guarded by the link's lock. */
  private long underWay;

  /**
   * @param dialled whether this side dialled
   */
  Connection(Link link, boolean dialled) {
    this.link = link;
    this.dialled = dialled;
  }

  /** Completes when the link has begun or gone on over this connection; fails if it ends first. */
  CompletableFuture<Void> ready() {
    return ready;
  }

  /** Completes with the reason when the connection is over. */
  CompletableFuture<String> ended() {
    return ended;
  }

  /**
   * Completes when nothing of it is left, which may be a moment after {@link #ended}: the peer is
   * told why, and cutting the TCP connection before that would lose the reason.
   */
  CompletableFuture<Void> gone() {
    return gone.copy().completeOnTimeout(null, FAREWELL.toMillis(), TimeUnit.MILLISECONDS);
  }

  void setPeerCertificateEnds(Instant end) {
    peerCertificateEnds = end;
  }

  Instant peerCertificateEnds() {
    return peerCertificateEnds;
  }

  void setPeerProtocols(ProtocolRange said) {
    peerProtocols = said;
  }

  /** What the peer speaks; of a node that was dialled, what it agreed to. */
  ProtocolRange peerProtocols() {
    return peerProtocols;
  }

  long underWay() {
    return underWay;
  }

  void addUnderWay(long bytes) {
    underWay += bytes;
  }

  /** Starts sending; {@code done} runs when the socket has taken the frame. */
  void send(byte[] frame, Runnable done) {
    Session open = session;
    if (open == null) {
      end("not open");
      return;
    }
    // Jetty's client masks a copy; a read-only view makes sure that a frame can be sent again.
    open.sendBinary(
        ByteBuffer.wrap(frame).asReadOnlyBuffer(), Callback.from(done, e -> cut(text(e))));
  }

  /** Tells the peer why and closes. */
  void close(int code, String reason) {
    Session open = session;
    if (open != null) {
      open.close(code, ascii(reason), Callback.from(() -> {}, e -> open.disconnect()));
      link.later(FAREWELL, () -> cut(reason));
    } else {
      gone.complete(null);
    }
    end(reason);
  }

  /** Cuts the TCP connection. */
  void cut(String reason) {
    Session open = session;
    if (open != null) {
      open.disconnect();
    }
    end(reason);
    gone.complete(null);
  }

  private void end(String reason) {
    if (ended.complete(reason)) {
      ready.completeExceptionally(new java.io.IOException(reason));
      link.lost(this, reason);
    }
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    session = opened;
    if (ended.isDone()) {
      opened.disconnect();
    } else if (dialled) {
      link.sayHello(this);
    } else if (!link.admit(this)) {
      close(REFUSED, "too many connections that say nothing");
    } else {
      link.within(
          link.settings().handshake(), ready, () -> close(REFUSED, "no hello frame in time"));
    }
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    try {
      if (!ended.isDone()) {
        receive(payload);
      }
      callback.succeed();
    } catch (MalformedMessageException e) {
      callback.succeed();
      link.violated(this, e.getMessage());
    } catch (RuntimeException | Error e) {
      callback.succeed();
      link.failed(this, e);
    }
  }

  private void receive(ByteBuffer payload) {
    int size = payload.remaining();
    Incoming frame = Frames.parse(payload);
    if (ready.isDone()) {
      link.received(this, frame, size);
    } else if (dialled && frame instanceof Incoming.Welcome welcome) {
      link.welcomed(this, welcome);
    } else if (!dialled && frame instanceof Incoming.Hello hello) {
      link.greeted(this, hello);
    } else {
      throw new MalformedMessageException("does not begin with a greeting");
    }
  }

  @Override
  public void onWebSocketText(String message) {
    link.violated(this, "sends text");
  }

  @Override
  public void onWebSocketError(Throwable cause) {
    if (cause instanceof CloseException && !(cause instanceof WebSocketTimeoutException)) {
      link.violated(this, "WebSocket: " + text(cause));
    } else {
      cut(text(cause));
    }
  }

  @Override
  public void onWebSocketClose(int code, String reason, Callback callback) {
    callback.succeed();
    String said = reason == null || reason.isEmpty() ? "" : ": " + Printable.of(reason);
    String why =
        switch (code) {
          case REFUSED -> "the partner refused" + said;
          case VIOLATION -> "the partner says that this node broke the protocol" + said;
          case OVER, FINISHED -> "the partner closed the connection" + said;
          default -> "connection lost (" + code + said + ")";
        };
    if (code == FINISHED) {
      link.finished(this, why);
    }
    end(why);
    gone.complete(null);
  }

  private static String text(Throwable e) {
    if (e instanceof ClosedChannelException) {
      return "the connection was closed";
    }
    return Printable.of(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
  }

  private static String ascii(String reason) {
    byte[] bytes = reason.getBytes(StandardCharsets.US_ASCII);
    return new String(
        Arrays.copyOf(bytes, Math.min(bytes.length, MAX_REASON)), StandardCharsets.US_ASCII);
  }
}
