package org.espalier.protocols.neural;

import java.util.Arrays;
import org.espalier.protocols.mask.Prg;

/**
 * The cohort in a random order that all parties derive from the job, cut into batches that stay the
 * same in all epochs: products with a batch are prepared for many epochs at once.
 */
final class Batches {
  private final int[] order;
  private final int count;

  Batches(SourceJob job) {
    this.count = count(job.rows(), job.spec());
    this.order = new Prg(job.session().bind("neural batches")).permutation(job.rows());
  }

  /** How many batches there are. */
  static int count(int rows, SourceSpec spec) {
    return Math.max(1, (int) Math.round((double) rows / spec.batchRows()));
  }

  /** Rows of the largest of some batches. */
  static int mostRows(int rows, int count) {
    return (rows + count - 1) / count;
  }

  int count() {
    return count;
  }

  /** Where a batch begins in the order; the first ones may have a row more than the last. */
  int from(int batch) {
    return batch * (order.length / count) + Math.min(batch, order.length % count);
  }

  int rows(int batch) {
    return from(batch + 1) - from(batch);
  }

  int mostRows() {
    return mostRows(order.length, count);
  }

  /** The cohort's row at a place of the order. */
  int row(int place) {
    return order[place];
  }

  /** The cohort's rows of a batch. */
  int[] cohort(int batch) {
    return Arrays.copyOfRange(order, from(batch), from(batch + 1));
  }
}
