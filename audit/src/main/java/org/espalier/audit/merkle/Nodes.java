package org.espalier.audit.merkle;

import java.io.IOException;

/** Hashes of the complete subtrees of a stored tree. */
@FunctionalInterface
public interface Nodes {
  /**
   * Hash over the leaves {@code [index * 2^level, (index + 1) * 2^level)}, all of which exist.
   *
   * @throws IOException if the hash cannot be read or derived
   */
  byte[] node(int level, long index) throws IOException;
}
