package org.espalier.psi.oprf;

/**
 * How the bins of a store share batches of correlations.
 *
 * @param count of batches
 * @param bins in each but the last
 * @param checked whether the store and the correlations are those of {@link VoleShape#checked}
 */
record Batches(OkvsShape store, int count, int bins, boolean checked) {
  /**
   * @param largest correlations in a batch, unless one bin needs more
   */
  static Batches of(OkvsShape store, int largest, boolean checked) {
    int most = Math.max(1, largest / store.width());
    int count = (store.bins() + most - 1) / most;
    int bins = (store.bins() + count - 1) / count;
    return new Batches(store, (store.bins() + bins - 1) / bins, bins, checked);
  }

  /** The first bin of a batch. */
  int first(int batch) {
    return batch * bins;
  }

  /** Bins of a batch. */
  int bins(int batch) {
    return Math.min(bins, store.bins() - first(batch));
  }

  VoleShape shape(int batch) {
    return VoleShape.of(bins(batch) * store.width(), checked);
  }
}
