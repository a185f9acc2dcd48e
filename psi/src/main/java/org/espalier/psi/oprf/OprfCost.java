package org.espalier.psi.oprf;

import java.util.ArrayList;
import java.util.List;

/**
 * What one rule of an alignment of two parties by {@link OprfAlignment} takes, from the lengths of
 * the lists alone, for who wants to know before it begins. Bytes are those of messages' contents,
 * without frames; opening and end are those of every protocol.
 *
 * @param receiver keys of the first party; none count as 1
 * @param sender keys of the other
 * @param checked whether either may deviate, see {@link OprfAlignment#againstDeviation}
 */
public record OprfCost(int receiver, int sender, boolean checked) {
  /** The receiver's part of the base transfers, once in a run. */
  public static final long POINT = Messages.Point.LIMIT;

  /** The sender's part. */
  public static final long CHOICES = Messages.Choices.LIMIT;

  /** The receiver to the sender, first in a rule. */
  public static final long SEED = Messages.Seed.LIMIT;

  /** With {@link #checked}: the receiver's part of a coin, and both messages of the sender's. */
  public static final long COIN = Messages.Coin.LIMIT;

  /** With {@link #checked}, for each batch: the receiver's challenge, and the sender's proof. */
  public static final long CHECK = Messages.Batch.limit(Vole.CHECK);

  /** Hashes that a receiver that deviates is taken to compute: 2^80. */
  private static final int QUERIES = 80;

  /** Bytes of heap for a row of the own table, while its keys are read and sorted into bins. */
  static final int PER_ROW = 68;

  /** For a key, when values are sorted. */
  static final int PER_KEY = 56;

  /** For a key's part of the last hash that is not sent. */
  private static final int PER_SECRET = 16;

  public OprfCost {
    receiver = Math.max(1, receiver);
    sender = Math.max(1, sender);
  }

  private Batches plan() {
    return Batches.of(OkvsShape.of(receiver), VoleShape.LARGEST, checked);
  }

  /**
   * How many keys a receiver that deviates can at most look up at the sender, who believes that
   * they are {@link #receiver}; with {@link #checked}, and if it computes at most 2^80 hashes.
   */
  public long mostKeys() {
    return OkvsShape.of(receiver).mostKeys(128, QUERIES);
  }

  /** Batches of correlations. */
  public int batches() {
    return plan().count();
  }

  /** The receiver to the sender, for each batch. */
  public long correction(int batch) {
    return Messages.Batch.limit(Vole.correctionBytes(plan().shape(batch)));
  }

  /** The sender's answer. */
  public long trees(int batch) {
    return Messages.Batch.limit(Vole.treeBytes(plan().shape(batch)));
  }

  /** Messages of {@link #table} bytes with which the receiver uses up a batch. */
  public int tables(int batch) {
    return plan().bins(batch);
  }

  /** Bytes of each. */
  public long table() {
    return Messages.Table.limit(plan().store(), checked);
  }

  /**
   * The sender's values. How many each message has is random; their number and sum are not, but for
   * some bytes of rounding.
   */
  public List<Long> values() {
    return values(Outputs.Code.of(receiver, sender, checked));
  }

  static List<Long> values(Outputs.Code code) {
    int low = code.low();
    List<Long> bytes = new ArrayList<>();
    for (int first = 0; first < code.buckets(); first += Outputs.CHUNK) {
      long buckets = code.bucketsFrom(first);
      long count = Math.round((double) code.count() * buckets / code.buckets());
      long words = (count + buckets + 63) / 64;
      long packed = (count * (64 - code.bucketBits()) + 7) / 8 + (count * low + 7) / 8;
      bytes.add(12 + 8 * words + packed + (low > 0 ? 4 : 0));
    }
    return bytes;
  }

  /** The receiver's answer, if the minimum is reached. */
  public List<Long> members() {
    List<Long> bytes = new ArrayList<>();
    for (int first = 0; first < sender; first += Messages.Members.CHUNK) {
      long count = Math.min(Messages.Members.CHUNK, sender - first);
      bytes.add(8 + 8 * ((count + 63) / 64));
    }
    return bytes;
  }

  /** About how many bytes of heap the receiver, or the sender, needs. */
  public long heap(boolean atReceiver) {
    long own = atReceiver ? receiver : sender;
    // Leaves and noise of a batch, and the next one's leaves at the sender; scratch of the cores.
    long batch = (long) plan().shape(0).length() * (atReceiver ? (checked ? 32 : 24) : 32);
    return Math.max(own * PER_ROW, own * (PER_KEY + (checked ? PER_SECRET : 0)) + batch);
  }
}
