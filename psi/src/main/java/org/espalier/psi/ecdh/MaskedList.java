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
   * One of consecutive elements.
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

  /** Writes one element of a list in any order; nobody reads before {@link #complete}. */
  void put(int position, byte[] bytes, int offset) {
    file.put(position, bytes, offset);
  }

  /** Writes consecutive elements of a list in order; nobody reads before {@link #advance}. */
  void put(int first, byte[] bytes) {
    file.put(first, bytes);
  }

  /** Everything has been written. */
  void complete() {
    advance(size());
  }

  /** Elements before this one have been written and can be read from now on. */
  void advance(int position) {
    ready = position;
    links.changed();
  }

  /** Elements that can be read. */
  int ready() {
    return ready;
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
