package org.espalier.wire.memory;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** One direction: a bounded ring of bytes that can be made to misbehave. */
final class MemoryPipe {
  private final byte[] ring;
  private final Faults faults;
  private final ByteArrayOutputStream record;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private long written;
  private long consumed;
  private boolean closed;

  /**
   * @param record where every byte that was handed over is kept, or null
   */
  MemoryPipe(int window, Faults faults, ByteArrayOutputStream record) {
    this.ring = new byte[window];
    this.faults = faults;
    this.record = record;
  }

  void write(byte[] bytes, int offset, int length) throws IOException {
    pause(faults.delay());
    lock.lock();
    try {
      for (int done = 0; done < length; ) {
        if (closed || (faults.cutAfter() >= 0 && written >= faults.cutAfter())) {
          closed = true;
          changed.signalAll();
          throw new IOException("closed");
        }
        if (faults.stallAfter() >= 0 && written >= faults.stallAfter()) {
          return; // lost without a trace: what a half-open connection looks like to the sender
        }
        while (written - consumed == ring.length && !closed) {
          changed.await();
        }
        int room = ring.length - (int) (written - consumed);
        if (room == 0) {
          continue; // closed while the window was full
        }
        int at = (int) (written % ring.length);
        int n = Math.min(Math.min(room, length - done), ring.length - at);
        n = (int) Math.min(n, remainingUntil(faults.cutAfter()));
        n = (int) Math.min(n, remainingUntil(faults.stallAfter()));
        System.arraycopy(bytes, offset + done, ring, at, n);
        long flip = faults.corruptAt() - written;
        if (faults.corruptAt() >= 0 && flip >= 0 && flip < n) {
          ring[at + (int) flip] ^= 1;
        }
        if (record != null) {
          synchronized (record) {
            record.write(bytes, offset + done, n);
          }
        }
        written += n;
        done += n;
        changed.signalAll();
      }
    } catch (InterruptedException e) {
      throw interrupted();
    } finally {
      lock.unlock();
    }
  }

  private long remainingUntil(long limit) {
    return limit < 0 ? Long.MAX_VALUE : limit - written;
  }

  void read(byte[] target, int offset, int length, Duration patience)
      throws IOException, TimeoutException {
    lock.lock();
    try {
      for (int done = 0; done < length; ) {
        long left = patience.toNanos();
        while (written == consumed && !closed) {
          if (left <= 0) {
            throw new TimeoutException();
          }
          left = changed.awaitNanos(left);
        }
        int available = (int) (written - consumed);
        if (available == 0) {
          throw new EOFException("closed");
        }
        int at = (int) (consumed % ring.length);
        int n = Math.min(Math.min(available, length - done), ring.length - at);
        System.arraycopy(ring, at, target, offset + done, n);
        consumed += n;
        done += n;
        changed.signalAll();
      }
    } catch (InterruptedException e) {
      throw interrupted();
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private static void pause(Duration delay) throws IOException {
    if (delay.isZero()) {
      return;
    }
    try {
      Thread.sleep(delay.toMillis());
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted");
  }
}
