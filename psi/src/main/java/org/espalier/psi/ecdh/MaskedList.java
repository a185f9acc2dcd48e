package org.espalier.psi.ecdh;

import java.nio.file.Path;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.run.Links;
import org.espalier.psi.store.RecordFile;

/**
 * A list on its way, on disk: one thread writes it from the front while another reads what is
 * there. The disk is what lets everybody receive without waiting for their own sending.
 */
final class MaskedList implements AutoCloseable {
  private final Links links;
  private final RecordFile file;
  private volatile int ready;

  private MaskedList(Links links, RecordFile file) {
    this.links = links;
    this.file = file;
  }

  /**
   * One that {@link #append} writes.
   *
   * @param width bytes of an element: {@link Mask#WIDTH}, or less where only a tag is kept
   */
  static MaskedList inOrder(Links links, Path folder, int count, int width) {
    return new MaskedList(links, RecordFile.inOrder(folder, count, width));
  }

  /** One of whole elements that {@link #put} writes. */
  static MaskedList inAnyOrder(Links links, Path folder, int count) {
    return new MaskedList(links, RecordFile.inAnyOrder(folder, count, Mask.WIDTH));
  }

  int size() {
    return file.records();
  }

  /** Writes one element anywhere; nobody reads before {@link #complete}. */
  void put(int position, byte[] bytes, int offset) {
    file.put(position, bytes, offset);
  }

  /** Writes consecutive elements, which can be read from now on. */
  void append(byte[] bytes) {
    int end = ready + bytes.length / file.width();
    file.put(ready, bytes);
    advance(end);
  }

  /** Everything has been written. */
  void complete() {
    advance(size());
  }

  private void advance(int position) {
    ready = position;
    links.changed();
  }

  /** Whether consecutive elements have been written; false after waiting in vain. */
  boolean await(int end, long millis) {
    return links.await(() -> ready >= end, millis);
  }

  byte[] get(int first, int count) {
    return file.get(first, count);
  }

  @Override
  public void close() {
    file.close();
  }
}
