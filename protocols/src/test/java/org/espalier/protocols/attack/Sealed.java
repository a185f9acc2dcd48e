package org.espalier.protocols.attack;

import java.math.BigInteger;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Workspace;

/**
 * The formulas of level {@code sealed} (docs/protocols/sealed.md) without encryption: what is
 * inside the ciphertexts a party decrypts, and what it gets in clear.
 */
final class Sealed {
  /** The largest prime below 2^51 that is 1 modulo 16,384. */
  static final PrimeField FIELD = new PrimeField(prime());

  private Sealed() {}

  private static long prime() {
    long t = (1L << 51) - 16_384 + 1;
    while (!BigInteger.valueOf(t).isProbablePrime(64)) {
      t -= 16_384;
    }
    return t;
  }

  /** Coins that are the same in every run. */
  static Prg coins(int seed) {
    byte[] bytes = new byte[32];
    bytes[0] = (byte) seed;
    bytes[1] = (byte) (seed >> 8);
    return new Prg(bytes);
  }

  /** Residues of integers. */
  static long[] residues(long... values) {
    long[] out = new long[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = FIELD.residue(values[i]);
    }
    return out;
  }

  /**
   * A slice.
   *
   * @param x row-major
   */
  static IntegerMatrix matrix(int rows, int columns, int[] x) {
    return new IntegerMatrix(
        rows,
        columns,
        Workspace.inMemory(),
        (from, count, values) -> {
          for (int k = 0; k < count * columns; k++) {
            values[k] = (short) x[from * columns + k];
          }
        });
  }

  /**
   * The holder's σ = X·b − τ: all that it learns from a product, whatever b it encrypts.
   *
   * @param mask the owner's −τ is drawn from it
   */
  static long[] forward(IntegerMatrix x, long[] b, Prg mask) {
    return FIELD.difference(x.times(FIELD, b), FIELD.uniform(mask, x.rows()));
  }

  /** The holder's γ = Xᵀ·ρ − δ. */
  static long[] backward(IntegerMatrix x, long[] rho, Prg mask) {
    return FIELD.difference(x.transposeTimes(FIELD, rho), FIELD.uniform(mask, x.columns()));
  }
}
