package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.SchemaSketch;
import org.espalier.node.data.TableSchema;
import org.espalier.node.page.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "dataset",
    header = "Register the data that jobs may use; files stay where they are.",
    description = {
      "",
      "Examples:",
      "  silo dataset sketch loans.csv > loans.schema.yaml      a proposal; read and correct it",
      "  silo dataset add loans --file loans.csv --schema loans.schema.yaml",
      "  silo dataset list",
      "  silo dataset show loans",
      "  silo dataset remove loans",
    },
    subcommands = {
      DatasetCommands.Sketch.class,
      DatasetCommands.Add.class,
      DatasetCommands.ListDatasets.class,
      DatasetCommands.Show.class,
      DatasetCommands.Remove.class,
    })
final class DatasetCommands extends GroupCommand {
  private static final String CSV = ".csv";
  private static final String SCHEMA = ".schema.yaml";

  /** {@code loans.csv} has {@code loans.schema.yaml} beside it. */
  private static Path schemaOf(Path file) {
    String name = file.getFileName().toString();
    String stem = name.endsWith(CSV) ? name.substring(0, name.length() - CSV.length()) : name;
    return file.resolveSibling(stem + SCHEMA);
  }

  private static void requireFile(Path file) {
    try {
      if (!Files.readAttributes(file, BasicFileAttributes.class).isRegularFile()) {
        throw Problem.refused(file + " is no file").detail("it is a folder, a pipe or a device");
      }
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  @Command(
      name = "sketch",
      header = "Propose a schema for a CSV file. Needs no node.",
      description = {
        "",
        "Examples:",
        "  silo dataset sketch loans.csv",
        "  silo dataset sketch loans.csv --out loans.schema.yaml",
        "",
        "The types are guesses from the values; lines with a remark need your decision.",
      })
  static final class Sketch extends SiloCommand {
    @Parameters(paramLabel = "FILE", description = "A CSV file with a header line.")
    Path file;

    @Option(names = "--out", paramLabel = "FILE", description = "A new file for the schema.")
    Path out;

    @Override
    public Integer call() {
      requireFile(file);
      SchemaSketch sketch = SchemaSketch.of(file);
      if (out != null) {
        write(sketch.yaml());
      }
      ObjectNode result = (ObjectNode) Json.tree(sketch.schema());
      result.set("remarks", Json.tree(sketch.remarks()));
      result.put("rows", sketch.rows());
      show(
          result,
          r -> {
            if (out == null) {
              console().out().print(sketch.yaml());
            } else {
              console().print("Wrote " + out);
            }
          });
      Path schema = out == null ? schemaOf(file) : out;
      next(
          "silo dataset add NAME --file " + file + " --schema " + schema,
          "when you have read and corrected it");
      return 0;
    }

    private void write(String yaml) {
      try {
        Files.writeString(out, yaml, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      } catch (FileAlreadyExistsException e) {
        throw Problem.refused(out + " exists already")
            .next("remove it or choose another --out")
            .because(e);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Command(
      name = "add",
      header = "Check a whole file against its schema and register it.",
      description = {
        "",
        "Examples:",
        "  silo dataset add loans --file loans.csv --schema loans.schema.yaml",
        "  silo dataset add loans --file loans.csv         with loans.schema.yaml beside it",
        "",
        "The same name again replaces the entry. Nothing is copied and nothing is sent.",
      })
  static final class Add extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "How jobs and partners call it.")
    String name;

    @Option(names = "--file", required = true, paramLabel = "FILE", description = "The CSV file.")
    Path file;

    @Option(
        names = "--schema",
        paramLabel = "FILE",
        description = "The schema in YAML (default: FILE with .schema.yaml for .csv).")
    Path schema;

    @Override
    public Integer call() {
      requireFile(file);
      Path declared = schema == null ? schemaOf(file) : schema;
      if (Files.notExists(declared)) {
        throw Problem.notFound("no schema " + declared)
            .detail("every column of a data set is declared before it can be used")
            .next("silo dataset sketch " + file + " --out " + declared);
      }
      ObjectNode args = args().put("name", name).put("file", file.toAbsolutePath().toString());
      args.set("schema", Json.tree(Json.yaml(declared, TableSchema.class)));
      JsonNode dataset = ask("dataset.add", args);
      show(
          dataset,
          d ->
              console()
                  .print(
                      "Data set %s: %s rows, %d columns%s"
                          .formatted(
                              name,
                              Format.count(d.path("rows").asLong()),
                              d.path("columns").size(),
                              positives(d).isEmpty() ? "" : ", " + positives(d) + " positive")));
      next("silo match check --dataset " + name + " --key ID-COLUMN");
      return 0;
    }
  }

  private static String positives(JsonNode dataset) {
    long positives = dataset.path("positives").asLong(-1);
    return positives < 0 ? "" : Format.count(positives);
  }

  @Command(
      name = "list",
      header = "List the registered data sets.",
      description = {"", "Example:", "  silo dataset list"})
  static final class ListDatasets extends SiloCommand {
    @Override
    public Integer call() {
      JsonNode result = ask("dataset.list", args());
      show(
          result,
          r -> {
            Table table = new Table("NAME", "ROWS", "COLUMNS", "POSITIVES", "ADDED", "FILE");
            for (JsonNode d : r.path("datasets")) {
              table.row(
                  d.path("name").asText(),
                  Format.count(d.path("rows").asLong()),
                  d.path("columns").size(),
                  positives(d),
                  Format.time(d.path("added")),
                  d.path("file").asText());
            }
            if (table.isEmpty()) {
              say("No data sets yet.");
            } else {
              table.print(console());
            }
          });
      if (result.path("datasets").isEmpty()) {
        next("silo dataset add NAME --file FILE");
      }
      return 0;
    }
  }

  @Command(
      name = "show",
      header = "Show a data set: its columns, types and missing values.",
      description = {"", "Example:", "  silo dataset show loans"})
  static final class Show extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "The data set.")
    String name;

    @Override
    public Integer call() {
      return show(
          ask("dataset.show", args().put("name", name)),
          d -> {
            long rows = d.path("rows").asLong();
            Table facts = new Table("", "");
            facts.row("data set", name);
            facts.row("file", d.path("file").asText());
            facts.row("sha256", d.path("sha256").asText());
            facts.row("rows", Format.count(rows));
            if (!positives(d).isEmpty()) {
              facts.row("positives", positives(d));
            }
            facts.row("added", Format.time(d.path("added")));
            facts.print(console());
            console().print("");
            Table columns = new Table("COLUMN", "TYPE", "MISSING");
            for (JsonNode column : d.path("columns")) {
              long missing = column.path("missing").asLong();
              columns.row(
                  column.path("name").asText(),
                  column.path("type").asText(),
                  missing == 0 || rows == 0
                      ? "-"
                      : "%s (%.1f %%)".formatted(Format.count(missing), 100.0 * missing / rows));
            }
            columns.print(console());
          });
    }
  }

  @Command(
      name = "remove",
      header = "Take a data set off the list: no job may use it any more.",
      description = {
        "",
        "Examples:",
        "  silo dataset remove loans            asks first",
        "  silo dataset remove loans --yes      for scripts",
        "",
        "The file stays where it is, and so do models, results and cohorts. What limits count on the",
        "file counts on, also if it is added again.",
      })
  static final class Remove extends SiloCommand {
    @Parameters(paramLabel = "NAME", description = "The data set.")
    String name;

    @Option(names = "--yes", description = "Do not ask.")
    boolean yes;

    @Override
    public Integer call() {
      confirm(
          "Data set " + name + " will be taken off the list; its file is not touched.",
          name,
          yes,
          "silo dataset remove " + name);
      return show(
          ask("dataset.remove", args().put("name", name)),
          r -> console().print("Data set " + name + " is removed; its file is not touched"));
    }
  }
}
