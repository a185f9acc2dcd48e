package org.espalier.protocols.glm;

import java.util.List;
import org.espalier.protocols.mask.Prg;

/**
 * Where a party keeps what every complete pass of a training left to it, so that another attempt of
 * the same job on the same people goes on from there. All of it is the party's own, was opened to
 * it, or is its share of what nobody knows; keys, masks and the noise of passes are never kept.
 */
public interface PassStore {
  /** Keeps nothing. */
  PassStore NONE =
      new PassStore() {
        @Override
        public List<Kept> kept() {
          return List.of();
        }

        @Override
        public void keep(int pass, Kept what) {}

        @Override
        public void forget() {}

        @Override
        public byte[] secret() {
          return Prg.freshSeed();
        }
      };

  /**
   * One pass.
   *
   * @param vector of the label party n opened logits; of a feature party its d numbers of the new
   *     direction, on the prepared features: the secret basis is another in each attempt, which
   *     changes no inner product
   * @param products of the label party, inner products of the new direction with all so far, itself
   *     last; of a feature party empty
   * @param penalties the same of the penalty products
   * @param figures of the label party objective, gap, gain, length of the gradient and seconds of
   *     the pass; of a feature party empty
   * @param shares of a pass at level {@code sealed}, whose other parts are as {@link SealedPast}
   *     has them; otherwise empty
   */
  record Kept(
      double[] vector, double[] products, double[] penalties, double[] figures, long[] shares) {
    /** Of a level that holds nothing in shares. */
    public Kept(double[] vector, double[] products, double[] penalties, double[] figures) {
      this(vector, products, penalties, figures, new long[0]);
    }
  }

  /** What earlier attempts kept, passes in order from the first, without gaps. */
  List<Kept> kept();

  /**
   * Keeps a pass; durable on return. What was kept of later ones is forgotten.
   *
   * @param pass its number, 1 and up
   */
  void keep(int pass, Kept what);

  /** Forgets all passes. */
  void forget();

  /**
   * 32 bytes that nobody else knows, the same in all attempts that may go on from what is kept
   * here.
   */
  byte[] secret();
}
