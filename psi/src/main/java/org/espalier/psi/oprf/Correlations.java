package org.espalier.psi.oprf;

/**
 * What the receiver of one batch gets: c = b + Δ·a, where the sender has b and Δ.
 *
 * @param a elements of GF(2^64), one long each
 * @param c pairs, two longs each
 */
record Correlations(long[] a, long[] c) {}
