package org.espalier.node.job;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.espalier.node.Problem;

/** CSV files about people, for the own operator only: they name rows of the own data set. */
public final class ResultFiles {
  private ResultFiles() {}

  /** Where the label party finds the scores of a prediction, or of the people held out. */
  public static Path scores(Path results, String job) {
    return results.resolve(job + ".csv");
  }

  /** Where a party finds which of its rows an attempt used, and for what. */
  public static Path cohort(Path results, String job) {
    return results.resolve(job + ".cohort.csv");
  }

  /**
   * Writes {@code row,probability} or the like, rows counted from 1 in the order of the own data
   * set.
   *
   * @param rows of each score, from 0
   * @param header names of the columns after the first
   * @param lines what they hold of each score
   */
  static void writeScores(
      Path results, String job, int[] rows, String header, IntFunction<String> lines) {
    int[] byRow =
        IntStream.range(0, rows.length)
            .boxed()
            .sorted((a, b) -> Integer.compare(rows[a], rows[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    write(
        scores(results, job),
        out -> {
          out.write("row," + header + "\n");
          for (int person : byRow) {
            out.write((rows[person] + 1L) + "," + lines.apply(person) + "\n");
          }
        });
  }

  /**
   * Writes {@code position,row,part}, the frozen cohort in the common order.
   *
   * @param parts what each person was used for
   */
  static void writeCohort(Path results, String job, OwnRows own, String[] parts) {
    write(
        cohort(results, job),
        out -> {
          out.write("position,row,part\n");
          for (int i = 0; i < own.rows().length; i++) {
            int person = own.person(i);
            out.write((person + 1L) + "," + (own.rows()[i] + 1L) + "," + parts[person] + "\n");
          }
        });
  }

  /** Deletes what a party can find of whom a job used, durably; whether there was something. */
  public static boolean deleteCohort(Path results, String job) {
    Path file = cohort(results, job);
    try {
      boolean unfinished = Files.deleteIfExists(unfinished(file));
      boolean any = Files.deleteIfExists(file) || unfinished;
      if (any) {
        try (FileChannel folder = FileChannel.open(results, StandardOpenOption.READ)) {
          folder.force(true);
        }
      }
      return any;
    } catch (IOException e) {
      throw Problem.refused(file + " cannot be deleted").detail(e.toString()).because(e);
    }
  }

  /** What a kill leaves half written. */
  private static Path unfinished(Path file) {
    return file.resolveSibling(file.getFileName() + ".part");
  }

  private interface Content {
    void write(Writer out) throws IOException;
  }

  /** A reader sees the whole new file or the old one. */
  private static void write(Path file, Content content) {
    Path fresh = unfinished(file);
    try {
      Files.deleteIfExists(fresh);
      try (FileChannel channel =
              FileChannel.open(
                  fresh,
                  Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                  PosixFilePermissions.asFileAttribute(
                      PosixFilePermissions.fromString("rw-------")));
          Writer out =
              new BufferedWriter(
                  new OutputStreamWriter(
                      Channels.newOutputStream(channel), StandardCharsets.UTF_8))) {
        content.write(out);
        out.flush();
        channel.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.JOB_FAILED, "cannot write the results")
          .detail(file + ": " + e.getMessage())
          .because(e);
    }
  }
}
