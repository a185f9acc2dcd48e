package org.espalier.audit.verify;

import java.util.ArrayList;
import java.util.List;
import org.espalier.audit.merkle.Hashing;

/**
 * The tree of RFC 6962 over leaves that arrive one after the other. Keeps the complete subtrees
 * only, as a binary counter: slot {@code k} holds a subtree of {@code 2^k} leaves or null.
 */
final class Tree {
  private final List<byte[]> slots = new ArrayList<>();
  private long size;

  long size() {
    return size;
  }

  void add(byte[] leafHash) {
    byte[] carry = leafHash;
    int k = 0;
    while (k < slots.size() && slots.get(k) != null) {
      carry = Hashing.node(slots.get(k), carry);
      slots.set(k, null);
      k++;
    }
    if (k == slots.size()) {
      slots.add(carry);
    } else {
      slots.set(k, carry);
    }
    size++;
  }

  byte[] root() {
    byte[] root = null;
    for (byte[] subtree : slots) {
      if (subtree != null) {
        root = root == null ? subtree : Hashing.node(subtree, root);
      }
    }
    return root == null ? Hashing.emptyRoot() : root.clone();
  }

  /** Root of a complete tree over 256 hashes. */
  static byte[] rootOf256(List<byte[]> hashes) {
    Tree tree = new Tree();
    hashes.forEach(tree::add);
    return tree.root();
  }
}
