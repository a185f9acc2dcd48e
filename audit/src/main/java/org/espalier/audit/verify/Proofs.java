package org.espalier.audit.verify;

import java.util.Arrays;
import java.util.List;
import org.espalier.audit.merkle.Hashing;

/** Checks the proofs of RFC 9162, sections 2.1.3.2 and 2.1.4.2. */
public final class Proofs {
  /** Hashes in the longest proof there can be. */
  public static final int MAX_HASHES = 63;

  private Proofs() {}

  /**
   * Whether a leaf is at {@code index} of the tree of {@code size} leaves with this root.
   *
   * @param path from the leaf's sibling upwards, 32 bytes each
   */
  public static boolean included(
      long index, long size, byte[] leafHash, List<byte[]> path, byte[] root) {
    if (index < 0 || index >= size || !wellFormed(path) || leafHash.length != Hashing.BYTES) {
      return false;
    }
    long node = index;
    long last = size - 1;
    byte[] hash = leafHash;
    for (byte[] sibling : path) {
      if (last == 0) {
        return false;
      }
      if ((node & 1) == 1 || node == last) {
        hash = Hashing.node(sibling, hash);
        while ((node & 1) == 0 && node != 0) {
          node >>>= 1;
          last >>>= 1;
        }
      } else {
        hash = Hashing.node(hash, sibling);
      }
      node >>>= 1;
      last >>>= 1;
    }
    return last == 0 && Arrays.equals(hash, root);
  }

  /**
   * Whether the tree of {@code newSize} leaves continues that of {@code oldSize}. The two roots
   * must come from signed heads that the caller has, never both from the party that makes the
   * proof.
   *
   * @param oldSize at least 1: of the empty tree there is nothing to prove
   */
  public static boolean consistent(
      long oldSize, byte[] oldRoot, long newSize, byte[] newRoot, List<byte[]> path) {
    if (oldSize <= 0
        || oldSize > newSize
        || oldRoot.length != Hashing.BYTES
        || newRoot.length != Hashing.BYTES
        || !wellFormed(path)) {
      return false;
    }
    if (oldSize == newSize) {
      return path.isEmpty() && Arrays.equals(oldRoot, newRoot);
    }
    if (path.isEmpty()) {
      return false;
    }
    long node = oldSize - 1;
    long last = newSize - 1;
    while ((node & 1) == 1) {
      node >>>= 1;
      last >>>= 1;
    }
    boolean whole = Long.bitCount(oldSize) == 1;
    byte[] old = whole ? oldRoot : path.get(0);
    byte[] fresh = old;
    for (byte[] sibling : path.subList(whole ? 0 : 1, path.size())) {
      if (last == 0) {
        return false;
      }
      if ((node & 1) == 1 || node == last) {
        old = Hashing.node(sibling, old);
        fresh = Hashing.node(sibling, fresh);
        while ((node & 1) == 0 && node != 0) {
          node >>>= 1;
          last >>>= 1;
        }
      } else {
        fresh = Hashing.node(fresh, sibling);
      }
      node >>>= 1;
      last >>>= 1;
    }
    return last == 0 && Arrays.equals(old, oldRoot) && Arrays.equals(fresh, newRoot);
  }

  private static boolean wellFormed(List<byte[]> path) {
    return path.size() <= MAX_HASHES
        && path.stream().allMatch(hash -> hash.length == Hashing.BYTES);
  }
}
