package org.espalier.node.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.report.ProcessingRecord;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.daemon.NodeHome;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "report",
    header =
        "Write a report that follows from the log, such as the record of processing activities.",
    description = {
      "",
      "Examples:",
      "  silo audit report --art30 --out art30.html",
      "  silo audit report --art30 --format md",
      "  silo audit report --art30 --json",
      "",
      "--art30 is the record of GDPR, Art. 30(1): purposes, partners, categories of data, recipients and",
      "dates of all jobs, from this log and those that it continues. Names of data sets and columns, no",
      "values and nobody's identifiers.",
    })
final class AuditReport extends SiloCommand {
  @Option(names = "--art30", required = true, description = "Record of processing activities.")
  boolean art30;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "html, md or json (default: by the name of --out, else md).")
  String format;

  @Option(names = "--out", paramLabel = "FILE", description = "A new file (default: prints it).")
  Path out;

  @Override
  public Integer call() {
    home().load();
    ProcessingRecord record = new ProcessingRecord(home().load().name().name());
    try {
      for (LogReader log : NodeHome.logs(home())) {
        if (log.first() > 0) {
          record.pruned(log.origin(), log.first());
        }
        // Of what was pruned single events may be left, which tell of no job as a whole.
        for (long seq = log.first(); seq < log.size(); seq++) {
          record.add(log.origin(), log.event(seq));
        }
      }
    } catch (IOException e) {
      throw Problem.refused("the audit log cannot be read").detail(e.getMessage()).because(e);
    }
    if (json() && out == null) {
      return show(record.toJson(), r -> {});
    }
    String text =
        switch (wanted()) {
          case "html" -> record.toHtml();
          case "md" -> record.toMarkdown();
          case "json" -> Json.write(record.toJson()) + "\n";
          default -> throw usage("--format is html, md or json");
        };
    if (out == null) {
      console().print(text.stripTrailing());
      return 0;
    }
    write(out, text);
    return show(Json.object().put("file", out.toString()), r -> console().print(out.toString()));
  }

  private String wanted() {
    if (format != null) {
      return format;
    }
    String name = out == null ? "" : out.getFileName().toString();
    return name.endsWith(".html") ? "html" : name.endsWith(".json") ? "json" : "md";
  }

  static void write(Path file, String text) {
    try {
      Files.write(
          file,
          text.getBytes(StandardCharsets.UTF_8),
          StandardOpenOption.CREATE_NEW,
          StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw Problem.refused("cannot write " + file).detail(e.getMessage()).because(e);
    }
  }
}
