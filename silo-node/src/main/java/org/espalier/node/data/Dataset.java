package org.espalier.node.data;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.espalier.node.Problem;

/**
 * A registered data set.
 *
 * @param name as jobs and partners know it
 * @param file where the owner keeps it, without links; never told to partners
 * @param scan what the registration found
 */
public record Dataset(String name, Path file, TableSchema schema, DatasetScan scan, Instant added) {

  /** The columns that a job uses: those it names or, if it names none, all features. */
  public List<String> features(List<String> wanted) {
    return wanted.isEmpty() ? schema.features() : wanted;
  }

  /**
   * Its file.
   *
   * @throws Problem if it is reached by a link now, which could lead to anything that the node may
   *     read
   */
  public CsvFile csv() {
    requireNoLink(name, file);
    return new CsvFile(name, file, schema);
  }

  /** A file that is gone passes, of which whoever reads it says so. */
  static void requireNoLink(String name, Path file) {
    boolean link;
    try {
      link = !file.toRealPath().equals(file);
    } catch (IOException gone) {
      link = false;
    }
    if (link) {
      throw Problem.refused("the file of data set " + name + " is reached by a link")
          .detail(file.toString())
          .next("silo dataset add " + name + " --file FILE --schema SCHEMA");
    }
  }
}
