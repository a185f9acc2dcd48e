package org.espalier.audit.merkle;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The complete subtrees along the right edge of a tree: all that is needed to append leaves and to
 * know the root. Immutable; at most 63 hashes.
 */
public final class Frontier {
  /** The tree without leaves. */
  public static final Frontier EMPTY = new Frontier(0, List.of());

  private final long size;

  /** Largest subtree first, one for each bit set in {@code size}. */
  private final List<byte[]> subtrees;

  private Frontier(long size, List<byte[]> subtrees) {
    this.size = size;
    this.subtrees = subtrees;
  }

  /** The frontier of the first {@code size} leaves of a stored tree. */
  public static Frontier of(long size, Nodes nodes) throws IOException {
    if (size < 0) {
      throw new IllegalArgumentException("size of a tree is negative: " + size);
    }
    List<byte[]> subtrees = new ArrayList<>();
    for (int level = 62; level >= 0; level--) {
      if ((size >>> level & 1) == 1) {
        subtrees.add(nodes.node(level, (size >>> level) - 1));
      }
    }
    return new Frontier(size, List.copyOf(subtrees));
  }

  /** Number of leaves. */
  public long size() {
    return size;
  }

  /** This tree with one more leaf, given by its hash. */
  public Frontier append(byte[] leafHash) {
    List<byte[]> next = new ArrayList<>(subtrees);
    byte[] hash = leafHash;
    for (long bits = size; (bits & 1) == 1; bits >>>= 1) {
      hash = Hashing.node(next.remove(next.size() - 1), hash);
    }
    next.add(hash);
    return new Frontier(size + 1, List.copyOf(next));
  }

  /** Root hash: 32 bytes. */
  public byte[] root() {
    if (subtrees.isEmpty()) {
      return Hashing.emptyRoot();
    }
    byte[] hash = subtrees.get(subtrees.size() - 1);
    for (int i = subtrees.size() - 2; i >= 0; i--) {
      hash = Hashing.node(subtrees.get(i), hash);
    }
    return hash.clone();
  }
}
