package org.espalier.protocols.predict;

import java.util.Objects;
import org.espalier.he.KeyPair;
import org.espalier.he.Parameters;
import org.espalier.protocols.mask.Prf;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.shares.IntegerMatrix;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.protocols.shares.Workspace;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;

/**
 * A party's half of a model whose weights nobody has: its own share of the weights of its own
 * columns modulo t, and the other share as the other party encrypted it once, at the end of
 * training ({@link Pinned}).
 *
 * @param parameters of the pinned ciphertexts; their t is the shares' modulus
 * @param width of a tile
 * @param featureBits bits after the point of a whitened feature
 * @param logitBits of a logit
 * @param whitening from prepared features to whitened ones, d × d
 * @param intercept whether the last share is that of the intercept
 * @param share one residue for each whitened feature, and the intercept's
 * @param keySeed of the key under which this party encrypted its share of others' weights; empty if
 *     it has none
 * @param pinned the other share of the own weights
 * @param unit by which a logit is multiplied, and
 * @param mean which is added: 1 and 0 but at the label party of a linear model
 * @param noiseKey 32 secret bytes of which, with a row, the noise on its score is a function; empty
 *     at the label party
 */
public record SharedWeights(
    Parameters parameters,
    int width,
    int featureBits,
    int logitBits,
    Matrix whitening,
    boolean intercept,
    long[] share,
    byte[] keySeed,
    Pinned.Vector pinned,
    double unit,
    double mean,
    byte[] noiseKey) {
  private static final int NOISE_KEY_BYTES = 32;

  public SharedWeights {
    Objects.requireNonNull(pinned);
    int features = whitening.rows();
    require(whitening.columns() == features, "the whitening is not square");
    require(width >= 1 && width <= 64 && Integer.bitCount(width) == 1, "a width of " + width);
    require(featureBits >= 1 && featureBits <= 14, featureBits + " bits of a feature");
    require(logitBits > featureBits && logitBits < 60, logitBits + " bits of a logit");
    require(share.length == features + (intercept ? 1 : 0), share.length + " shares");
    require(new PrimeField(parameters.plain()).holds(share), "a share is not a residue");
    require(keySeed.length == 0 || keySeed.length == KeyPair.SEED_BYTES, "the key's seed");
    require(
        pinned.ciphertexts().size() == (share.length + width - 1) / width,
        pinned.ciphertexts().size() + " pinned ciphertexts");
    require(noiseKey.length == (intercept ? 0 : NOISE_KEY_BYTES), "the noise's key");
    require(Double.isFinite(unit) && unit > 0 && Double.isFinite(mean), "the outcome's scale");
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException("shared weights: " + what + " does not fit");
    }
  }

  /** Some rows as integers, an intercept's ones beside them. */
  IntegerMatrix rows(Matrix prepared, int from, int count) {
    int features = prepared.columns();
    double[] some = new double[count * features];
    System.arraycopy(prepared.values(), from * features, some, 0, some.length);
    double[] whitened = new Matrix(count, features, some).times(whitening).values();
    int columns = share.length;
    return new IntegerMatrix(
        count,
        columns,
        Workspace.inMemory(),
        (first, rows, values) -> {
          for (int i = 0; i < rows; i++) {
            for (int j = 0; j < features; j++) {
              values[i * columns + j] = integer(whitened[(first + i) * features + j]);
            }
            if (intercept) {
              values[i * columns + features] = (short) (1 << featureBits);
            }
          }
        });
  }

  /** To the nearest: the same person always has the same score. */
  private short integer(double x) {
    double scaled = Math.rint(Math.scalb(x, featureBits));
    if (!(Math.abs(scaled) <= Short.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "a value is so far from those of the training that the shared model cannot score it");
    }
    return (short) scaled;
  }

  /**
   * Adds uniform noise to scores, which leaves so many bits after the point. It is a function of
   * the row: scoring a person again gives the same score and averages nothing out.
   *
   * @param rows as {@link #rows} makes them, row-major
   * @param scores one share a row
   */
  void addNoise(int[] rows, long[] scores, int resolution) {
    PrimeField field = new PrimeField(parameters.plain());
    Prf prf = new Prf(noiseKey);
    int columns = share.length;
    int bits = logitBits - resolution;
    for (int i = 0; i < scores.length; i++) {
      Encoder row = new Encoder();
      for (int j = 0; j < columns; j++) {
        row.putInt(rows[i * columns + j]);
      }
      long drawn = new Decoder(prf.seed("noise on a score", 0, row.toByteArray())).getLong("noise");
      scores[i] = field.add(scores[i], field.residue(Prg.centred(drawn, bits)));
    }
  }

  /** Says nothing of its content. */
  @Override
  public String toString() {
    return "SharedWeights[" + share.length + " shares]";
  }
}
