package org.espalier.protocols.glm;

import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.espalier.protocols.glm.SealedPlan.Part;
import org.espalier.protocols.glm.SealedPlan.Shape;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.privacy.GaussianPrivacy;
import org.espalier.protocols.privacy.LabelPrivacy;
import org.espalier.protocols.shares.PrimeField;
import org.espalier.wire.Party;

/**
 * What keeps a training at level {@code sealed} label differentially private.
 *
 * <p>Outcomes enter the gradient of a logistic loss in one place: Xᵀ(mean of the logits) − Xᵀy. So
 * all gradients of all passes over a part of the rows depend on outcomes by the one vector Xᵀy, of
 * which a person's outcome moves one person's row. The label party adds one vector of Gaussian
 * noise to it, drawn once for each part and added to its share of every gradient of that part:
 * whatever follows is computed from the noised vector, and however many passes there are, nothing
 * more is told. (Where gradients are noised anew in every pass the budget is shared among passes.)
 * Every person is in one part. Sources: objective perturbation as in Chaudhuri, Monteleoni and
 * Sarwate (JMLR 2011), in the form that the linear role of outcomes allows; label differential
 * privacy: Chaudhuri and Hsu (COLT 2011).
 *
 * <p>Beside that the mean loss is opened at the end of each stage, to the first feature party as
 * well: it has a tenth of the budget's μ².
 */
final class LabelNoise {
  /** Of the budget's μ², for opened losses. */
  private static final double FOR_LOSSES = 0.1;

  /** A curvature of the mean loss along a whitened column that is usual: that of odds of 1 to 5. */
  private static final double USUAL_CURVATURE = 0.14;

  /** Noise on a typical person's log-odds beyond which no model is worth anything. */
  private static final double MOST_LOGIT_NOISE = 5;

  private final LabelPrivacy privacy;
  private final GaussianPrivacy budget;
  private final double longestRow;
  private final double gradientDeviation;
  private final double lossRows;
  private final double logitNoise;

  /**
   * @param shapes label party first, its intercept and outcome column included
   * @param losses opened at most; one outcome moves each by what noise worth a row is
   * @throws IllegalArgumentException if nothing of use would be left
   */
  LabelNoise(
      LabelPrivacy privacy,
      int rows,
      double l2,
      SealedScale scale,
      List<Shape> shapes,
      int losses) {
    this.privacy = privacy;
    this.budget = privacy.budget();
    int columns = shapes.stream().mapToInt(Shape::columns).sum() - SealedSlice.LABEL_EXTRA;
    // Rounding moves each of a row's integers by less than one; the intercept's is exact.
    double unit = Math.scalb(1.0, scale.featureBits());
    double length = Math.sqrt(columns) * (privacy.clip() * unit + 1);
    this.longestRow = Math.hypot(length, unit);
    double forGradients = budget.mu() * Math.sqrt(1 - FOR_LOSSES);
    this.gradientDeviation = Math.scalb(longestRow / forGradients, scale.residualBits());
    this.lossRows = Math.sqrt(losses / FOR_LOSSES) / budget.mu();
    this.logitNoise =
        longestRow / unit / forGradients * Math.sqrt(columns) / (rows * (USUAL_CURVATURE + l2));
    if (logitNoise > MOST_LOGIT_NOISE) {
      throw new IllegalArgumentException(
          ("label_privacy: with ε = %s and %,d people noise would move everybody's log-odds by about"
                  + " %.1f: nothing of use is left. Take a larger epsilon, a larger l2, fewer columns"
                  + " or more people")
              .formatted(privacy.epsilon(), rows, logitNoise));
    }
  }

  /** Length that one person's integers of all parties, the intercept's included, have at most. */
  double longestRow() {
    return longestRow;
  }

  /** Deviation of the label party's noise on an opened loss, in rows. */
  double lossRows() {
    return lossRows;
  }

  /** What is told of outcomes, losses included. */
  GaussianPrivacy budget() {
    return budget;
  }

  /** For the receipt; the last: about how far the noise moves a typical person's log-odds. */
  Map<String, Object> parametersRun() {
    Map<String, Object> ran = new LinkedHashMap<>();
    ran.put("epsilon", privacy.epsilon());
    ran.put("delta", privacy.delta());
    ran.put("clip", privacy.clip());
    ran.put("mu", budget.mu());
    ran.put("logit_noise", logitNoise);
    return Collections.unmodifiableMap(ran);
  }

  /** The label party's draws. */
  Draws draws(PrimeField field, Prg coins) {
    return new Draws(field, coins);
  }

  /** One vector for each part and party. */
  final class Draws {
    private record Key(Part part, Party party) {}

    private final PrimeField field;
    private final Prg coins;
    private final Map<Key, long[]> drawn = new HashMap<>();

    private Draws(PrimeField field, Prg coins) {
      this.field = field;
      this.coins = coins;
    }

    /**
     * Adds to a share of a party's gradient.
     *
     * @param columns with weights; others stay
     */
    void addTo(Part part, Party party, int columns, long[] share) {
      long[] noise = drawn.computeIfAbsent(new Key(part, party), key -> draw(columns));
      for (int j = 0; j < columns; j++) {
        share[j] = field.add(share[j], noise[j]);
      }
    }

    private long[] draw(int columns) {
      long[] noise = new long[columns];
      for (int j = 0; j < columns; j++) {
        noise[j] = field.residue(Math.round(coins.nextGaussian() * gradientDeviation));
      }
      return noise;
    }
  }
}
