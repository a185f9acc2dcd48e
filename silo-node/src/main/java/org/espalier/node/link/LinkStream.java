package org.espalier.node.link;

import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.espalier.wire.Duplex;
import org.espalier.wire.MalformedMessageException;

/** One end of a stream. Fields are guarded by the link's lock. */
final class LinkStream implements Duplex {
  /**
   * Arrivals smaller than this are gathered. The window counts bytes: a partner that sends them one
   * by one must not fill the memory with millions of objects.
   */
  private static final int GATHER = 4 << 10;

  private final Link link;
  private final String name;
  private final int local;
  private final int window;
  private final Condition changed;
  private final ReentrantLock reading = new ReentrantLock();
  private final ReentrantLock writing = new ReentrantLock();
  private final Deque<Piece> arrived = new ArrayDeque<>();
  private int headOffset;
  private int remote;
  private boolean announced;

  /** What this side may still send. */
  private int credit;

  /** What the partner may still send. */
  private int granted;

  /** Read by the user and not given back as credit yet. */
  private int consumed;

  private boolean closedHere;
  private boolean closedThere;
  private String failure;

  /** Bytes that arrived; more may be appended up to the end of the buffer. */
  private static final class Piece {
    private final byte[] buffer;
    private int end;

    Piece(byte[] buffer, int end) {
      this.buffer = buffer;
      this.end = end;
    }

    boolean append(byte[] bytes) {
      if (bytes.length > buffer.length - end) {
        return false;
      }
      System.arraycopy(bytes, 0, buffer, end, bytes.length);
      end += bytes.length;
      return true;
    }
  }

  LinkStream(Link link, String name, int local, int window) {
    this.link = link;
    this.name = name;
    this.local = local;
    this.window = window;
    this.granted = window;
    this.changed = link.lock().newCondition();
  }

  String name() {
    return name;
  }

  int local() {
    return local;
  }

  int remote() {
    return remote;
  }

  boolean matched() {
    return remote != 0;
  }

  boolean announced() {
    return announced;
  }

  void setAnnounced(boolean value) {
    announced = value;
  }

  boolean closedHere() {
    return closedHere;
  }

  boolean closedThere() {
    return closedThere;
  }

  String failure() {
    return failure;
  }

  int granted() {
    return granted;
  }

  int window() {
    return window;
  }

  void match(int remoteId, int firstCredit) {
    remote = remoteId;
    credit = firstCredit;
    changed.signalAll();
  }

  void deliver(byte[] bytes) {
    if (bytes.length > granted) {
      throw new MalformedMessageException(
          "more data than the window of stream " + name + " allows");
    }
    granted -= bytes.length;
    Piece last = arrived.peekLast();
    if (last == null || !last.append(bytes)) {
      if (last == null || bytes.length >= GATHER) {
        arrived.add(new Piece(bytes, bytes.length));
      } else {
        byte[] roomy = java.util.Arrays.copyOf(bytes, GATHER);
        arrived.add(new Piece(roomy, bytes.length));
      }
    }
    changed.signalAll();
  }

  void addCredit(int bytes) {
    if (bytes > LinkSettings.MAX_WINDOW - credit) {
      throw new MalformedMessageException("too much credit for stream " + name);
    }
    credit += bytes;
    changed.signalAll();
  }

  void closeThere() {
    closedThere = true;
    changed.signalAll();
  }

  void closeHere() {
    closedHere = true;
    arrived.clear();
    changed.signalAll();
  }

  void fail(String why) {
    if (failure == null) {
      failure = why;
    }
    changed.signalAll();
  }

  /** Waits for {@link #match}, a failure or the deadline. Called under the lock. */
  void awaitMatch(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    while (!matched() && failure == null && left > 0) {
      left = changed.awaitNanos(left);
    }
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    java.util.Objects.checkFromIndexSize(offset, length, bytes.length);
    writing.lock();
    try {
      for (int done = 0; done < length; ) {
        int n = reserve(Math.min(Frames.CHUNK, length - done));
        byte[] frame = Frames.data(remote, bytes, offset + done, n);
        link.lock().lock();
        try {
          requireWritable();
          link.sendData(frame);
        } finally {
          link.lock().unlock();
        }
        done += n;
      }
    } catch (InterruptedException e) {
      throw interrupted();
    } finally {
      writing.unlock();
    }
  }

  /** Waits until at least one byte may be sent and takes at most {@code wanted} of the credit. */
  private int reserve(int wanted) throws IOException, InterruptedException {
    long left = link.settings().writePatience().toNanos();
    link.lock().lockInterruptibly();
    try {
      while (true) {
        requireWritable();
        if (credit > 0 && !link.sendQueueFull()) {
          int n = Math.min(wanted, credit);
          credit -= n;
          return n;
        }
        if (left <= 0) {
          throw new IOException(
              link.peer()
                  + " has taken nothing from stream "
                  + name
                  + " for "
                  + link.settings().writePatience().toSeconds()
                  + " s");
        }
        left = (credit > 0 ? link.sendRoom() : changed).awaitNanos(left);
      }
    } finally {
      link.lock().unlock();
    }
  }

  private void requireWritable() throws IOException {
    if (failure != null) {
      throw new IOException(failure);
    }
    if (closedHere) {
      throw new IOException("stream " + name + " is closed");
    }
    if (closedThere) {
      throw new IOException(link.peer() + " has closed stream " + name);
    }
  }

  @Override
  public void read(byte[] target, int offset, int length, Duration patience)
      throws IOException, TimeoutException {
    java.util.Objects.checkFromIndexSize(offset, length, target.length);
    try {
      if (!reading.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new TimeoutException("another thread reads stream " + name);
      }
      try {
        for (int done = 0; done < length; ) {
          done += readSome(target, offset + done, length - done, patience);
        }
      } finally {
        reading.unlock();
      }
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private int readSome(byte[] target, int offset, int length, Duration patience)
      throws IOException, TimeoutException, InterruptedException {
    byte[] head;
    int from;
    int n;
    link.lock().lockInterruptibly();
    try {
      awaitArrival(patience);
      Piece first = arrived.element();
      head = first.buffer;
      from = headOffset;
      n = Math.min(length, first.end - from);
      headOffset += n;
      if (headOffset == first.end) {
        arrived.poll();
        headOffset = 0;
      }
      giveCredit(n);
    } finally {
      link.lock().unlock();
    }
    System.arraycopy(head, from, target, offset, n);
    return n;
  }

  private void awaitArrival(Duration patience)
      throws IOException, TimeoutException, InterruptedException {
    long left = patience.toNanos();
    while (arrived.isEmpty() || closedHere) {
      if (closedHere) {
        throw new IOException("stream " + name + " is closed");
      }
      if (failure != null) {
        throw new IOException(failure);
      }
      if (closedThere) {
        throw new EOFException(link.peer() + " has closed stream " + name);
      }
      if (left <= 0) {
        throw new TimeoutException(
            "nothing on stream " + name + " for " + patience.toSeconds() + " s");
      }
      left = changed.awaitNanos(left);
    }
  }

  private void giveCredit(int n) {
    consumed += n;
    if (consumed >= window / 4 && !closedThere && failure == null) {
      granted += consumed;
      link.sendUrgent(Frames.credit(remote, consumed));
      consumed = 0;
    }
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted");
  }

  /** What was written before is still delivered. */
  @Override
  public void close() {
    link.closeStream(this);
  }

  @Override
  public String toString() {
    return "stream " + name + " with " + link.peer();
  }
}
