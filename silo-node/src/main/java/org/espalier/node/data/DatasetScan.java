package org.espalier.node.data;

import java.util.List;

/**
 * What a complete, checked read of a file found.
 *
 * @param sha256 of the file, hex
 * @param bytes size of the file
 * @param rows records without the header
 * @param positives rows whose label is 1; -1 if there is no label column
 * @param missing missing values of each declared column, in the order of the schema
 */
public record DatasetScan(String sha256, long bytes, int rows, int positives, List<Long> missing) {
  public DatasetScan {
    missing = List.copyOf(missing);
  }
}
