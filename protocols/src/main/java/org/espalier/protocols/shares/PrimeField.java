package org.espalier.protocols.shares;

import java.math.BigInteger;
import org.espalier.protocols.mask.Prg;

/**
 * Residues modulo a prime t of 20 to 57 bits: the ring of all additive shares. Vectors are {@code
 * long[]} with entries in [0, t).
 *
 * @param modulus t
 */
public record PrimeField(long modulus) {
  private static final int MAX_BITS = 57;

  public PrimeField {
    if (modulus < 1L << 19
        || modulus >= 1L << MAX_BITS
        || !BigInteger.valueOf(modulus).isProbablePrime(64)) {
      throw new IllegalArgumentException(modulus + " is not a prime of 20 to 57 bits");
    }
  }

  /** Bits of a residue on the wire. */
  public int bits() {
    return Long.SIZE - Long.numberOfLeadingZeros(modulus - 1);
  }

  /** The residue of any integer. */
  public long residue(long x) {
    long r = x % modulus;
    return r + (modulus & (r >> 63));
  }

  /** (a + b) mod t for residues. */
  public long add(long a, long b) {
    long sum = a + b - modulus;
    return sum + (modulus & (sum >> 63));
  }

  /** (a − b) mod t for residues. */
  public long subtract(long a, long b) {
    long difference = a - b;
    return difference + (modulus & (difference >> 63));
  }

  /**
   * a·b mod t for a residue a and any |b| below t.
   *
   * <p>The quotient is estimated in double precision: off by at most 2^57·2^-51, which leaves a
   * rest below 2^63, and once more, off by at most one.
   */
  public long multiply(long a, long b) {
    double t = modulus;
    long quotient = (long) ((double) a * (double) b / t);
    long rest = a * b - quotient * modulus;
    long correction = (long) (rest / t);
    rest -= correction * modulus;
    rest += modulus & (rest >> 63);
    rest -= modulus;
    return rest + (modulus & (rest >> 63));
  }

  /** The representative in [-(t-1)/2, (t-1)/2]. */
  public long centre(long residue) {
    return residue > modulus / 2 ? residue - modulus : residue;
  }

  /** Adds b to a in place. */
  public void addTo(long[] a, long[] b) {
    requireEqual(a, b);
    for (int i = 0; i < a.length; i++) {
      a[i] = add(a[i], b[i]);
    }
  }

  /** a − b as a new vector. */
  public long[] difference(long[] a, long[] b) {
    requireEqual(a, b);
    long[] out = new long[a.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = subtract(a[i], b[i]);
    }
    return out;
  }

  /** Adds factor·b to a in place; |factor| below t. */
  public void addMultiple(long[] a, long factor, long[] b) {
    requireEqual(a, b);
    for (int i = 0; i < a.length; i++) {
      a[i] = add(a[i], multiply(b[i], factor));
    }
  }

  /** A vector of uniform residues. */
  public long[] uniform(Prg random, int length) {
    long[] out = new long[length];
    for (int i = 0; i < length; i++) {
      out[i] = random.below(modulus);
    }
    return out;
  }

  /** Whether every entry lies in [0, t). */
  public boolean holds(long[] vector) {
    for (long value : vector) {
      if (value < 0 || value >= modulus) {
        return false;
      }
    }
    return true;
  }

  private static void requireEqual(long[] a, long[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(a.length + " and " + b.length + " residues");
    }
  }
}
