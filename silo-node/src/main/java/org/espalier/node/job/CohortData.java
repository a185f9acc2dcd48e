package org.espalier.node.job;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.espalier.node.Problem;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.prepare.CategoryColumn;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.NumberColumn;
import org.espalier.protocols.prepare.Table;

/**
 * This party's values of the people in a cohort, in the order that all parties share.
 *
 * @param table one row per person
 * @param labels the outcome of each person, 0 or 1 or, of type target, any number; empty where no
 *     label was asked for
 * @param weights how much each counts, or null
 * @param exposures of each, or null
 */
record CohortData(Table table, double[] labels, double[] weights, double[] exposures) {
  /** A number as it is read and as it is prepared. */
  private static final int BYTES_PER_VALUE = 2 * Double.BYTES;

  /**
   * Reads a data set once; only the cohort's rows are kept.
   *
   * @param rows position in the cohort to row of the file
   * @param features number and category columns
   * @param label the outcome and what belongs to it, or null
   * @throws org.espalier.node.Problem if the file is not the one that was registered
   */
  static CohortData read(
      Dataset dataset, int[] rows, List<String> features, TrainSpec.Label label) {
    requireMemory(rows.length, features.size(), Runtime.getRuntime().maxMemory());
    int[] position = new int[dataset.scan().rows()];
    Arrays.fill(position, -1);
    for (int i = 0; i < rows.length; i++) {
      position[rows[i]] = i;
    }
    List<Reader> readers = new ArrayList<>();
    for (String feature : features) {
      int at = dataset.schema().indexOf(feature);
      readers.add(
          dataset.schema().columns().get(at).type() == ColumnType.NUMBER
              ? new Numbers(feature, at, rows.length)
              : new Categories(feature, at, rows.length));
    }
    Numbers labels = numbers(dataset, label == null ? null : label.column(), rows.length);
    Numbers weights = numbers(dataset, label == null ? null : label.weight(), rows.length);
    Numbers exposures = numbers(dataset, label == null ? null : label.exposure(), rows.length);
    List<Reader> all = new ArrayList<>(readers);
    Stream.of(labels, weights, exposures).filter(Objects::nonNull).forEach(all::add);
    LocalChecks.requireUnchanged(
        dataset,
        dataset
            .csv()
            .read(
                (row, values) -> {
                  int person = row < position.length ? position[row] : -1;
                  if (person < 0) {
                    return;
                  }
                  all.forEach(reader -> reader.take(person, values));
                }));
    return new CohortData(
        new Table(readers.stream().map(Reader::column).toList()),
        labels == null ? new double[0] : labels.numbers,
        weights == null ? null : weights.numbers,
        exposures == null ? null : exposures.numbers);
  }

  private static Numbers numbers(Dataset dataset, String column, int people) {
    return column == null ? null : new Numbers(column, dataset.schema().indexOf(column), people);
  }

  /** Refuses with the figure what would otherwise take the whole node's memory away. */
  static void requireMemory(long people, long columns, long most) {
    long needed = people * columns * BYTES_PER_VALUE;
    if (needed > most) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "not enough memory for its part of the cohort")
          .detail(
              "%,d people with %,d columns take at least %,d MiB, and the node may use %,d MiB"
                  .formatted(people, columns, needed >> 20, most >> 20))
          .next("more memory in silo.yaml, such as memory: 4GiB, then restart the node");
    }
  }

  private interface Reader {
    void take(int person, String[] values);

    Column column();
  }

  private static final class Numbers implements Reader {
    private final String name;
    private final int at;
    private final double[] numbers;

    Numbers(String name, int at, int people) {
      this.name = name;
      this.at = at;
      this.numbers = new double[people];
    }

    @Override
    public void take(int person, String[] values) {
      numbers[person] = values[at] == null ? Double.NaN : Double.parseDouble(values[at]);
    }

    @Override
    public Column column() {
      return new NumberColumn(name, numbers);
    }
  }

  private static final class Categories implements Reader {
    private final String name;
    private final int at;
    private final int[] codes;
    private final Map<String, Integer> levels = new HashMap<>();

    Categories(String name, int at, int people) {
      this.name = name;
      this.at = at;
      this.codes = new int[people];
    }

    @Override
    public void take(int person, String[] values) {
      if (values[at] == null) {
        codes[person] = CategoryColumn.MISSING;
        return;
      }
      Integer code = levels.get(values[at]);
      if (code == null) {
        code = levels.size();
        levels.put(values[at], code);
      }
      codes[person] = code;
    }

    @Override
    public Column column() {
      String[] texts = new String[levels.size()];
      levels.forEach((text, code) -> texts[code] = text);
      return new CategoryColumn(name, codes, List.of(texts));
    }
  }
}
