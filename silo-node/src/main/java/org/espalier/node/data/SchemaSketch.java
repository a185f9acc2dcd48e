package org.espalier.node.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;

/**
 * A proposal of a schema, guessed from a whole CSV file with bounded memory. It says what it is not
 * sure of; the owner decides.
 *
 * @param remarks column to what the owner should look at
 */
public record SchemaSketch(TableSchema schema, Map<String, String> remarks, long rows) {
  private static final int MAX_DISTINCT = 20_000;
  private static final int MANY_CATEGORIES = 100;
  private static final Set<String> MISSING =
      Set.of("", "?", "NA", "N/A", "n/a", "null", "NULL", "None", "NaN", "nan");
  private static final Pattern LABEL_NAME =
      Pattern.compile("(?i)label|target|outcome|y|bad|default(ed)?|churn(ed)?|fraud|response");
  private static final Pattern ID_NAME =
      Pattern.compile("(?i)(.*[_ .-])?(id|uuid|key|ssn|iban|email|e-mail|phone|telephone_number)");
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?");
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  private static final Set<String> YAML_WORDS =
      Set.of("y", "n", "yes", "no", "true", "false", "on", "off", "null");

  public SchemaSketch {
    remarks = Collections.unmodifiableMap(new LinkedHashMap<>(remarks));
  }

  /**
   * Reads the whole file.
   *
   * @throws Problem if it is no proper CSV or a column has a name that a schema cannot hold
   */
  public static SchemaSketch of(Path file) {
    String name = file.getFileName().toString();
    try (InputStream bytes = Files.newInputStream(file)) {
      CsvReader csv = new CsvReader(name, bytes);
      List<String> header = csv.next();
      if (header == null) {
        throw Problem.refused(name + " is empty").detail("a header line is expected");
      }
      if (header.size() == 1) {
        CsvReader.requireCommas(name, header.get(0));
      }
      List<Guess> guesses = new ArrayList<>();
      header.forEach(column -> guesses.add(new Guess(column)));
      long rows = 0;
      for (List<String> record = csv.next(); record != null; record = csv.next()) {
        if (record.size() != guesses.size()) {
          throw Problem.refused(name + " has a row of the wrong length")
              .detail(
                  "line %d has %d fields, the header has %d"
                      .formatted(csv.line(), record.size(), guesses.size()));
        }
        for (int i = 0; i < record.size(); i++) {
          guesses.get(i).see(record.get(i));
        }
        rows++;
      }
      return of(name, guesses, rows);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static SchemaSketch of(String name, List<Guess> guesses, long rows) {
    List<TableSchema.Column> columns = new ArrayList<>();
    Map<String, String> remarks = new LinkedHashMap<>();
    SortedSet<String> missing = new TreeSet<>(List.of(""));
    boolean labelled = false;
    try {
      for (Guess guess : guesses) {
        ColumnType type = guess.type(rows, !labelled);
        labelled |= type == ColumnType.LABEL;
        columns.add(new TableSchema.Column(guess.name, type));
        missing.addAll(guess.missing);
        String remark = guess.remark(type);
        if (!remark.isEmpty()) {
          remarks.put(guess.name, remark);
        }
      }
      return new SchemaSketch(new TableSchema(columns, List.copyOf(missing)), remarks, rows);
    } catch (IllegalArgumentException e) {
      throw Problem.refused("the header of " + name + " does not fit a schema")
          .detail(e.getMessage())
          .because(e);
    }
  }

  /** The schema file, with the remarks as comments. */
  public String yaml() {
    StringBuilder out = new StringBuilder();
    out.append("# Types: id (matching only, never a feature), label (the outcome, 0 or 1),\n");
    out.append("# number, category. Every column of the file is declared.\n");
    out.append("columns:\n");
    for (TableSchema.Column column : schema.columns()) {
      String name = column.name();
      boolean plain =
          PLAIN.matcher(name).matches() && !YAML_WORDS.contains(name.toLowerCase(Locale.ROOT));
      out.append("  - {name: ").append(plain ? name : '"' + name + '"');
      out.append(", type: ").append(column.type().name().toLowerCase(Locale.ROOT)).append('}');
      out.append(remarks.containsKey(name) ? "   # " + remarks.get(name) : "").append('\n');
    }
    out.append("missing: [");
    for (int i = 0; i < schema.missing().size(); i++) {
      out.append(i == 0 ? "" : ", ").append('"').append(schema.missing().get(i)).append('"');
    }
    return out.append("]\n").toString();
  }

  /** What is seen of one column. */
  private static final class Guess {
    private final String name;
    private final Set<String> distinct = new HashSet<>();
    private final Set<String> missing = new TreeSet<>();
    private boolean numeric = true;
    private boolean whole = true;
    private boolean repeated;
    private long present;
    private long seen;

    private Guess(String name) {
      this.name = name;
    }

    private void see(String text) {
      seen++;
      if (MISSING.contains(text)) {
        missing.add(text);
        return;
      }
      present++;
      numeric = numeric && text.length() <= 64 && NUMBER.matcher(text).matches();
      whole = whole && numeric && text.chars().allMatch(c -> c >= '0' && c <= '9');
      if (distinct.size() < MAX_DISTINCT) {
        repeated |= !distinct.add(text);
      }
    }

    private boolean binary() {
      return present > 0 && present == seen && distinct.equals(Set.of("0", "1"));
    }

    private ColumnType type(long rows, boolean mayBeLabel) {
      if (binary() && mayBeLabel && LABEL_NAME.matcher(name).matches()) {
        return ColumnType.LABEL;
      }
      boolean unique = !repeated && present > 1;
      if (unique && (ID_NAME.matcher(name).matches() || !numeric)) {
        return ColumnType.ID;
      }
      if (numeric && present > 0) {
        return ColumnType.NUMBER;
      }
      boolean mostlyDifferent = distinct.size() > MANY_CATEGORIES && distinct.size() * 2L > rows;
      return mostlyDifferent || distinct.size() == MAX_DISTINCT
          ? ColumnType.ID
          : ColumnType.CATEGORY;
    }

    private String remark(ColumnType type) {
      if (present == 0) {
        return "empty in every row";
      }
      return switch (type) {
        case ID ->
            repeated
                ? "many different texts: id, so that it is no feature"
                : "different in every row";
        case LABEL -> "is this the outcome?";
        case NUMBER -> {
          if (binary()) {
            yield "only 0 and 1: type label if this is the outcome";
          }
          if (!repeated && whole && present > 1) {
            yield "different in every row: type id if it identifies a person";
          }
          yield whole && distinct.size() <= 10 && distinct.size() > 2
              ? "whole numbers, " + distinct.size() + " of them: type category if they are codes"
              : "";
        }
        case TARGET, WEIGHT, EXPOSURE -> "";
        case CATEGORY ->
            distinct.size() > MANY_CATEGORIES ? distinct.size() + " different texts" : "";
      };
    }
  }
}
