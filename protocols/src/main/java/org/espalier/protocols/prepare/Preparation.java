package org.espalier.protocols.prepare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * From raw columns to the matrix a model is trained on: learned on the training rows once, applied
 * to any rows, and kept with the model.
 *
 * <ul>
 *   <li>A missing number becomes the training mean. Standardising subtracts the training mean and
 *       divides by the population standard deviation of the training rows, after imputation.
 *   <li>A category gets an indicator for every level with at least {@code minPerCategory} training
 *       rows; indicators are standardised like numbers. Missing is a level like any other.
 *   <li>Rarer levels are the <em>reference</em> together: all their indicators are 0, as are those
 *       of a level that training never saw. If the rare levels have fewer than {@code
 *       minPerCategory} rows in all, the most frequent level (the first by text among equals) joins
 *       them, so that no group of people smaller than that has a weight of its own, the reference
 *       included, and the indicators of a column never add up to a constant.
 *   <li>Columns that are constant over the training rows, or have one group of levels only, are
 *       dropped and reported.
 * </ul>
 *
 * @param encodings one per raw column that is used, in the order of the table
 * @param dropped the raw columns that are not
 */
public record Preparation(PreparationSpec spec, List<Encoding> encodings, List<Dropped> dropped) {
  /** Below this share of its largest value, what a column varies by is rounding error. */
  private static final double SMALLEST_DEVIATION = 1e-12;

  private static final int BLOCK_ROWS = 512;

  /**
   * A raw column that no feature comes from.
   *
   * @param reason a clause such as "constant over the training rows"; no data values
   */
  public record Dropped(String column, String reason) {
    public Dropped {
      Objects.requireNonNull(column);
      Objects.requireNonNull(reason);
    }
  }

  /**
   * @throws DataException if two features have the same name, a column occurs twice, or an encoding
   *     does not fit the specification
   */
  public Preparation {
    Objects.requireNonNull(spec);
    encodings = List.copyOf(encodings);
    dropped = List.copyOf(dropped);
    Set<String> columns = new HashSet<>();
    Set<String> features = new HashSet<>();
    for (Encoding encoding : encodings) {
      requireNew(columns, encoding.column(), "column");
      encoding.features().forEach(feature -> requireNew(features, feature, "prepared feature"));
      if (encoding instanceof Encoding.Numeric numeric
          ? (numeric.missing() != null) != spec.impute()
          : !spec.impute() && hasMissingLevel((Encoding.Categorical) encoding)) {
        throw new DataException(
            "column '" + encoding.column() + "': its encoding contradicts the imputation setting");
      }
    }
    dropped.forEach(column -> requireNew(columns, column.column(), "column"));
  }

  private static boolean hasMissingLevel(Encoding.Categorical encoding) {
    return encoding.levels().stream().anyMatch(level -> level.text() == null);
  }

  private static void requireNew(Set<String> names, String name, String what) {
    if (!names.add(name)) {
      throw new DataException(what + " '" + name + "' occurs twice");
    }
  }

  /**
   * Learns the preparation from the training rows.
   *
   * @param table any columns, or none: then there are no features
   * @param rows the training rows' indices in the table; at least one if there are columns
   * @throws DataException if a value is missing where imputation is off, or names collide
   */
  public static Preparation fit(Table table, int[] rows, PreparationSpec spec) {
    return fit(table, rows, null, spec);
  }

  /**
   * The same, but {@code minPerCategory} rows are needed in each fold: gradients of two fits differ
   * by a fold's people.
   *
   * @param folds of the training rows, in their order; null: one with all
   */
  public static Preparation fit(Table table, int[] rows, Folds folds, PreparationSpec spec) {
    Groups groups = new Groups(rows, folds);
    List<Encoding> encodings = new ArrayList<>();
    List<Dropped> dropped = new ArrayList<>();
    if (!table.columns().isEmpty()) {
      if (rows.length == 0) {
        throw new DataException("there are no training rows to prepare");
      }
      checkIndices(table, rows);
    }
    for (Column column : table.columns()) {
      String reason =
          column instanceof NumberColumn numbers
              ? fitNumbers(numbers, groups, spec, encodings)
              : fitCategories((CategoryColumn) column, groups, spec, encodings);
      if (reason != null) {
        dropped.add(new Dropped(column.name(), reason));
      }
    }
    return new Preparation(spec, encodings, dropped);
  }

  /** Names of the prepared features, one per column of the matrix. */
  public List<String> features() {
    return encodings.stream().flatMap(encoding -> encoding.features().stream()).toList();
  }

  /**
   * The prepared matrix.
   *
   * @param table has every column the preparation uses, of the same kind; others are ignored
   * @param rows indices in the table, in the order of the result
   * @return rows × features, finite
   * @throws DataException if a column is absent or of the other kind, a value is missing where
   *     imputation is off, or a number is too far from the training rows to be scaled
   */
  public Matrix apply(Table table, int[] rows) {
    List<Writer> writers = new ArrayList<>();
    int width = 0;
    for (Encoding encoding : encodings) {
      writers.add(writer(encoding, table.column(encoding.column()), width));
      width += encoding.features().size();
    }
    if (!writers.isEmpty()) {
      checkIndices(table, rows);
    }
    Matrix prepared = Matrix.zeros(rows.length, width);
    for (int from = 0; from < rows.length; from += BLOCK_ROWS) {
      int to = Math.min(rows.length, from + BLOCK_ROWS);
      for (Writer writer : writers) {
        for (int i = from; i < to; i++) {
          writer.write(rows[i], prepared.values(), i * width);
        }
      }
    }
    return prepared;
  }

  /**
   * Weights of another preparation's features as weights of this one's, so that people's scores are
   * the same but for a constant. A column that only one of them has is left out; so is one that has
   * become a number or a category. A category without a weight there is as the reference was there;
   * one that has become the reference here is the point from which the others' weights are
   * measured.
   *
   * @param weights one for each feature of {@code other}
   * @return one for each of these
   */
  public double[] carry(Preparation other, double[] weights) {
    Map<String, Map<String, Double>> effects = new HashMap<>();
    int at = 0;
    for (Encoding encoding : other.encodings) {
      Map<String, Double> effect = new HashMap<>();
      if (encoding instanceof Encoding.Categorical categories) {
        for (Encoding.Level level : categories.levels()) {
          effect.put(level.text(), weights[at++] / level.scale());
        }
      } else {
        effect.put(encoding.column(), weights[at++] / ((Encoding.Numeric) encoding).scale());
      }
      effects.put(encoding.column(), effect);
    }
    List<Double> carried = new ArrayList<>();
    for (Encoding encoding : encodings) {
      Map<String, Double> effect =
          shares(other, encoding) ? effects.get(encoding.column()) : Map.of();
      if (encoding instanceof Encoding.Numeric number) {
        carried.add(effect.getOrDefault(encoding.column(), 0.0) * number.scale());
        continue;
      }
      Encoding.Categorical categories = (Encoding.Categorical) encoding;
      double reference = 0;
      for (Map.Entry<String, Double> level : effect.entrySet()) {
        String name = Encoding.Categorical.featureName(encoding.column(), level.getKey());
        reference = name.equals(categories.reference()) ? level.getValue() : reference;
      }
      for (Encoding.Level level : categories.levels()) {
        carried.add((orZero(effect.get(level.text())) - reference) * level.scale());
      }
    }
    return carried.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /**
   * Of how many of another preparation's features the weights are in what {@link #carry} makes of
   * them. A category of which one level had a weight tells one yes or no, onto however many levels
   * beside another reference it is carried.
   *
   * @param weights one for each feature of {@code other}
   */
  public int carried(Preparation other, double[] weights) {
    double[] here = carry(other, weights);
    int carried = 0;
    int at = 0;
    for (Encoding encoding : encodings) {
      Set<String> known = new HashSet<>(encoding.features());
      if (encoding instanceof Encoding.Categorical categories) {
        known.add(categories.reference());
      }
      int there =
          other.weighted(
              weights, (theirs, feature) -> same(theirs, encoding) && known.contains(feature));
      int to = at + encoding.features().size();
      int own = (int) Arrays.stream(here, at, to).filter(weight -> weight != 0).count();
      carried += Math.min(there, own);
      at = to;
    }
    return carried;
  }

  /**
   * How many features have a weight other than 0.
   *
   * @param weights one for each feature
   * @param which count, by encoding and name
   */
  public int weighted(double[] weights, BiPredicate<Encoding, String> which) {
    int count = 0;
    int at = 0;
    for (Encoding encoding : encodings) {
      for (String feature : encoding.features()) {
        count += weights[at++] != 0 && which.test(encoding, feature) ? 1 : 0;
      }
    }
    return count;
  }

  private static boolean shares(Preparation other, Encoding encoding) {
    return other.encodings.stream().anyMatch(theirs -> same(theirs, encoding));
  }

  private static boolean same(Encoding theirs, Encoding encoding) {
    return theirs.column().equals(encoding.column()) && theirs.getClass() == encoding.getClass();
  }

  private static double orZero(Double value) {
    return value == null ? 0 : value;
  }

  /** Training rows, and the parts of them in each of which there are to be enough. */
  private record Groups(int[] rows, Folds folds) {
    /**
     * Rows of each code in each part.
     *
     * @param code of a row, from 0 to below {@code codes}
     */
    int[][] counts(IntUnaryOperator code, int codes) {
      int[][] counts = new int[folds == null ? 1 : folds.count()][codes];
      for (int i = 0; i < rows.length; i++) {
        counts[folds == null ? 0 : folds.of(i)][code.applyAsInt(rows[i])]++;
      }
      return counts;
    }

    /** How the parts are called where there are too few. */
    String where() {
      return folds == null ? "training rows" : "training rows in a fold";
    }
  }

  private static void checkIndices(Table table, int[] rows) {
    for (int row : rows) {
      Objects.checkIndex(row, table.rows());
    }
  }

  private static String fitNumbers(
      NumberColumn column, Groups groups, PreparationSpec spec, List<Encoding> encodings) {
    int[] rows = groups.rows();
    double[] present = new double[rows.length];
    int count = 0;
    for (int row : rows) {
      double value = column.values()[row];
      if (!Double.isNaN(value)) {
        present[count++] = value;
      } else if (!spec.impute()) {
        throw DataException.at(column.name(), row, "a value is missing and imputation is off");
      }
    }
    if (count == 0) {
      return "no value in the training rows";
    }
    double largest = 0;
    for (int i = 0; i < count; i++) {
      largest = Math.max(largest, Math.abs(present[i]));
    }
    // A power of two scales exactly and keeps sums and squares of any doubles in range.
    int exponent = Math.getExponent(largest);
    for (int i = 0; i < count; i++) {
      present[i] = Math.scalb(present[i], -exponent);
    }
    double mean = mean(present, count);
    double squares = 0;
    for (int i = 0; i < count; i++) {
      squares += (present[i] - mean) * (present[i] - mean);
    }
    double deviation = Math.scalb(Math.sqrt(squares / rows.length), exponent);
    if (!(deviation > SMALLEST_DEVIATION * largest)) {
      return "constant over the training rows";
    }
    double usual = Math.scalb(mostFrequent(present, count), exponent);
    double[] values = column.values();
    int[][] counts = groups.counts(row -> values[row] == usual ? 0 : 1, 2);
    if (2L * total(counts, 0) >= rows.length
        && fewest(counts, code -> code == 1) < spec.minPerCategory()) {
      return "fewer than %d %s depart from its usual value"
          .formatted(spec.minPerCategory(), groups.where());
    }
    double centre = Math.scalb(mean, exponent);
    encodings.add(
        new Encoding.Numeric(
            column.name(),
            spec.impute() ? centre : null,
            spec.standardise() ? centre : 0,
            spec.standardise() ? deviation : 1));
    return null;
  }

  /** The most frequent value; sorts the values. */
  private static double mostFrequent(double[] values, int count) {
    Arrays.sort(values, 0, count);
    int most = 0;
    double usual = values[0];
    for (int from = 0; from < count; ) {
      int to = from + 1;
      while (to < count && values[to] == values[from]) {
        to++;
      }
      usual = to - from > most ? values[from] : usual;
      most = Math.max(most, to - from);
      from = to;
    }
    return usual;
  }

  private static double mean(double[] values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values[i];
    }
    double mean = sum / count;
    double error = 0;
    for (int i = 0; i < count; i++) {
      error += values[i] - mean;
    }
    return mean + error / count;
  }

  private static String fitCategories(
      CategoryColumn column, Groups groups, PreparationSpec spec, List<Encoding> encodings) {
    int[] rows = groups.rows();
    int missing = column.levels().size();
    int[][] counts =
        groups.counts(
            row -> {
              int code = column.codes()[row];
              if (code == CategoryColumn.MISSING && !spec.impute()) {
                throw DataException.at(
                    column.name(), row, "a category is missing and imputation is off");
              }
              return code == CategoryColumn.MISSING ? missing : code;
            },
            missing + 1);
    int[] totals = IntStream.rangeClosed(0, missing).map(code -> total(counts, code)).toArray();
    // By text, so that the order in which a file lists its categories does not matter.
    List<Integer> frequent =
        new ArrayList<>(
            IntStream.range(0, totals.length)
                .filter(
                    code -> Arrays.stream(counts).allMatch(of -> of[code] >= spec.minPerCategory()))
                .boxed()
                .sorted(
                    Comparator.comparing(
                        code -> text(column, code),
                        Comparator.nullsLast(Comparator.<String>naturalOrder())))
                .toList());
    int merged = (int) Arrays.stream(totals).filter(count -> count > 0).count() - frequent.size();
    String reference = null;
    Set<Integer> known = new HashSet<>(frequent);
    if (!frequent.isEmpty()
        && fewest(counts, code -> !known.contains(code)) < spec.minPerCategory()) {
      Integer largest = frequent.get(0);
      for (Integer code : frequent) {
        largest = totals[code] > totals[largest] ? code : largest;
      }
      frequent.remove(largest);
      reference = Encoding.Categorical.featureName(column.name(), text(column, largest));
    }
    if (frequent.isEmpty()) {
      return "fewer than two groups of categories with at least %d %s"
          .formatted(spec.minPerCategory(), groups.where());
    }
    List<Encoding.Level> levels = new ArrayList<>();
    for (int code : frequent) {
      double share = (double) totals[code] / rows.length;
      levels.add(
          new Encoding.Level(
              text(column, code),
              spec.standardise() ? share : 0,
              spec.standardise() ? Math.sqrt(share * (1 - share)) : 1));
    }
    encodings.add(new Encoding.Categorical(column.name(), levels, reference, merged));
    return null;
  }

  private static int total(int[][] counts, int code) {
    return Arrays.stream(counts).mapToInt(of -> of[code]).sum();
  }

  /** Rows of some codes together in the part that has fewest of them. */
  private static int fewest(int[][] counts, IntPredicate codes) {
    return Arrays.stream(counts)
        .mapToInt(of -> IntStream.range(0, of.length).filter(codes).map(code -> of[code]).sum())
        .min()
        .orElseThrow();
  }

  /** Null for the level of missing values, which has the code after the last. */
  private static String text(CategoryColumn column, int code) {
    return code == column.levels().size() ? null : column.levels().get(code);
  }

  /** Writes the features of one raw column for one row. */
  private interface Writer {
    /**
     * @param at where the row begins in {@code out}
     */
    void write(int row, double[] out, int at);
  }

  private Writer writer(Encoding encoding, Column column, int offset) {
    if (encoding instanceof Encoding.Numeric numeric) {
      if (column instanceof NumberColumn numbers) {
        return (row, out, at) -> out[at + offset] = value(numeric, numbers, row);
      }
      throw new DataException("column '" + column.name() + "' has categories, the model's numbers");
    }
    if (column instanceof CategoryColumn categories) {
      return writer((Encoding.Categorical) encoding, categories, offset);
    }
    throw new DataException("column '" + column.name() + "' has numbers, the model's categories");
  }

  private static double value(Encoding.Numeric encoding, NumberColumn column, int row) {
    double raw = column.values()[row];
    if (Double.isNaN(raw)) {
      if (encoding.missing() == null) {
        throw DataException.at(column.name(), row, "a value is missing and imputation is off");
      }
      raw = encoding.missing();
    }
    double value = (raw - encoding.centre()) / encoding.scale();
    if (!Double.isFinite(value)) {
      throw DataException.at(column.name(), row, "too far from the training rows to be scaled");
    }
    return value;
  }

  private Writer writer(Encoding.Categorical encoding, CategoryColumn column, int offset) {
    List<Encoding.Level> levels = encoding.levels();
    double[] off = new double[levels.size()];
    double[] on = new double[levels.size()];
    Map<String, Integer> positions = new HashMap<>();
    for (int k = 0; k < off.length; k++) {
      Encoding.Level level = levels.get(k);
      off[k] = (0 - level.centre()) / level.scale();
      on[k] = (1 - level.centre()) / level.scale();
      positions.put(level.text(), k);
    }
    int missing = column.levels().size();
    int[] indicator = new int[missing + 1];
    for (int code = 0; code <= missing; code++) {
      indicator[code] = positions.getOrDefault(text(column, code), -1);
    }
    return (row, out, at) -> {
      int code = column.codes()[row];
      if (code == CategoryColumn.MISSING && !spec.impute()) {
        throw DataException.at(column.name(), row, "a category is missing and imputation is off");
      }
      System.arraycopy(off, 0, out, at + offset, off.length);
      int hot = indicator[code == CategoryColumn.MISSING ? missing : code];
      if (hot >= 0) {
        out[at + offset + hot] = on[hot];
      }
    };
  }
}
