package org.espalier.psi.keys;

import java.security.DigestException;
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
  private final long[] tags;

  private KeyIndex(Builder b) {
    rows = b.rows;
    nulls = b.nulls;
    duplicates = b.duplicates;
    firstOriginal = b.firstOriginal;
    firstRepeat = b.firstRepeat;
    kept = b.kept;
    repeats = b.repeats;
    tags = b.tags;
  }

  /** Scans the table once. */
  public static KeyIndex of(KeySource source, MatchKey.Rule rule) {
    Builder builder = new Builder(source.rows());
    source.scan(rule.columns(), (row, values) -> builder.row(row, rule.encode(values)));
    if (builder.next != builder.rows) {
      throw new AlignmentException.SourceChanged(
          "%,d rows came of %,d".formatted(builder.next, builder.rows));
    }
    Repeats.find(builder.tags, builder.count, builder::repeat);
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
   * #distinctRows}. Made anew if keys repeat, otherwise the index's own, so that no copy is needed
   * of what may be large: whoever takes them may keep them, and must not change them.
   */
  public long[] tags() {
    int count = distinct();
    if (2 * count == tags.length) {
      return tags;
    }
    long[] distinct = new long[2 * count];
    int place = 0;
    int to = 0;
    for (int row = nextKey(0); row >= 0; row = nextKey(row + 1), place++) {
      if (kept.get(row)) {
        distinct[to++] = tags[2 * place];
        distinct[to++] = tags[2 * place + 1];
      }
    }
    return distinct;
  }

  /** The next row that has a key, or -1. */
  private int nextKey(int row) {
    int first = kept.nextSetBit(row);
    int repeat = repeats.nextSetBit(row);
    return repeat < 0 || (first >= 0 && first < repeat) ? first : repeat;
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
    private final BitSet kept;
    private final BitSet repeats = new BitSet();
    private final MessageDigest sha256 = Digests.sha256();
    private final byte[] hash = new byte[sha256.getDigestLength()];
    private final long[] tags;

    /** Of each tag; null as long as every row so far has one. */
    private int[] rowOf;

    private int count;
    private int next;
    private int nulls;
    private long duplicates;
    private int firstOriginal = -1;
    private int firstRepeat = -1;

    Builder(int rows) {
      this.rows = rows;
      tags = new long[Math.multiplyExact(2, rows)];
      kept = new BitSet(rows);
    }

    void row(int row, byte[] key) {
      if (row != next++ || row >= rows) {
        throw new AlignmentException.SourceChanged("row " + row + " came out of order");
      }
      if (key == null) {
        skip();
        return;
      }
      sha256.update(key);
      digest();
      tags[2 * count] = TagTable.high(hash, 0);
      tags[2 * count + 1] = TagTable.low(hash, 0);
      kept.set(row);
      if (rowOf != null) {
        rowOf[count] = row;
      }
      count++;
    }

    private void digest() {
      try {
        sha256.digest(hash, 0, hash.length);
      } catch (DigestException e) {
        throw new IllegalStateException(e);
      }
    }

    /** A row without a key. */
    private void skip() {
      if (nulls++ == 0) {
        rowOf = new int[rows];
        Arrays.setAll(rowOf, place -> place);
      }
    }

    private int rowOf(int place) {
      return rowOf == null ? place : rowOf[place];
    }

    void repeat(int place, int first) {
      int row = rowOf(place);
      kept.clear(row);
      repeats.set(row);
      duplicates++;
      if (firstRepeat < 0 || row < firstRepeat) {
        firstRepeat = row;
        firstOriginal = rowOf(first);
      }
    }
  }
}
