package org.espalier.protocols.prepare;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.stream.IntStream;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Digests;

/**
 * Into which of k parts people fall in cross-validation, equal at every party that knows the seed.
 * Sizes differ by at most one.
 */
public final class Folds {
  private static final byte[] USE = "espalier/folds".getBytes(StandardCharsets.US_ASCII);

  private final int[] folds;
  private final int count;

  private Folds(int[] folds, int count) {
    this.folds = folds;
    this.count = count;
  }

  /**
   * A uniformly random assignment (shuffle of Fisher and Yates; Knuth, The Art of Computer
   * Programming 2, 3.4.2, algorithm P).
   *
   * @param people how many, at least {@code count}
   * @param count k, 2 or more
   * @param seed bytes agreed between the parties; what is drawn is independent of what others draw
   *     from the same bytes
   */
  public static Folds of(int people, int count, byte[] seed) {
    if (count < 2 || people < count) {
      throw new IllegalArgumentException(people + " people in " + count + " folds");
    }
    MessageDigest digest = Digests.sha256();
    digest.update(USE);
    Prg random = new Prg(digest.digest(seed));
    int[] folds = IntStream.range(0, people).map(person -> person % count).toArray();
    for (int i = people - 1; i > 0; i--) {
      int j = (int) random.below(i + 1L);
      int other = folds[j];
      folds[j] = folds[i];
      folds[i] = other;
    }
    return new Folds(folds, count);
  }

  /** k. */
  public int count() {
    return count;
  }

  public int people() {
    return folds.length;
  }

  /**
   * The fold of a person.
   *
   * @return from 0
   */
  public int of(int person) {
    return folds[person];
  }

  /** How many people are in a fold. */
  public int size(int fold) {
    return folds.length / count + (fold < folds.length % count ? 1 : 0);
  }

  /** The people of a fold, ascending. */
  public int[] in(int fold) {
    return IntStream.range(0, folds.length).filter(person -> folds[person] == fold).toArray();
  }

  /** The others, ascending. */
  public int[] without(int fold) {
    return IntStream.range(0, folds.length).filter(person -> folds[person] != fold).toArray();
  }
}
