package org.espalier.node.daemon;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;

/** Work that is done soon on a thread of its own; several wishes before it begins are one. */
final class Soon implements AutoCloseable {
  private final Runnable work;
  private final AtomicBoolean due = new AtomicBoolean();
  private final ExecutorService thread;

  /**
   * @param work throws nothing
   */
  Soon(String name, Runnable work) {
    this.work = work;
    this.thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread made = new Thread(task, name);
              made.setDaemon(true);
              return made;
            });
  }

  void ask() {
    if (due.compareAndSet(false, true)) {
      try {
        thread.execute(
            () -> {
              due.set(false);
              work.run();
            });
      } catch (RejectedExecutionException closing) {
        due.set(false);
      }
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
