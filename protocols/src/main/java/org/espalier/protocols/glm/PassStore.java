package org.espalier.protocols.glm;

import java.util.List;

/**
 * Where a party keeps what every complete pass of a training left to it, so that another attempt of
 * the same job on the same people goes on from there. All of it is the party's own or was opened to
 * it; keys, masks and noise are never kept.
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
   */
  record Kept(double[] vector, double[] products, double[] penalties, double[] figures) {}

  /** What earlier attempts kept, passes in order from the first, without gaps. */
  List<Kept> kept();

  /**
   * Keeps a pass; durable on return. What was kept of later ones is forgotten.
   *
   * @param pass its number, 1 and up
   */
  void keep(int pass, Kept what);
}
