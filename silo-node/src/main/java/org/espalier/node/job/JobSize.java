package org.espalier.node.job;

/**
 * How large a job is. Parties are numbered in the order of protocols, the label party first.
 *
 * @param keys rows of each party's data set
 * @param cohort people in all of them
 * @param training how many of these are trained on; of a training the others are held out
 * @param columns prepared columns of each party
 */
record JobSize(long[] keys, int cohort, int training, int[] columns) {
  int holdout() {
    return cohort - training;
  }
}
