package org.espalier.protocols.cost;

/**
 * What a party holds at the fullest moment of some part of a protocol.
 *
 * @param heap bytes of Java objects that are in use
 * @param nativeBytes of ciphertexts and tables outside the heap
 * @param file bytes of a mapped file, which lie in memory only while there is room
 */
public record Footprint(long heap, long nativeBytes, long file) {
  /** The runtime itself: its code, compiled code, threads and classes. */
  private static final long RUNTIME = 110L << 20;

  /**
   * What is in use, with what is not collected yet, and room for new objects: fitted to the peaks
   * of processes from 274 MB to 3.6 GB in docs/benchmarks.md.
   */
  private static final double UNCOLLECTED = 1.7;

  private static final long YOUNG = 90L << 20;

  public Footprint {
    if (heap < 0 || nativeBytes < 0 || file < 0) {
      throw new IllegalArgumentException("less than nothing");
    }
  }

  /** With objects that the caller holds beside. */
  public Footprint plusHeap(long bytes) {
    return new Footprint(heap + bytes, nativeBytes, file);
  }

  /** Both at the same time. */
  public Footprint plus(Footprint other) {
    return new Footprint(heap + other.heap, nativeBytes + other.nativeBytes, file + other.file);
  }

  /** The larger of both, kind by kind. */
  public Footprint max(Footprint other) {
    return new Footprint(
        Math.max(heap, other.heap),
        Math.max(nativeBytes, other.nativeBytes),
        Math.max(file, other.file));
  }

  /**
   * Memory that a process has at most, without the file's pages: the runtime, what is in use, and
   * objects that are not collected yet, for which a collector takes as much room as it may.
   *
   * @param heapLimit of the Java runtime
   */
  public long resident(long heapLimit) {
    long collected = Math.round(UNCOLLECTED * heap) + YOUNG;
    return RUNTIME + nativeBytes + Math.min(heapLimit, collected);
  }
}
