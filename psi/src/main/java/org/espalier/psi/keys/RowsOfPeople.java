package org.espalier.psi.keys;

import java.security.DigestException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.BitSet;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.Digests;

/**
 * All rows of the first party's table that belong to the people of a cohort, which was aligned with
 * {@link Duplicates#ALL}. It computes them by itself after the alignment, so that no other party
 * learns how many rows anybody has.
 *
 * <p>A person's rows are those with the key by which it was found, in the rule that found it, but
 * for rows that belong to somebody whom an earlier rule found.
 *
 * @param rows of the table, person after person, ascending in each; not copied, not to be changed
 * @param people of each row its person's place in the cohort, ascending; every place is there
 */
@SuppressWarnings("ArrayRecordComponent") // as large as a data set has rows
public record RowsOfPeople(int[] rows, int[] people) {
  private static final int NOBODY = -1;

  /**
   * Reads the table once for each rule that found somebody; 16 bytes of heap for each row, 40 for
   * each person.
   *
   * @param source as it was when it was aligned
   * @param cohort rows by which people were found and how many each rule found
   * @throws AlignmentException.SourceChanged if one of the cohort's rows has no key now
   */
  public static RowsOfPeople of(KeySource source, MatchKey key, Alignment cohort) {
    int[] found = cohort.rows();
    int[] byRule = cohort.matchedByRule();
    int[] personOf = new int[source.rows()];
    Arrays.fill(personOf, NOBODY);
    int from = 0;
    for (int rule = 0; rule < byRule.length; rule++) {
      if (byRule[rule] > 0) {
        assign(source, key.rules().get(rule), found, from, from + byRule[rule], personOf);
      }
      from += byRule[rule];
    }
    return inOrder(personOf, found.length);
  }

  private static void assign(
      KeySource source, MatchKey.Rule rule, int[] found, int from, int to, int[] personOf) {
    Tags tags = new Tags(source.rows());
    source.scan(rule.columns(), (row, values) -> tags.put(row, rule.encode(values)));
    TagTable people = new TagTable(to - from);
    for (int person = from; person < to; person++) {
      int row = found[person];
      if (!tags.there.get(row) || people.add(tags.halves[2 * row], tags.halves[2 * row + 1]) >= 0) {
        throw new AlignmentException.SourceChanged("the key of row %,d".formatted(row + 1L));
      }
    }
    for (int row = tags.there.nextSetBit(0); row >= 0; row = tags.there.nextSetBit(row + 1)) {
      if (personOf[row] == NOBODY) {
        int place = people.find(tags.halves[2 * row], tags.halves[2 * row + 1]);
        personOf[row] = place < 0 ? NOBODY : from + place;
      }
    }
  }

  private static RowsOfPeople inOrder(int[] personOf, int size) {
    int[] next = new int[size + 1];
    for (int person : personOf) {
      if (person != NOBODY) {
        next[person + 1]++;
      }
    }
    for (int person = 0; person < size; person++) {
      next[person + 1] += next[person];
    }
    int[] rows = new int[next[size]];
    int[] people = new int[rows.length];
    for (int row = 0; row < personOf.length; row++) {
      int person = personOf[row];
      if (person != NOBODY) {
        people[next[person]] = person;
        rows[next[person]++] = row;
      }
    }
    return new RowsOfPeople(rows, people);
  }

  /** 128 bits of SHA-256 of each row's key, as {@link KeyIndex} compares them. */
  private static final class Tags {
    private final long[] halves;
    private final BitSet there;
    private final MessageDigest sha256 = Digests.sha256();
    private final byte[] hash = new byte[sha256.getDigestLength()];

    Tags(int rows) {
      halves = new long[Math.multiplyExact(2, rows)];
      there = new BitSet(rows);
    }

    void put(int row, byte[] key) {
      if (key == null) {
        return;
      }
      sha256.update(key);
      try {
        sha256.digest(hash, 0, hash.length);
      } catch (DigestException e) {
        throw new IllegalStateException(e);
      }
      halves[2 * row] = TagTable.high(hash, 0);
      halves[2 * row + 1] = TagTable.low(hash, 0);
      there.set(row);
    }
  }
}
