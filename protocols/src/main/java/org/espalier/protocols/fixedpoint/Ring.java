package org.espalier.protocols.fixedpoint;

/**
 * Real numbers as residues modulo 2^bits with a fixed number of bits after the point: how opened
 * values travel under {@linkplain org.espalier.protocols.mask.ZeroSumMasks zero-sum masks}.
 *
 * @param bits width of a residue, 8 to 64
 * @param fraction bits after the point
 */
public record Ring(int bits, int fraction) {
  /** Logits: 6 bytes a row, range ±2^17, resolution 2^-30. */
  public static final Ring LOGITS = new Ring(48, 30);

  /** Inner products of directions: range ±2^19, resolution 2^-44. */
  public static final Ring SCALARS = new Ring(64, 44);

  public Ring {
    if (bits < 8 || bits > 64 || fraction < 0 || fraction >= bits - 1) {
      throw new IllegalArgumentException("ring of " + bits + " bits with " + fraction);
    }
  }

  /**
   * Nearest residue.
   *
   * @param x the value to encode
   * @param summands how many such values will be added before {@link #decode}
   * @throws RangeError if the sum might leave the range: never a silent overflow
   */
  public long encode(double x, int summands, String what) {
    double scaled = Math.rint(Math.scalb(x, fraction));
    if (!(Math.abs(scaled) * summands < Math.scalb(1.0, bits - 1))) {
      throw new RangeError(
          what
              + " is "
              + x
              + ": the sum over "
              + summands
              + " parties may leave the range of ±2^"
              + (bits - 1 - fraction));
    }
    return (long) scaled & mask();
  }

  /** The real number whose residue this is, in [-2^(bits-1-fraction), 2^(bits-1-fraction)). */
  public double decode(long residue) {
    int shift = 64 - bits;
    return Math.scalb((double) (residue << shift >> shift), -fraction);
  }

  /** (a + b) modulo 2^bits. */
  public long add(long a, long b) {
    return (a + b) & mask();
  }

  private long mask() {
    return bits == 64 ? -1L : (1L << bits) - 1;
  }

  /** A value does not fit the fixed-point range that the protocol proves its sums from. */
  public static final class RangeError extends RuntimeException {
    public RangeError(String message) {
      super(message);
    }
  }
}
