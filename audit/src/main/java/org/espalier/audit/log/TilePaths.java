package org.espalier.audit.log;

import java.nio.file.Path;

/** Names of files as C2SP tlog-tiles gives them. */
final class TilePaths {
  /** Hashes in a full tile, and entries in a full bundle. */
  static final int WIDTH = 256;

  private final Path root;

  TilePaths(Path logDirectory) {
    this.root = logDirectory.resolve("tile");
  }

  Path entries(long index) {
    return numbered(root.resolve("entries"), index);
  }

  Path hashes(int level, long index) {
    return numbered(root.resolve(Integer.toString(level)), index);
  }

  /** Directory of the partial forms of a full tile or bundle. */
  static Path partials(Path full) {
    return full.resolveSibling(full.getFileName() + ".p");
  }

  /** The first {@code width} elements of a tile or bundle. */
  static Path partial(Path full, int width) {
    return partials(full).resolve(Integer.toString(width));
  }

  /** 1234067 is {@code x001/x234/067}. */
  private static Path numbered(Path directory, long index) {
    StringBuilder path = new StringBuilder(String.format("%03d", index % 1000));
    for (long rest = index / 1000; rest > 0; rest /= 1000) {
      path.insert(0, String.format("x%03d/", rest % 1000));
    }
    return directory.resolve(path.toString());
  }
}
