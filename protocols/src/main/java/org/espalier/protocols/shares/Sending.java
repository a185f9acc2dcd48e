package org.espalier.protocols.shares;

import java.util.Collection;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.espalier.wire.Channel;

/**
 * Sends in a thread of its own while the caller receives, so that neither side waits for the other
 * to empty its buffer.
 */
final class Sending {
  private final CompletableFuture<Void> done;

  Sending(String what, Collection<Channel> channels, Runnable task) {
    done = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
                done.complete(null);
              } catch (CancellationException e) {
                // The caller has given up, and says why.
                done.completeExceptionally(e);
              } catch (Throwable e) {
                done.completeExceptionally(e);
                // Whoever waits for an answer to what was not sent must not wait long.
                channels.forEach(channel -> channel.abort("cannot send its " + what));
              }
            },
            "send-" + what.replace(' ', '-'));
    thread.setDaemon(true);
    thread.start();
  }

  /** Waits until all is sent; throws what the sender threw. */
  void finish() {
    try {
      done.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }
}
