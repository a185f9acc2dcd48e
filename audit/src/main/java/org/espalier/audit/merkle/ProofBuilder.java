package org.espalier.audit.merkle;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Makes the audit paths and consistency proofs of RFC 6962, sections 2.1.1 and 2.1.2. */
public final class ProofBuilder {
  private final Nodes nodes;

  /** Proofs over the tree whose complete subtrees {@code nodes} knows. */
  public ProofBuilder(Nodes nodes) {
    this.nodes = nodes;
  }

  /**
   * Path from leaf {@code index} to the root of the first {@code size} leaves, sibling of the leaf
   * first; {@code 0 <= index < size}.
   */
  public List<byte[]> inclusion(long index, long size) throws IOException {
    if (index < 0 || index >= size) {
      throw new IllegalArgumentException("leaf " + index + " is not in a tree of " + size);
    }
    List<byte[]> path = new ArrayList<>();
    long from = 0;
    long to = size;
    while (to - from > 1) {
      long middle = from + largestPowerBelow(to - from);
      if (index < middle) {
        path.add(0, range(middle, to));
        to = middle;
      } else {
        path.add(0, range(from, middle));
        from = middle;
      }
    }
    return path;
  }

  /**
   * Proof that the first {@code oldSize} leaves of the tree of {@code newSize} leaves are the tree
   * of {@code oldSize}; {@code 0 < oldSize <= newSize}; empty if the sizes are equal.
   */
  public List<byte[]> consistency(long oldSize, long newSize) throws IOException {
    if (oldSize <= 0 || oldSize > newSize) {
      throw new IllegalArgumentException(
          "no consistency proof from size " + oldSize + " to size " + newSize);
    }
    List<byte[]> path = new ArrayList<>();
    long from = 0;
    long to = newSize;
    while (to != oldSize) {
      long middle = from + largestPowerBelow(to - from);
      if (oldSize <= middle) {
        path.add(0, range(middle, to));
        to = middle;
      } else {
        path.add(0, range(from, middle));
        from = middle;
      }
    }
    if (from != 0) {
      path.add(0, range(from, to));
    }
    return path;
  }

  /** Hash of the leaves {@code [from, to)}, where {@code from} is a split point of the tree. */
  private byte[] range(long from, long to) throws IOException {
    long width = to - from;
    if (Long.bitCount(width) == 1) {
      int level = Long.numberOfTrailingZeros(width);
      return nodes.node(level, from >>> level);
    }
    long middle = from + largestPowerBelow(width);
    return Hashing.node(range(from, middle), range(middle, to));
  }

  /** Largest power of two below {@code width}, which is at least 2. */
  private static long largestPowerBelow(long width) {
    return Long.highestOneBit(width - 1);
  }
}
