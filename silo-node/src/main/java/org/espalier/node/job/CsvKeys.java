package org.espalier.node.job;

import java.util.List;
import org.espalier.node.data.Dataset;
import org.espalier.psi.keys.KeySource;

/** The match keys of a registered data set; every scan proves that the file is still the same. */
record CsvKeys(Dataset dataset) implements KeySource {
  @Override
  public int rows() {
    return dataset.scan().rows();
  }

  @Override
  public void scan(List<String> columns, RowVisitor visitor) {
    int[] at = columns.stream().mapToInt(dataset.schema()::indexOf).toArray();
    String[] chosen = new String[at.length];
    LocalChecks.requireUnchanged(
        dataset,
        dataset
            .csv()
            .read(
                (row, values) -> {
                  if (row >= rows()) {
                    throw LocalChecks.changed(dataset);
                  }
                  for (int i = 0; i < at.length; i++) {
                    chosen[i] = values[at[i]];
                  }
                  visitor.row(row, chosen);
                }));
  }
}
