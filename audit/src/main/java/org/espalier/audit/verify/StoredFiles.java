package org.espalier.audit.verify;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The files of a log, by the names that C2SP tlog-tiles gives them. Follows no links. */
final class StoredFiles {
  /** Entries in a bundle and hashes in a tile. */
  static final int WIDTH = 256;

  /** Level under which entry bundles are listed. */
  static final int ENTRIES = -1;

  private static final Pattern TILE =
      Pattern.compile(
          "(entries|[0-9]|[1-5][0-9])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\\.p/([0-9]{1,3}))?");

  /**
   * One file below {@code tile}.
   *
   * @param level tile level or {@link #ENTRIES}
   * @param index number of the tile or bundle
   * @param width elements in it, 256 if it is full
   */
  record Tile(int level, long index, int width) implements Comparable<Tile> {
    @Override
    public int compareTo(Tile other) {
      int byLevel = Integer.compare(level, other.level);
      int byIndex = byLevel != 0 ? byLevel : Long.compare(index, other.index);
      return byIndex != 0 ? byIndex : Integer.compare(width, other.width);
    }

    /** Name below the directory of the log. */
    String path() {
      StringBuilder path = new StringBuilder(String.format("%03d", index % 1000));
      for (long rest = index / 1000; rest > 0; rest /= 1000) {
        path.insert(0, String.format("x%03d/", rest % 1000));
      }
      path.insert(0, level == ENTRIES ? "tile/entries/" : "tile/" + level + "/");
      return width == WIDTH ? path.toString() : path + ".p/" + width;
    }
  }

  private final Path directory;
  private final NavigableSet<Tile> tiles = new TreeSet<>();
  private final Map<String, String> strange = new TreeMap<>();

  StoredFiles(Path directory) {
    this.directory = directory;
  }

  /** Lists what is below {@code tile}. */
  void list() throws IOException {
    Path root = directory.resolve("tile");
    if (!Files.isDirectory(root, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            note(root.relativize(file).toString().replace('\\', '/'), attributes);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
              throw e;
            }
            // A running writer removes partial tiles when the full one is there.
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException e) throws IOException {
            return e == null || !Files.exists(folder)
                ? FileVisitResult.CONTINUE
                : visitFileFailed(folder, e);
          }
        });
  }

  /** What was listed. */
  NavigableSet<Tile> tiles() {
    return tiles;
  }

  /** Names that are no tile's, each with what it is. */
  Map<String, String> strange() {
    return strange;
  }

  /**
   * Content of a file, or null if it is missing or not a regular file. Of a file that is too long
   * {@code limit + 1} bytes, which is never what the log wrote.
   *
   * @throws IOException if it is there but cannot be read
   */
  byte[] read(String name, int limit) throws IOException {
    Path file = directory.resolve(name);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return null;
    }
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return in.readNBytes(limit + 1);
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /**
   * Names of the regular files in a folder, in order.
   *
   * @param pattern that they match
   * @throws IOException if there are more than {@code most}
   */
  List<String> names(String folder, String pattern, int most) throws IOException {
    Path path = directory.resolve(folder);
    if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(path)) {
      List<String> names =
          files
              .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
              .map(file -> file.getFileName().toString())
              .filter(name -> name.matches(pattern))
              .limit(most + 1L)
              .sorted()
              .toList();
      if (names.size() > most) {
        throw new IOException("there are more than " + most + " files in " + path);
      }
      return names;
    }
  }

  private void note(String name, BasicFileAttributes attributes) {
    Matcher tile = TILE.matcher(name);
    if (!attributes.isRegularFile()) {
      strange.put(name, "a link or special file");
    } else if (tile.matches()) {
      int level = tile.group(1).equals("entries") ? ENTRIES : Integer.parseInt(tile.group(1));
      long index = Long.parseLong(tile.group(2).replaceAll("[x/]", ""));
      int width = tile.group(3) == null ? WIDTH : Integer.parseInt(tile.group(3));
      Tile found = new Tile(level, index, width);
      if (width > 0 && width <= WIDTH && found.path().equals("tile/" + name)) {
        tiles.add(found);
        return;
      }
      strange.put(name, "no tile of a log");
    } else if (!name.endsWith(".new")) {
      strange.put(name, "no tile of a log");
    }
  }
}
