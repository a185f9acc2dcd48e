package org.espalier.protocols.prepare;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * How one raw column becomes prepared features: everything learned from the training rows, so that
 * the same person gets the same features later. A prepared feature is (v - centre) / scale.
 */
public sealed interface Encoding {
  /** Name of the raw column. */
  String column();

  /** Names of the prepared features, in order; at least one. */
  List<String> features();

  /**
   * A number as one feature, named like its column.
   *
   * @param missing stands in for a missing value, the training mean; null where a missing value is
   *     refused
   */
  record Numeric(String column, Double missing, double centre, double scale) implements Encoding {
    /**
     * @throws DataException if a number is not finite or the scale is not above 0
     */
    public Numeric {
      Objects.requireNonNull(column);
      requireUsable(column, missing == null ? 0 : missing, centre, scale);
    }

    @Override
    public List<String> features() {
      return List.of(column);
    }
  }

  /**
   * A category as one indicator (v = 1 or 0) for each level that has a weight of its own. Every
   * other value has all indicators 0: the reference, what was rare in training, and what was never
   * seen there.
   *
   * @param levels at least one, distinct
   * @param reference name of the indicator that the most frequent level would have had; null where
   *     the rare levels together are the reference
   * @param merged how many levels were too rare in training for a weight of their own
   */
  record Categorical(String column, List<Level> levels, String reference, int merged)
      implements Encoding {
    /**
     * @throws DataException if there is no level, or one twice, or one with unusable numbers
     */
    public Categorical {
      Objects.requireNonNull(column);
      levels = List.copyOf(levels);
      if (levels.isEmpty()) {
        throw new DataException("column '" + column + "': no category has a weight");
      }
      Set<String> texts = new HashSet<>();
      for (Level level : levels) {
        requireUsable(column, 0, level.centre, level.scale);
        if (!texts.add(level.text)) {
          throw new DataException("column '" + column + "': a category is listed twice");
        }
      }
      if (merged < 0) {
        throw new DataException("column '" + column + "': " + merged + " merged categories");
      }
    }

    @Override
    public List<String> features() {
      return levels.stream().map(level -> featureName(column, level.text)).toList();
    }

    static String featureName(String column, String text) {
      return column + "=" + (text == null ? "(missing)" : text);
    }
  }

  /**
   * One level with a weight of its own.
   *
   * @param text null for the level of missing values
   */
  record Level(String text, double centre, double scale) {}

  private static void requireUsable(String column, double missing, double centre, double scale) {
    if (!Double.isFinite(missing)
        || !Double.isFinite(centre)
        || !(scale > 0 && scale < Double.POSITIVE_INFINITY)) {
      throw new DataException("column '" + column + "': its scaling is unusable");
    }
  }
}
