package org.espalier.psi;

import org.espalier.psi.keys.Duplicates;

/**
 * What all parties agreed about an alignment.
 *
 * @param minIntersection 1 or more; a smaller result of the first rule stops everyone before
 *     anybody learns who is in it
 * @param duplicates what to do with a key that is in several rows of one table
 * @param maxRows the longest list that any party may announce; bounds memory and disk
 */
public record AlignmentPolicy(int minIntersection, Duplicates duplicates, int maxRows) {
  /** With two parties about 6 GiB of temporary files and 3 GiB of heap at each. */
  public static final int LARGEST = 1 << 26;

  public AlignmentPolicy {
    if (minIntersection < 1) {
      throw new IllegalArgumentException("minimum intersection " + minIntersection + " is below 1");
    }
    if (maxRows < 1 || maxRows > LARGEST) {
      throw new IllegalArgumentException("maxRows " + maxRows + " is not in 1.." + LARGEST);
    }
  }
}
