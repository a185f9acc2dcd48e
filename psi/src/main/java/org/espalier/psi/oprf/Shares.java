package org.espalier.psi.oprf;

/**
 * One party's shares of zero: for each key, the sum of pseudorandom values under secrets that it
 * has in common with each of the others. Those of all parties for one key add up to zero, as each
 * value is there twice; those of fewer are random to whoever lacks the secret of two parties, one
 * of them left out (Kolesnikov, Matania, Pinkas, Rosulek, Trieu: Practical Multi-party Private Set
 * Intersection from Symmetric-Key Techniques, CCS 2017).
 */
final class Shares {
  private final byte[][] secrets;

  /**
   * @param secrets 16 bytes or more, of which the first 16 count; one for each other party
   */
  Shares(byte[][] secrets) {
    this.secrets = secrets;
  }

  /**
   * Adds the shares of consecutive keys.
   *
   * @param to index of the first key's value
   */
  void add(Keys keys, int from, int count, long[] values, int to) {
    long[] hashed = new long[2 * count];
    for (byte[] secret : secrets) {
      keys.hash(Blocks.permutation(secret), from, count, hashed, 0);
      for (int i = 0; i < count; i++) {
        values[to + i] ^= hashed[2 * i];
      }
    }
  }
}
