package org.espalier.wire.memory;

import java.time.Duration;

/**
 * What a test makes a link do, per direction, at exact byte offsets, so that a failure repeats.
 *
 * @param cutAfter the link breaks when this many bytes have passed; -1 never
 * @param corruptAt the byte at this offset has its lowest bit flipped; -1 never
 * @param stallAfter nothing passes any more after this many bytes, without an error; -1 never
 * @param delay added to every write
 */
public record Faults(long cutAfter, long corruptAt, long stallAfter, Duration delay) {
  public static final Faults NONE = new Faults(-1, -1, -1, Duration.ZERO);

  public static Faults cutAfter(long bytes) {
    return new Faults(bytes, -1, -1, Duration.ZERO);
  }

  public static Faults corruptAt(long offset) {
    return new Faults(-1, offset, -1, Duration.ZERO);
  }

  public static Faults stallAfter(long bytes) {
    return new Faults(-1, -1, bytes, Duration.ZERO);
  }

  public static Faults delay(Duration delay) {
    return new Faults(-1, -1, -1, delay);
  }
}
