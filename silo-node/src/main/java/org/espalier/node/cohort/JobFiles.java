package org.espalier.node.cohort;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Files that begin with a job's id and a dot, which are there until it has ended. */
final class JobFiles {
  private JobFiles() {}

  /** Deletes those of all jobs but these. */
  static void deleteOfOthers(Path folder, Set<String> jobs) throws IOException {
    delete(
        folder,
        name -> {
          int dot = name.indexOf('.');
          return dot < 0 || !jobs.contains(name.substring(0, dot));
        });
  }

  /** Deletes those of one job. */
  static void deleteOf(Path folder, String job) throws IOException {
    delete(folder, name -> name.startsWith(job + "."));
  }

  /** Deletes files by name, durably. */
  static void delete(Path folder, Predicate<String> which) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    boolean any = false;
    try (Stream<Path> files = Files.list(folder)) {
      // In their order: what says that something was begun goes before what that stands on.
      for (Path file : files.sorted().toList()) {
        if (which.test(file.getFileName().toString())) {
          Files.deleteIfExists(file);
          any = true;
        }
      }
    }
    if (any) {
      try (FileChannel entry = FileChannel.open(folder, StandardOpenOption.READ)) {
        entry.force(true);
      }
    }
  }
}
