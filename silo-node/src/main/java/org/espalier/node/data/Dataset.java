package org.espalier.node.data;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * A registered data set.
 *
 * @param name as jobs and partners know it
 * @param file where the owner keeps it; never told to partners
 * @param scan what the registration found
 */
public record Dataset(String name, Path file, TableSchema schema, DatasetScan scan, Instant added) {

  /** The columns that a job uses: those it names or, if it names none, all features. */
  public List<String> features(List<String> wanted) {
    return wanted.isEmpty() ? schema.features() : wanted;
  }

  public CsvFile csv() {
    return new CsvFile(name, file, schema);
  }
}
