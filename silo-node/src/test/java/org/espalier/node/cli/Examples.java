package org.espalier.node.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where the repository has its example files. */
final class Examples {
  private Examples() {}

  static Path folder() {
    return configs().resolve("examples");
  }

  static Path configs() {
    for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
      if (Files.isDirectory(folder.resolve("configs").resolve("examples"))) {
        return real(folder.resolve("configs"));
      }
    }
    throw new IllegalStateException("no configs/examples above the working directory");
  }

  private static Path real(Path folder) {
    try {
      return folder.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
