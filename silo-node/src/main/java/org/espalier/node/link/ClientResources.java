package org.espalier.node.link;

import org.eclipse.jetty.io.ArrayByteBufferPool;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.eclipse.jetty.util.thread.Scheduler;

/** What all dialling clients of a node share. */
record ClientResources(QueuedThreadPool threads, Scheduler scheduler, ByteBufferPool buffers) {
  static ClientResources start() throws Exception {
    QueuedThreadPool threads = new QueuedThreadPool(64, 2);
    threads.setName("link-client");
    threads.setDaemon(true);
    threads.setStopTimeout(1000);
    threads.start();
    Scheduler scheduler = new ScheduledExecutorScheduler("link-client-timer", true);
    scheduler.start();
    return new ClientResources(threads, scheduler, new ArrayByteBufferPool());
  }

  void stop() throws Exception {
    scheduler.stop();
    threads.stop();
  }
}
