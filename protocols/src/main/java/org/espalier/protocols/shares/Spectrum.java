package org.espalier.protocols.shares;

/**
 * The harmonics that a {@link Series} has, or a pass sends: the first odd ones and the first even
 * ones.
 *
 * <p>A function f with f(P/2 − z) = f(z), or 2f(P/4) − f(z) if it is even, has odd harmonics only
 * (and a constant): a sigmoid that comes down again half a period later needs half as many terms as
 * one that stays up.
 *
 * @param odd how many odd ones: 1, 3, 5, …
 * @param even how many even ones: 2, 4, 6, …
 */
public record Spectrum(int odd, int even) {
  public Spectrum {
    if (odd < 1 || even < 0) {
      throw new IllegalArgumentException(odd + " odd and " + even + " even harmonics");
    }
  }

  /** 1 to K. */
  public static Spectrum all(int largest) {
    return new Spectrum((largest + 1) / 2, largest / 2);
  }

  /** How many there are. */
  public int size() {
    return odd + even;
  }

  /** K. */
  public int largest() {
    return Math.max(2 * odd - 1, 2 * even);
  }

  /**
   * One of them, the odd ones first.
   *
   * @param index from 0
   */
  int harmonic(int index) {
    return index < odd ? 2 * index + 1 : 2 * (index - odd + 1);
  }
}
