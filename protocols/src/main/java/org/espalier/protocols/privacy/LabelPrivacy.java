package org.espalier.protocols.privacy;

import java.math.BigDecimal;

/**
 * A bound on what everybody but the label party can learn of any one person's outcome from what a
 * training tells them, whatever they know already and however many of them there are: label
 * differential privacy (Chaudhuri and Hsu, COLT 2011). Neighbouring data differ in one person's
 * outcome.
 *
 * @param epsilon 0.01 to 20
 * @param delta 1e-12 to 1e-3
 * @param clip a person's whitened columns are shortened to this many times the root of their
 *     number, which is their root mean square length over all people; 1 to 10
 */
public record LabelPrivacy(double epsilon, double delta, double clip) {
  public static final double LEAST_EPSILON = 0.01;
  public static final double MOST_EPSILON = 20;
  public static final double LEAST_DELTA = 1e-12;
  public static final double MOST_DELTA = 1e-3;
  public static final double LEAST_CLIP = 1;
  public static final double MOST_CLIP = 10;

  public LabelPrivacy {
    require("epsilon", epsilon, LEAST_EPSILON, MOST_EPSILON);
    require("delta", delta, LEAST_DELTA, MOST_DELTA);
    require("clip", clip, LEAST_CLIP, MOST_CLIP);
  }

  private static void require(String name, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new IllegalArgumentException(
          "label_privacy.%s is %s to %s, not %s".formatted(name, least, most, value));
    }
  }

  /**
   * What the bound says, in words.
   *
   * @param label name of the party that holds the outcomes
   */
  public String statement(String label) {
    return ("label differential privacy with ε = %s, δ = %s bounds what the feature parties together can"
            + " learn of one person's outcome from this training: whoever knows everything else about"
            + " everybody guesses it right at most %.0f %% of the time, a coin half of the time. It holds"
            + " if the feature parties shorten their rows as agreed (clip); it says nothing of features,"
            + " or of what %s itself learns")
        .formatted(plain(epsilon), plain(delta), Math.ceil(100 * budget().guess()), label);
  }

  private static String plain(double value) {
    return value >= 1e-3
        ? BigDecimal.valueOf(value).stripTrailingZeros().toPlainString()
        : "%.0e".formatted(value);
  }

  /** The most that may be told. */
  public GaussianPrivacy budget() {
    return GaussianPrivacy.within(epsilon, delta);
  }
}
