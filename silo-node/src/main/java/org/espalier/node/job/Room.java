package org.espalier.node.job;

import java.util.Optional;
import org.espalier.node.config.SiloConfig;
import org.espalier.protocols.cost.Footprint;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.psi.ecdh.EcdhCost;
import org.espalier.psi.oprf.ManyCost;
import org.espalier.psi.oprf.OprfCost;
import org.espalier.psi.oprf.UnbalancedCost;

/**
 * About how much room a job takes at a party.
 *
 * @param memory of the node's process at its peak, bytes
 * @param disk in its folder at its peak, bytes
 * @param kept of that when the job is over: the cohort, scores, model, report and log
 */
record Room(long memory, long disk, long kept) {
  /**
   * What a node has beside a process that only computes: its server, database and log, messages on
   * their way, and what the measurement of the machine left. Two nodes with 3,000 people had 280
   * and 470 MiB more than such a process, with a heap of 1 GiB.
   */
  private static final long NODE = 300L << 20;

  /** Events of the log, with their proofs, and entries of the database. */
  private static final long RECORDS = 128L << 10;

  /** The database's journal, which grows to this and is then used again. */
  private static final long JOURNAL = 4L << 20;

  /** A line of scores: a number in full. */
  private static final long SCORE = 20;

  /**
   * @param cost of the training, if it is one
   * @param party number, 0 the label party
   * @param config of this node; the others' are taken to be like it
   */
  static Room of(
      JobSpec spec, JobSize size, Optional<TrainingCost> cost, int party, SiloConfig config) {
    boolean oprf = spec.alignment().usesOprf();
    boolean frozen = spec.alignment().isFrozen();
    boolean list = spec.alignment().usesList();
    Footprint align =
        Footprint.ofHeap(
            frozen
                ? (long) Integer.BYTES * size.cohort()
                : list
                    ? list(size).heap(party == 0)
                    : oprf ? oprf(spec, size.keys(), party) : EcdhCost.heap(size.keys()));
    // Raw columns; of those that are prepared the cost of a training knows.
    long values = (long) size.cohort() * size.columns()[party] * Double.BYTES;
    Footprint then =
        cost.map(training -> training.footprint(party).plus(Footprint.ofHeap(values)))
            .orElse(Footprint.ofHeap(2 * values));
    long memory = NODE + align.max(then).resident(Runtime.getRuntime().maxMemory());
    long kept = RECORDS + size.cohort() * (2L * digits(size.cohort()) + 9);
    kept += party == 0 ? scored(spec, size) * (digits(size.cohort()) + SCORE) : 0;
    kept += frozen ? 0 : (long) Integer.BYTES * size.cohort();
    kept += list ? list(size).kept(party == 0) : 0;
    boolean ecdh = !(oprf || frozen || list);
    long spilled = ecdh ? EcdhCost.disk(size.keys(), party) : 0;
    long begun = ecdh ? EcdhCost.kept(size.keys(), party) : 0;
    long temporary = JOURNAL + begun + Math.max(spilled, then.file());
    return new Room(memory, kept + temporary, kept);
  }

  /**
   * With the own keys, which are read and sorted before the alignment and kept for later ones.
   *
   * @param keys of all rules together
   */
  Room comparing(long keys) {
    long file = keys * Long.BYTES;
    long sorting = NODE + Footprint.ofHeap(3 * file).resident(Runtime.getRuntime().maxMemory());
    return new Room(Math.max(memory, sorting), disk + file, kept + file);
  }

  /** As if it were made, which takes most. */
  private static UnbalancedCost list(JobSize size) {
    return new UnbalancedCost((int) size.keys()[0], (int) size.keys()[1], false);
  }

  private static long oprf(JobSpec spec, long[] keys, int party) {
    return keys.length == 2
        ? new OprfCost((int) keys[0], (int) keys[1], spec.alignment().isMalicious())
            .heap(party == 0)
        : new ManyCost(keys).heap(party);
  }

  private static long scored(JobSpec spec, JobSize size) {
    if (spec instanceof TrainSpec train) {
      return train.evaluation().revealsScores() ? size.holdout() : 0;
    }
    return size.cohort();
  }

  private static int digits(int number) {
    return Integer.toString(number).length();
  }
}
