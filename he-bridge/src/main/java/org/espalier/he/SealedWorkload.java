package org.espalier.he;

/**
 * What the products of level {@code sealed} have to carry.
 *
 * @param plainBits of t, 40 to 57
 * @param rowL1 largest Σ_j |x_ij| over all rows, in integer units
 * @param columnL1 largest Σ_i |x_ij| over all columns
 * @param slotFactors most products that are added up in a slot
 * @param openedBits bits of values that depend on decryptions and are opened in the end
 */
public record SealedWorkload(
    int plainBits, long rowL1, long columnL1, int slotFactors, int openedBits) {
  public SealedWorkload {
    if (plainBits < 40 || plainBits > 57) {
      throw new IllegalArgumentException("a plaintext modulus of " + plainBits + " bits");
    }
    if (rowL1 < 1 || columnL1 < 1 || slotFactors < 1 || openedBits < 1) {
      throw new IllegalArgumentException(
          "a workload needs bounds: "
              + rowL1
              + ", "
              + columnL1
              + ", "
              + slotFactors
              + ", "
              + openedBits);
    }
  }
}
