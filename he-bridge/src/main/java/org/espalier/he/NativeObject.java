package org.espalier.he;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;
import org.espalier.he.nativelib.Native;

/**
 * A native object that is freed by {@link #close}, or by the garbage collector if that is
 * forgotten.
 */
abstract class NativeObject implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Handle handle;
  private final Cleaner.Cleanable cleanable;

  NativeObject(long handle) {
    this.handle = new Handle(handle);
    this.cleanable = CLEANER.register(this, this.handle);
  }

  /** The number of the object; after close one that the native side refuses. */
  final long handle() {
    return handle.value.get();
  }

  /** Frees the native memory; secrets are overwritten. Idempotent. */
  @Override
  public final void close() {
    cleanable.clean();
  }

  private static final class Handle implements Runnable {
    private final AtomicLong value;

    Handle(long value) {
      this.value = new AtomicLong(value);
    }

    @Override
    public void run() {
      long last = value.getAndSet(0);
      if (last != 0) {
        Native.release(last);
      }
    }
  }
}
