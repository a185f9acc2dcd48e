package org.espalier.psi.oprf;

import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.MessageDigest;
import java.util.Objects;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.curve.HashToCurve;
import org.espalier.psi.curve.KeyBatch;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.curve.Slices;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Rounds;
import org.espalier.psi.store.TagTable;
import org.espalier.wire.Digests;

/**
 * The pseudorandom function of one list: the first 128 bits of SHA-256 over the list's id and X(k,
 * H(key)), where X is multiplication on Curve25519 with the server's secret k (2HashDH: Jarecki,
 * Kiayias, Krawczyk, ASIACRYPT 2014) and H hashes to the curve, bound to the id.
 */
final class ListFunction {
  /** Keys that are hashed and multiplied together. */
  static final int BATCH = ListMessages.Elements.CHUNK;

  private static final byte[] LIST = "psi-unbalanced/list".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] VALUE = "psi-unbalanced/value".getBytes(StandardCharsets.US_ASCII);

  private final byte[] id;
  private final HashToCurve hash;

  /**
   * @param id of the list, 32 bytes
   */
  ListFunction(byte[] id) {
    this.id = id.clone();
    MessageDigest sha256 = Digests.sha256();
    sha256.update(LIST);
    hash = new HashToCurve(HashToCurve.tag(sha256.digest(id)));
  }

  /** Takes some of the keys, masked. */
  @FunctionalInterface
  interface Masked {
    /**
     * @param first place of the first among all
     */
    void elements(int first, byte[] elements);
  }

  /** Reads the keys of some rows, hashes and masks them. */
  void mask(AlignmentJob job, KeySource source, int[] rows, Mask mask, Masked taker) {
    KeyBatch batch = new KeyBatch(Math.min(BATCH, rows.length));
    Rounds.readAgain(
        source,
        job.key().rules().get(0),
        rows,
        (at, key) -> {
          batch.add(key);
          if (batch.full() || at + 1 == rows.length) {
            byte[] elements = hash.encode(batch);
            if (mask.apply(elements) >= 0) {
              throw new IllegalStateException("a key hashed to an element of low order");
            }
            int first = at + 1 - batch.size();
            batch.clear();
            taker.elements(first, elements);
          }
        });
  }

  /**
   * The values of keys, from their elements under the server's mask alone, on all cores.
   *
   * @param values takes two longs for each
   * @param first place of the first value
   */
  void values(byte[] elements, long[] values, int first) {
    int count = elements.length / Mask.WIDTH;
    Objects.checkFromIndexSize(first, count, values.length / 2);
    Slices.lowest(
        count,
        (from, to) -> {
          MessageDigest sha256 = Digests.sha256();
          byte[] value = new byte[sha256.getDigestLength()];
          for (int i = from; i < to; i++) {
            sha256.update(VALUE);
            sha256.update(id);
            sha256.update(elements, i * Mask.WIDTH, Mask.WIDTH);
            try {
              sha256.digest(value, 0, value.length);
            } catch (DigestException e) {
              throw new IllegalStateException(e);
            }
            values[2 * (first + i)] = TagTable.high(value, 0);
            values[2 * (first + i) + 1] = TagTable.low(value, 0);
          }
          return -1;
        });
  }
}
