package org.espalier.node.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.wire.Digests;

/**
 * A CSV file under its declared schema. Every read checks every value and hashes the file on the
 * way, so that what was registered and what is used cannot differ unnoticed.
 */
public final class CsvFile {
  private static final int MAX_NAMED = 10;

  private final String name;
  private final Path file;
  private final TableSchema schema;

  /**
   * @param name what errors that partners may read call it
   */
  public CsvFile(String name, Path file, TableSchema schema) {
    this.name = name;
    this.file = file;
    this.schema = schema;
  }

  public TableSchema schema() {
    return schema;
  }

  /** Takes one checked record. */
  @FunctionalInterface
  public interface RowConsumer {
    /**
     * @param row from 0
     * @param values in the order of the schema; null is missing; reused between calls
     */
    void row(int row, String[] values);
  }

  /**
   * Reads the whole file once.
   *
   * @throws Problem naming the first bad row (from 1, without the header) and column
   */
  public DatasetScan read(RowConsumer consumer) {
    MessageDigest digest = Digests.sha256();
    long[] missing = new long[schema.columns().size()];
    int label =
        schema.names(ColumnType.LABEL).stream().mapToInt(schema::indexOf).findAny().orElse(-1);
    int rows = 0;
    int positives = 0;
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw Problem.refused("the file of data set " + name + " cannot be read")
          .detail(file + " is a folder, a pipe or a device");
    }
    try (InputStream bytes = new DigestInputStream(Files.newInputStream(file), digest)) {
      CsvReader csv = new CsvReader(name, bytes);
      int[] position = positions(csv.next());
      String[] values = new String[position.length];
      for (List<String> record = csv.next(); record != null; record = csv.next()) {
        check(record, rows, csv.line());
        for (int i = 0; i < values.length; i++) {
          values[i] = value(record.get(position[i]), i, rows, csv.line());
          missing[i] += values[i] == null ? 1 : 0;
        }
        positives += label >= 0 && "1".equals(values[label]) ? 1 : 0;
        consumer.row(rows, values);
        rows = Math.addExact(rows, 1);
      }
    } catch (NoSuchFileException e) {
      throw Problem.refused("the file of data set " + name + " is gone")
          .detail("no file " + file)
          .because(e);
    } catch (IOException e) {
      throw unreadable(e);
    } catch (UncheckedIOException e) {
      throw unreadable(e.getCause());
    }
    return new DatasetScan(
        HexFormat.of().formatHex(digest.digest()),
        size(),
        rows,
        label < 0 ? -1 : positives,
        Arrays.stream(missing).boxed().toList());
  }

  private long size() {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Problem unreadable(IOException e) {
    return Problem.refused("the file of data set " + name + " cannot be read")
        .detail(e.toString())
        .because(e);
  }

  /** For each declared column its place in the file. */
  private int[] positions(List<String> header) {
    if (header == null) {
      throw Problem.refused(name + " is empty").detail(file + " has no header line");
    }
    Set<String> unknown = new TreeSet<>(header);
    Set<String> absent = new TreeSet<>();
    int[] position = new int[schema.columns().size()];
    for (int i = 0; i < position.length; i++) {
      String column = schema.columns().get(i).name();
      position[i] = header.indexOf(column);
      unknown.remove(column);
      if (position[i] < 0) {
        absent.add(column);
      }
    }
    if (header.size() == 1 && position.length > 1) {
      CsvReader.requireCommas(name, header.get(0));
    }
    if (absent.size() == position.length) {
      // Another file altogether, of which whoever asks may not be allowed to know a word.
      throw Problem.refused(name + " has none of the columns that its schema declares")
          .detail("missing in the file: " + named(absent));
    }
    if (!absent.isEmpty() || !unknown.isEmpty()) {
      throw Problem.refused(name + " does not have the columns that its schema declares")
          .detail(
              (absent.isEmpty() ? "" : "missing in the file: " + named(absent) + ". ")
                  + (unknown.isEmpty() ? "" : "not in the schema: " + named(unknown) + "."));
    }
    if (header.size() != position.length) {
      throw Problem.refused(name + " names a column twice in its header");
    }
    return position;
  }

  private static String named(Set<String> names) {
    return String.join(", ", names.stream().limit(MAX_NAMED).toList())
        + (names.size() > MAX_NAMED ? " and " + (names.size() - MAX_NAMED) + " more" : "");
  }

  private void check(List<String> record, int row, long line) {
    if (record.size() != schema.columns().size()) {
      throw Problem.refused(name + " has a row of the wrong length")
          .detail(
              "row %d (line %d) has %d fields, the header has %d"
                  .formatted(row + 1, line, record.size(), schema.columns().size()));
    }
  }

  private String value(String text, int column, int row, long line) {
    boolean missing = schema.missing().contains(text);
    ColumnType type = schema.columns().get(column).type();
    return switch (type) {
      case ID, CATEGORY -> missing ? null : text;
      case LABEL -> {
        if (!text.equals("0") && !text.equals("1")) {
          throw bad(column, row, line, missing ? "is missing" : "is not 0 or 1");
        }
        yield text;
      }
      case NUMBER -> {
        if (missing) {
          yield null;
        }
        number(text, column, row, line);
        yield text;
      }
      case TARGET, WEIGHT, EXPOSURE -> {
        if (missing) {
          throw bad(column, row, line, "is missing");
        }
        number(text, column, row, line);
        if (type != ColumnType.TARGET && !(Double.parseDouble(text) > 0)) {
          throw bad(column, row, line, "is not above 0");
        }
        yield text;
      }
    };
  }

  private void number(String text, int column, int row, long line) {
    if (!isNumber(text)) {
      throw bad(column, row, line, "is not a finite decimal number");
    }
  }

  /**
   * Whether a value of a column of numbers is one. Java would also take "NaN", "Infinity", "1f" and
   * hexadecimal: a data file may not.
   */
  public static boolean isNumber(String text) {
    boolean plain = !text.isEmpty() && text.length() <= 64;
    for (int i = 0; plain && i < text.length(); i++) {
      plain = "0123456789+-.eE".indexOf(text.charAt(i)) >= 0;
    }
    try {
      return plain && Double.isFinite(Double.parseDouble(text));
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private Problem bad(int column, int row, long line, String why) {
    return Problem.refused(name + " has a value that its schema does not allow")
        .detail(
            "row %d (line %d), column %s %s"
                .formatted(row + 1, line, schema.columns().get(column).name(), why))
        .next("correct the file or the schema, then silo dataset add again");
  }
}
