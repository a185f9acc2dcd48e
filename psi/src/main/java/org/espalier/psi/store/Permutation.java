package org.espalier.psi.store;

import java.security.SecureRandom;
import java.util.BitSet;

/** A uniformly random order, from the system's secure generator. */
public final class Permutation {
  private static final int BUFFERED = 4096;

  private final int[] image;

  private Permutation(int[] image) {
    this.image = image;
  }

  /** Fisher-Yates with rejection: every order is equally likely. */
  public static Permutation random(int n, SecureRandom random) {
    int[] image = new int[n];
    byte[] buffer = new byte[4 * Math.max(1, Math.min(n, BUFFERED))];
    int used = buffer.length;
    for (int i = 0; i < n; i++) {
      long bound = i + 1L;
      long limit = (1L << 32) / bound * bound;
      long draw;
      do {
        if (used == buffer.length) {
          random.nextBytes(buffer);
          used = 0;
        }
        draw =
            (buffer[used] & 0xffL) << 24
                | (buffer[used + 1] & 0xffL) << 16
                | (buffer[used + 2] & 0xffL) << 8
                | (buffer[used + 3] & 0xffL);
        used += 4;
      } while (draw >= limit);
      int j = (int) (draw % bound);
      image[i] = image[j];
      image[j] = i;
    }
    java.util.Arrays.fill(buffer, (byte) 0);
    return new Permutation(image);
  }

  /**
   * The one that {@link #images} came from.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static Permutation of(int[] images) {
    BitSet seen = new BitSet(images.length);
    for (int image : images) {
      if (image < 0 || image >= images.length || seen.get(image)) {
        throw new IllegalArgumentException(
            "no permutation: " + image + " is there twice or beyond");
      }
      seen.set(image);
    }
    return new Permutation(images.clone());
  }

  /** Where each element goes. */
  public int[] images() {
    return image.clone();
  }

  /** Where element {@code i} goes. */
  public int to(int i) {
    return image[i];
  }

  public int size() {
    return image.length;
  }

  /** The way back. */
  public Permutation inverse() {
    int[] back = new int[image.length];
    for (int i = 0; i < image.length; i++) {
      back[image[i]] = i;
    }
    return new Permutation(back);
  }
}
