package org.espalier.psi.keys;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.BitSet;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.Digests;

/**
 * Which rows of a table take part in one rule: those with a usable key, once per key.
 *
 * <p>Keys are compared by 128 bits of SHA-256; two different keys in a table of 2^26 rows are taken
 * for one with probability below 2^-76.
 */
public final class KeyIndex {
  private final int rows;
  private final int nulls;
  private final long duplicates;
  private final int firstOriginal;
  private final int firstRepeat;
  private final BitSet kept;
  private final BitSet repeats;
  private final TagTable seen;

  private KeyIndex(Builder b) {
    rows = b.rows;
    nulls = b.nulls;
    duplicates = b.duplicates;
    firstOriginal = b.firstOriginal;
    firstRepeat = b.firstRepeat;
    kept = b.kept;
    repeats = b.repeats;
    seen = b.seen;
  }

  /** Scans the table once. */
  public static KeyIndex of(KeySource source, MatchKey.Rule rule) {
    Builder builder = new Builder(source.rows());
    source.scan(rule.columns(), (row, values) -> builder.row(row, rule.encode(values)));
    if (builder.next != builder.rows) {
      throw new AlignmentException.SourceChanged(
          "%,d rows came of %,d".formatted(builder.next, builder.rows));
    }
    return new KeyIndex(builder);
  }

  /** Rows in the table. */
  public int rows() {
    return rows;
  }

  /** Rows without a usable key. */
  public int nulls() {
    return nulls;
  }

  /** How many rows have a key that an earlier row has. */
  public long duplicates() {
    return duplicates;
  }

  /** The rows whose key an earlier row has. */
  public BitSet repeats() {
    return (BitSet) repeats.clone();
  }

  /** Distinct keys. */
  public int distinct() {
    return kept.cardinality();
  }

  /** The rows that have a usable key no earlier row has. */
  public BitSet distinctRows() {
    return (BitSet) kept.clone();
  }

  /**
   * 128 bits of SHA-256 of each distinct key, two longs each, in the order of {@link
   * #distinctRows}.
   */
  public long[] tags() {
    long[] tags = new long[2 * seen.size()];
    for (int i = 0; i < seen.size(); i++) {
      tags[2 * i] = seen.highAt(i);
      tags[2 * i + 1] = seen.lowAt(i);
    }
    return tags;
  }

  /**
   * Applies the policy.
   *
   * @param number of the rule, from 1
   * @throws AlignmentException.DuplicateKeys if there are some and the policy rejects them
   */
  public void check(int number, Duplicates policy) {
    if (duplicates > 0 && policy == Duplicates.REJECT) {
      throw new AlignmentException.DuplicateKeys(number, duplicates, firstOriginal, firstRepeat);
    }
  }

  private static final class Builder {
    private final int rows;
    private final TagTable seen;
    private final BitSet kept;
    private final BitSet repeats = new BitSet();
    private final MessageDigest sha256 = Digests.sha256();
    private int[] rowOf;
    private int next;
    private int nulls;
    private long duplicates;
    private int firstOriginal = -1;
    private int firstRepeat = -1;

    Builder(int rows) {
      this.rows = rows;
      seen = new TagTable(rows);
      kept = new BitSet(rows);
      rowOf = new int[Math.min(rows, 1024)];
    }

    void row(int row, byte[] key) {
      if (row != next++ || row >= rows) {
        throw new AlignmentException.SourceChanged("row " + row + " came out of order");
      }
      if (key == null) {
        nulls++;
        return;
      }
      byte[] hash = sha256.digest(key);
      int position = seen.size();
      int earlier = seen.add(TagTable.high(hash, 0), TagTable.low(hash, 0));
      if (earlier < 0) {
        kept.set(row);
        if (position == rowOf.length) {
          rowOf = Arrays.copyOf(rowOf, (int) Math.min(rows, 2L * rowOf.length));
        }
        rowOf[position] = row;
        return;
      }
      repeats.set(row);
      if (duplicates++ == 0) {
        firstOriginal = rowOf[earlier];
        firstRepeat = row;
      }
    }
  }
}
