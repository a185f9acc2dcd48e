package org.espalier.node.link;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.espalier.wire.MalformedMessageException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requests and answers of one link. Each link has threads of its own, so that one partner's
 * requests cannot keep another's waiting. State is guarded by the link's lock; handlers run
 * outside.
 */
final class ControlPlane {
  private static final Logger LOG = LoggerFactory.getLogger(ControlPlane.class);
  private static final int MAX_PENDING = 64;
  private static final int THREADS = 8;
  private static final int QUEUE = 56;

  /** Answers, and bytes of them, that a partner may leave unread before it is cut off. */
  private static final int MAX_UNSENT = 256;

  private static final long MAX_UNSENT_BYTES = 16L << 20;

  /** JSON takes up to some 25 times its size in memory: what waits as text at once is bounded. */
  private static final long MAX_SERVING_BYTES = 4L << 20;

  private final Link link;
  private final Map<String, ControlHandler> handlers;
  private final ThreadPoolExecutor threads;
  private final Map<Long, Pending> pending = new HashMap<>();
  private final ByteArrayOutputStream assembling = new ByteArrayOutputStream();
  private long lastId;
  private int unsent;
  private long unsentBytes;
  private long servingBytes;
  private long session;

  private static final class Pending {
    private final CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    private boolean left;
  }

  ControlPlane(Link link, Map<String, ControlHandler> handlers) {
    this.link = link;
    this.handlers = handlers;
    this.threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(QUEUE),
            task -> Link.daemon("control-" + link.peer(), task));
    threads.allowCoreThreadTimeOut(true);
  }

  JsonNode request(String method, JsonNode body, Duration timeout)
      throws Refusal, IOException, TimeoutException {
    Pending waiting = new Pending();
    long id;
    link.lock().lock();
    try {
      link.requireOpen();
      if (pending.size() >= MAX_PENDING) {
        throw new IOException(MAX_PENDING + " requests to " + link.peer() + " are waiting already");
      }
      id = ++lastId;
      pending.put(id, waiting);
    } finally {
      link.lock().unlock();
    }
    try {
      byte[] message = ControlMessages.request(id, method, body);
      link.sendControl(new Outbox.ControlMessage(id, message, () -> waiting.left = true));
      return waiting.answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Refusal refused) {
        throw refused;
      }
      throw new IOException(method + ": " + e.getCause().getMessage(), e.getCause());
    } catch (TimeoutException e) {
      TimeoutException told =
          new TimeoutException(
              "no answer from "
                  + link.peer()
                  + " to "
                  + method
                  + " within "
                  + timeout.toMillis()
                  + " ms ("
                  + link.describe()
                  + ")");
      told.initCause(e);
      throw told;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } finally {
      link.lock().lock();
      try {
        pending.remove(id);
        link.cancelControl(id);
      } finally {
        link.lock().unlock();
      }
    }
  }

  /** Under the lock. Returns the whole message with its last piece, otherwise null. */
  byte[] assemble(Incoming.Control piece) {
    if (assembling.size() + piece.piece().length > ControlMessages.MAX) {
      throw new MalformedMessageException(
          "control message of more than " + ControlMessages.MAX + " bytes");
    }
    assembling.writeBytes(piece.piece());
    if (!piece.last()) {
      return null;
    }
    byte[] whole = assembling.toByteArray();
    assembling.reset();
    return whole;
  }

  /** Outside the lock. */
  void handle(byte[] bytes, long inSession) {
    ControlMessages.Message message = ControlMessages.decode(bytes);
    if (message instanceof ControlMessages.Request request) {
      serve(request, bytes.length, inSession);
      return;
    }
    Pending asked;
    link.lock().lock();
    try {
      asked = inSession == session ? pending.get(message.id()) : null;
      if (message.id() < 1 || message.id() > lastId) {
        throw new MalformedMessageException("answers a request that was never made");
      }
    } finally {
      link.lock().unlock();
    }
    if (asked == null) {
      return; // the asking side has given up
    }
    if (message instanceof ControlMessages.Answer answer) {
      asked.answer.complete(answer.body());
    } else if (message instanceof ControlMessages.Refused refused) {
      asked.answer.completeExceptionally(refused.refusal());
    }
  }

  private void serve(ControlMessages.Request request, int size, long inSession) {
    ControlHandler handler = handlers.get(request.method());
    if (handler == null) {
      String what = "this node does not serve " + request.method();
      refuse(request, new Refusal(Refusal.UNKNOWN_METHOD, what), inSession);
      return;
    }
    try {
      if (begin(size)) {
        threads.execute(() -> answer(request, handler, size, inSession));
        return;
      }
    } catch (RejectedExecutionException full) {
      end(size);
    }
    refuse(request, new Refusal(Refusal.BUSY, "too many requests at once"), inSession);
  }

  private boolean begin(int size) {
    link.lock().lock();
    try {
      boolean fits = servingBytes + size <= MAX_SERVING_BYTES;
      servingBytes += fits ? size : 0;
      return fits;
    } finally {
      link.lock().unlock();
    }
  }

  private void end(int size) {
    link.lock().lock();
    try {
      servingBytes -= size;
    } finally {
      link.lock().unlock();
    }
  }

  private void answer(
      ControlMessages.Request request, ControlHandler handler, int size, long inSession) {
    byte[] message;
    try {
      JsonNode body = handler.handle(link.peer(), request.body());
      message = ControlMessages.answer(request.id(), body);
    } catch (Refusal refusal) {
      message = ControlMessages.refusal(request.id(), refusal);
    } catch (RuntimeException e) {
      LOG.error("request {} of {} failed", request.method(), link.peer(), e);
      Refusal internal = new Refusal(Refusal.INTERNAL, request.method() + " failed at the partner");
      message = ControlMessages.refusal(request.id(), internal);
    } finally {
      end(size);
    }
    enqueue(message, inSession);
  }

  private void refuse(ControlMessages.Request request, Refusal refusal, long inSession) {
    enqueue(ControlMessages.refusal(request.id(), refusal), inSession);
  }

  private void enqueue(byte[] message, long inSession) {
    link.lock().lock();
    try {
      if (inSession != session) {
        return; // the asking side has been told that the link broke
      }
      if (unsent >= MAX_UNSENT || unsentBytes > MAX_UNSENT_BYTES) {
        link.violatedHere("leaves " + unsent + " answers unread");
        return;
      }
      unsent++;
      unsentBytes += message.length;
      link.sendControl(new Outbox.ControlMessage(0, message, () -> left(message.length)));
    } finally {
      link.lock().unlock();
    }
  }

  private void left(int bytes) {
    unsent--;
    unsentBytes -= bytes;
  }

  /** Under the lock: the number that ties answers to the session in which they were asked. */
  long session() {
    return session;
  }

  /** Under the lock: requests that have left fail; nobody can say whether they were carried out. */
  void endSession(String why) {
    session++;
    unsent = 0;
    unsentBytes = 0;
    assembling.reset();
    for (Pending asked : pending.values()) {
      if (asked.left) {
        asked.answer.completeExceptionally(new IOException(why));
      }
    }
  }

  /** Under the lock. */
  void close(String why) {
    endSession(why);
    pending.values().forEach(p -> p.answer.completeExceptionally(new IOException(why)));
    threads.shutdownNow();
  }
}
