package org.espalier.he;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongFunction;
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

  /**
   * Calls native code with the number of this object, which is kept alive meanwhile: without that
   * the collector may free an object whose last method has already read its number.
   */
  final <T> T with(LongFunction<T> call) {
    try {
      return call.apply(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Frees the native memory; secrets are overwritten. Idempotent. */
  @Override
  public void close() {
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
