package org.espalier.psi.run;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.wire.Channel;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * The channels of one run and the threads that use them. The first failure anywhere stops
 * everything: it is told to all peers, wakes all threads, and is what {@link #join} throws.
 */
public final class Links implements AutoCloseable {
  /** How long a peer may take to read the reason for which this party stops. */
  private static final long ABORT_SECONDS = 5;

  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final List<Party> parties;
  private final int self;
  private final Channel[] channels;
  private final ReentrantLock[] sending;
  private final ExecutorService threads;
  private int running;
  private RuntimeException failure;

  public Links(List<Party> parties, Party self, Map<Party, Channel> channels) {
    this.parties = parties;
    this.self = parties.indexOf(self);
    this.channels = new Channel[parties.size()];
    sending = new ReentrantLock[parties.size()];
    for (int i = 0; i < parties.size(); i++) {
      Channel channel = channels.get(parties.get(i));
      if (i != this.self && channel == null) {
        throw new IllegalArgumentException("no channel to " + parties.get(i));
      }
      this.channels[i] = channel;
      sending[i] = new ReentrantLock();
    }
    threads = Executors.newCachedThreadPool(daemons("espalier-align-" + self + "-"));
  }

  /** What a party does with its links. */
  @FunctionalInterface
  public interface Run<T> {
    T run(Links links);
  }

  /**
   * Runs a party's part. If it stops for any reason other than {@link
   * AlignmentException.BelowMinimum}, all peers have heard the reason when the exception arrives.
   */
  public static <T> T guard(AlignmentJob job, Map<Party, Channel> channels, Run<T> run) {
    try (Links links = new Links(job.parties(), job.self(), channels)) {
      try {
        return run.run(links);
      } catch (AlignmentException.BelowMinimum e) {
        throw e;
      } catch (RuntimeException e) {
        RuntimeException first = links.fail(e);
        links.drain();
        throw first;
      } catch (Error e) {
        links.fail(new IllegalStateException("alignment failed: " + e, e));
        links.drain();
        throw e;
      }
    }
  }

  private static ThreadFactory daemons(String prefix) {
    return task -> {
      Thread thread = new Thread(task, prefix + NUMBER.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** This party's number. */
  public int self() {
    return self;
  }

  public int parties() {
    return channels.length;
  }

  public Party party(int number) {
    return parties.get(number);
  }

  /** The numbers of all other parties. */
  public List<Integer> others() {
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < channels.length; i++) {
      if (i != self) {
        others.add(i);
      }
    }
    return others;
  }

  public byte[] transcript(int party) {
    return channels[party].transcript();
  }

  public void send(int party, Message message) {
    check();
    sending[party].lock();
    try {
      channels[party].send(message);
    } finally {
      sending[party].unlock();
    }
  }

  public <M extends Message> M receive(int party, MessageType<M> type, long maxBytes) {
    check();
    return channels[party].receive(type, maxBytes);
  }

  /** What a peer did wrong. */
  public WireException.ProtocolViolation violation(int party, String what) {
    return new WireException.ProtocolViolation(party(party), what);
  }

  /** Runs a task beside the others. */
  public void start(Runnable task) {
    synchronized (this) {
      running++;
    }
    threads.execute(
        () -> {
          try {
            task.run();
          } catch (RuntimeException e) {
            fail(e);
          } catch (Error e) {
            fail(new IllegalStateException("alignment failed: " + e, e));
          } finally {
            synchronized (this) {
              running--;
              notifyAll();
            }
          }
        });
  }

  /** Waits until all tasks have ended; throws the first failure. */
  public void join() {
    synchronized (this) {
      try {
        while (running > 0) {
          wait();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CancellationException("the alignment was interrupted");
      }
    }
    check();
  }

  /** Waits until all tasks have ended, after a failure. */
  public void drain() {
    boolean interrupted = false;
    synchronized (this) {
      while (running > 0) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Throws the failure if there was one. */
  public synchronized void check() {
    if (failure != null) {
      throw failure;
    }
  }

  /** Wakes those who wait for {@link #await}. */
  public synchronized void changed() {
    notifyAll();
  }

  /** Waits, however long, for a change that another task makes. */
  public void await(BooleanSupplier condition) {
    while (!await(condition, TimeUnit.HOURS.toMillis(1))) {
      check();
    }
  }

  /**
   * Waits for a change that another task makes.
   *
   * @return whether the condition holds; false after {@code millis}
   */
  public synchronized boolean await(BooleanSupplier condition, long millis) {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    try {
      while (true) {
        check();
        if (condition.getAsBoolean()) {
          return true;
        }
        long left = end - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("the alignment was interrupted");
    }
  }

  /** Stops everything for this reason, unless it has stopped before. */
  public RuntimeException fail(RuntimeException reason) {
    synchronized (this) {
      if (failure != null) {
        if (explains(reason, failure)) {
          failure = reason;
        }
        return failure;
      }
      failure = reason;
      notifyAll();
    }
    abortAll(publicReason(reason));
    return reason;
  }

  /** A channel closes where its peer breaks the protocol, which a sender may notice first. */
  private static boolean explains(RuntimeException later, RuntimeException first) {
    return later instanceof WireException.ProtocolViolation violation
        && first instanceof WireException.PeerUnavailable lost
        && violation.peer().equals(lost.peer());
  }

  /** Tells all peers at once; one that does not read cannot hold the others up. */
  private void abortAll(String reason) {
    CountDownLatch told = new CountDownLatch(channels.length - 1);
    ThreadFactory daemons = daemons("espalier-align-abort-");
    for (int party : others()) {
      daemons
          .newThread(
              () -> {
                try {
                  abort(party, reason);
                } finally {
                  told.countDown();
                }
              })
          .start();
    }
    boolean all = false;
    boolean interrupted = false;
    try {
      all = told.await(2 * ABORT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (!all) {
      // Closing ends writes that are stuck.
      others().forEach(party -> channels[party].close());
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void abort(int party, String reason) {
    boolean mine = false;
    try {
      // A message that is on its way must end first, or the reason would land inside it.
      mine = sending[party].tryLock(ABORT_SECONDS, TimeUnit.SECONDS);
      if (mine) {
        channels[party].abort(reason);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      channels[party].close();
      if (mine) {
        sending[party].unlock();
      }
    }
  }

  /** What the others hear; nothing of this party's data. */
  private static String publicReason(RuntimeException e) {
    if (e instanceof AlignmentException alignment) {
      return alignment.publicReason();
    }
    if (e instanceof WireException.ProtocolViolation || e instanceof WireException.PeerAborted) {
      return e.getMessage();
    }
    if (e instanceof WireException.PeerUnavailable gone) {
      return "it lost " + gone.peer();
    }
    if (e instanceof WireException.WireTimeout silent) {
      return "it had no news from " + silent.peer();
    }
    if (e instanceof CancellationException) {
      return "its operator stopped it";
    }
    return "it failed internally";
  }

  /** Ends the threads; those still busy after a failure find closed channels. */
  @Override
  public void close() {
    threads.shutdownNow();
  }
}
