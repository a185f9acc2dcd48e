package org.espalier.psi.oprf;

/**
 * The sizes of one batch of vector oblivious linear evaluations.
 *
 * <p>Security is that of syndrome decoding with regular noise over GF(2^64) for the code of {@link
 * DualCode}. A linear test of relative weight {@link DualCode#DISTANCE} or more misses all of t
 * regular noise positions with probability at most (1 - distance)^t; t is chosen so that this is
 * below 2^-128. (Over GF(2), with noise that is always 1, a bias of (1 - 2 distance)^t is usual;
 * noise that is uniform in a larger field, or in one bit of it, has the larger one.) Guessing an
 * error-free information set succeeds with probability 2^-t at this rate; and the algebraic attack
 * on regular noise (Briaud, Øygarden, EUROCRYPT 2023) needs rates of about t^-1/2 or below, see
 * docs/protocols/psi-oprf.md.
 *
 * @param results correlations that come out
 * @param trees blocks of the noise vector, one noise position each
 * @param block elements of a block, a multiple of 4
 * @param depth levels of a tree with {@code block} leaves
 * @param checked a is in GF(2^128), and both parties prove what they send
 */
record VoleShape(int results, int trees, int block, int depth, boolean checked) {
  static final int SECURITY = 128;

  /** Noise positions: 546. */
  static final int TREES =
      (int) Math.ceil(SECURITY / -(Math.log(1 - DualCode.DISTANCE) / Math.log(2)));

  /** The fewest correlations that one batch makes. */
  static final int SMALLEST = 1 << 13;

  /** The most: 2^21 take about 100 MiB of heap at the receiver. */
  static final int LARGEST = 1 << 21;

  static VoleShape of(int wanted, boolean checked) {
    if (wanted < 1 || wanted > LARGEST) {
      throw new IllegalArgumentException(wanted + " correlations are not in 1.." + LARGEST);
    }
    int results = Math.max(SMALLEST, (wanted + 3) & ~3);
    int block = ((2 * results + TREES - 1) / TREES + 3) & ~3;
    return new VoleShape(
        results, TREES, block, 32 - Integer.numberOfLeadingZeros(block - 1), checked);
  }

  /** Longs of an element of a. */
  int width() {
    return checked ? 2 : 1;
  }

  /** Base correlations: one for each tree, and one for the check. */
  int correlations() {
    return trees + (checked ? 1 : 0);
  }

  /** Longs of the receiver's values for them. */
  int values() {
    return width() * correlations();
  }

  /** Longs for each base transfer: choices, values, and a mask of 128 bits for the check. */
  int column() {
    return words() + values() + (checked ? 2 : 0);
  }

  /** Elements of the noise vector. */
  int length() {
    return trees * block;
  }

  /** Nodes of a tree at a level; level 0 is the root. */
  int nodes(int level) {
    return ((block - 1) >>> (depth - level)) + 1;
  }

  /** Oblivious transfers: one for each level of each tree. */
  int transfers() {
    return trees * depth;
  }

  /** Longs that hold a bit for each transfer. */
  int words() {
    return (transfers() + 63) / 64;
  }
}
