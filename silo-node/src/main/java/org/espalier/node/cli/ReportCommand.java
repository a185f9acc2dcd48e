package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.espalier.node.Problem;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "report",
    header = "Tell what a trained model is and how well it predicts: model card and evaluation.",
    description = {
      "",
      "Examples:",
      "  silo job report J-1a2b3c4d",
      "  silo job report J-1a2b3c4d --html model.html    one file, nothing else is needed to read it",
      "  silo job report J-1a2b3c4d --json | jq .metrics.confusion",
    })
final class ReportCommand extends JobCommands.OfJob {
  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write it as HTML with plots to a new file.")
  Path html;

  @Override
  public Integer call() {
    if (html != null && Files.exists(html)) {
      throw exists();
    }
    JsonNode report = ask("job.report", jobArgs());
    if (html != null) {
      write(ReportPage.of(report));
      ((ObjectNode) report).put("html", html.toString());
    }
    return show(
        report,
        r -> {
          if (html == null) {
            new JobView(console()).card(r);
          } else {
            console().print("Report of " + job + " in " + html);
          }
        });
  }

  /** For the own account only, as scores are. */
  private void write(String page) {
    try (SeekableByteChannel out =
        Files.newByteChannel(
            html,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      ByteBuffer bytes = ByteBuffer.wrap(page.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
    } catch (FileAlreadyExistsException e) {
      throw exists();
    } catch (IOException e) {
      throw Problem.refused("cannot write " + html).detail(String.valueOf(e.getMessage()));
    }
  }

  private Problem exists() {
    return Problem.refused(html + " exists already").next("remove it or choose another --html");
  }
}
