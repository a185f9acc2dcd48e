package org.espalier.psi.oprf;

import java.util.Arrays;
import java.util.List;

/**
 * What one rule of an alignment of three and more parties by {@link OprfAlignment} takes, from the
 * lengths of the lists alone; see {@link OprfCost} for what it has in common with one of two.
 */
public final class ManyCost {
  /** Each sender to those of higher number, once in a run. */
  public static final long SHARE = Messages.Share.LIMIT;

  private final int[] counts;
  private final OkvsShape store;
  private final Batches plan;

  /**
   * @param keys of each party, the receiver's first; none count as 1
   */
  public ManyCost(long[] keys) {
    counts = Arrays.stream(keys).mapToInt(n -> (int) Math.max(1, n)).toArray();
    store = RuleRun.store(counts, RuleRun.RECEIVER);
    plan = Batches.of(store, VoleShape.LARGEST, false);
  }

  /** Batches of correlations with each sender. */
  public int batches() {
    return plan.count();
  }

  /** The receiver to each sender, for each batch. */
  public long correction(int batch) {
    return Messages.Batch.limit(Vole.correctionBytes(plan.shape(batch)));
  }

  /** A sender's answer. */
  public long trees(int batch) {
    return Messages.Batch.limit(Vole.treeBytes(plan.shape(batch)));
  }

  /** Messages of {@link #table} bytes that the receiver and each sender exchange for a batch. */
  public int tables(int batch) {
    return plan.bins(batch);
  }

  /** Bytes of a message with a bin of one party's store. */
  public long table(int party) {
    return Messages.Table.limit(RuleRun.store(counts, party), false);
  }

  /** The receiver to each sender, if the minimum is reached. */
  public List<Long> values(long people) {
    return OprfCost.values(ManySender.cohortCode((int) people, counts));
  }

  /** About how many bytes of heap a party needs. */
  public long heap(int party) {
    boolean atReceiver = party == RuleRun.RECEIVER;
    // Leaves and noise of a batch, and stores of it; scratch of the cores.
    long batch = (long) plan.shape(0).length() * (atReceiver ? 24 : 16);
    long stores = (atReceiver ? 2 : 1) * table(party) * plan.bins(0);
    long own = counts[party];
    return Math.max(own * OprfCost.PER_ROW, own * OprfCost.PER_KEY + batch + stores);
  }
}
