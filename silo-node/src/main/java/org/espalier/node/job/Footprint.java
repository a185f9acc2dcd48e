package org.espalier.node.job;

import org.espalier.node.config.SiloConfig;
import org.espalier.psi.ecdh.EcdhCost;

/**
 * About how much room a job takes at a party.
 *
 * @param memory of the node's process at its peak, bytes
 * @param disk in its folder at its peak, bytes
 * @param kept of that when the job is over: the cohort, scores, model, report and log
 */
record Footprint(long memory, long disk, long kept) {
  /** Java and the encryption library. */
  private static final long RUNTIME = 200L << 20;

  /** Vectors prepared ahead of passes. */
  private static final long VECTORS = 256L << 20;

  /** A column as it is read and as it is prepared. */
  private static final long PER_VALUE = 2 * Double.BYTES;

  /** Events of the log, with their proofs, and entries of the database. */
  private static final long RECORDS = 128L << 10;

  /** The database's journal, which grows to this and is then used again. */
  private static final long JOURNAL = 4L << 20;

  /** A line of scores: a number in full. */
  private static final long SCORE = 20;

  /**
   * @param party number, 0 the label party
   * @param config of this node, whose limit of memory the others are taken to have, too
   */
  static Footprint of(
      JobSpec spec,
      long[] keys,
      long cohort,
      long training,
      int[] columns,
      int party,
      SiloConfig config) {
    long align = EcdhCost.heap(keys);
    long data = PER_VALUE * cohort * columns[party];
    long slice =
        spec instanceof TrainSpec train && train.training().level().equals(TrainSpec.SEALED)
            ? Short.BYTES * training * columns[party]
            : 0;
    boolean mapped = slice > config.sliceMemory();
    long train = data + (training > 0 ? VECTORS : 0) + (mapped ? 0 : slice);
    long kept = RECORDS + cohort * (2 * digits(cohort) + 9);
    kept += party == 0 ? scored(spec, cohort, training) * (digits(cohort) + SCORE) : 0;
    long temporary = JOURNAL + Math.max(EcdhCost.disk(keys, party), mapped ? slice : 0);
    return new Footprint(RUNTIME + Math.max(align, train), kept + temporary, kept);
  }

  private static long scored(JobSpec spec, long cohort, long training) {
    if (spec instanceof TrainSpec train) {
      return train.evaluation().revealsScores() ? cohort - training : 0;
    }
    return cohort;
  }

  private static int digits(long number) {
    return Long.toString(number).length();
  }
}
