package org.espalier.protocols.cost;

/**
 * What a party holds at the fullest moment of some part of a protocol.
 *
 * @param heap bytes of Java objects that are in use
 * @param passing bytes of objects that come and go in all, messages first of all
 * @param nativeBytes of ciphertexts and tables outside the heap
 * @param file bytes of a mapped file, which lie in memory only while there is room
 */
public record Footprint(long heap, long passing, long nativeBytes, long file) {
  /** The runtime itself: its code, compiled code, threads and classes. */
  private static final long RUNTIME = 110L << 20;

  /**
   * What is in use, with what is not collected yet, and most room for new objects: fitted to the
   * peaks of processes from 274 MB to 3.6 GB in docs/benchmarks.md.
   */
  private static final double UNCOLLECTED = 1.7;

  private static final long YOUNG = 90L << 20;

  public Footprint {
    if (heap < 0 || passing < 0 || nativeBytes < 0 || file < 0) {
      throw new IllegalArgumentException("less than nothing");
    }
  }

  /** Objects in use. */
  public static Footprint ofHeap(long bytes) {
    return new Footprint(bytes, 0, 0, 0);
  }

  /** What lies outside the heap. */
  public static Footprint ofNative(long bytes) {
    return new Footprint(0, 0, bytes, 0);
  }

  /** A mapped file. */
  public static Footprint ofFile(long bytes) {
    return new Footprint(0, 0, 0, bytes);
  }

  /** What a script's messages leave behind at a party, once as bytes and once as what they say. */
  public static Footprint passing(Script script, int party) {
    long[][] bytes = script.bytes();
    long traffic = 0;
    for (int p = 0; p < bytes.length; p++) {
      traffic += bytes[party][p] + bytes[p][party];
    }
    return new Footprint(0, 2 * traffic, 0, 0);
  }

  /** Both at the same time. */
  public Footprint plus(Footprint other) {
    return new Footprint(
        heap + other.heap,
        passing + other.passing,
        nativeBytes + other.nativeBytes,
        file + other.file);
  }

  /** The larger of both, kind by kind. */
  public Footprint max(Footprint other) {
    return new Footprint(
        Math.max(heap, other.heap),
        Math.max(passing, other.passing),
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
    long collected = Math.round(UNCOLLECTED * heap) + Math.min(YOUNG, passing);
    return RUNTIME + nativeBytes + Math.min(heapLimit, collected);
  }
}
