package org.espalier.audit.log;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Every change that the writer makes to the disk goes through here. */
final class Disk {
  /** Asked before each operation; tests use it to fail or to cut short a chosen one. */
  @FunctionalInterface
  interface Gate {
    /** Lets everything through. */
    Gate OPEN = (operation, path, length) -> length;

    /**
     * Returns how many of {@code length} bytes may be written before the disk is full; other
     * operations have length 0.
     */
    int pass(String operation, Path path, int length) throws IOException;
  }

  private static final Set<OpenOption> APPEND =
      Set.of(
          StandardOpenOption.CREATE,
          StandardOpenOption.READ,
          StandardOpenOption.WRITE,
          LinkOption.NOFOLLOW_LINKS);
  private static final Set<OpenOption> REPLACE =
      Set.of(
          StandardOpenOption.CREATE,
          StandardOpenOption.TRUNCATE_EXISTING,
          StandardOpenOption.WRITE,
          LinkOption.NOFOLLOW_LINKS);

  private final Gate gate;

  Disk(Gate gate) {
    this.gate = gate;
  }

  void createDirectories(Path directory) throws IOException {
    if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    gate.pass("mkdir", directory, 0);
    Path parent = directory.toAbsolutePath().getParent();
    Files.createDirectories(directory, attributes(parent, "rwx------"));
    if (parent != null) {
      forceDirectory(parent);
    }
  }

  /** Opens for reading and writing, creating the file; never follows a link. */
  FileChannel open(Path file) throws IOException {
    gate.pass("open", file, 0);
    return FileChannel.open(
        file, APPEND, attributes(file.toAbsolutePath().getParent(), "rw-------"));
  }

  void write(FileChannel channel, Path file, ByteBuffer bytes, long position) throws IOException {
    int wanted = bytes.remaining();
    int allowed = gate.pass("write", file, wanted);
    ByteBuffer part = bytes.duplicate().limit(bytes.position() + allowed);
    for (long at = position; part.hasRemaining(); ) {
      at += channel.write(part, at);
    }
    if (allowed < wanted) {
      throw new FileSystemException(file.toString(), null, "No space left on device");
    }
  }

  void force(FileChannel channel, Path file) throws IOException {
    gate.pass("force", file, 0);
    channel.force(true);
  }

  void truncate(FileChannel channel, Path file, long size) throws IOException {
    gate.pass("truncate", file, 0);
    channel.truncate(size);
  }

  /** Replaces a file so that after a crash either the old or the new content is there, durable. */
  void replace(Path file, byte[] content) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    createDirectories(parent);
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    gate.pass("open", fresh, 0);
    try (FileChannel channel = FileChannel.open(fresh, REPLACE, attributes(parent, "rw-------"))) {
      write(channel, fresh, ByteBuffer.wrap(content), 0);
      force(channel, fresh);
    }
    gate.pass("rename", file, 0);
    Files.move(fresh, file, ATOMIC_MOVE, REPLACE_EXISTING);
    forceDirectory(parent);
  }

  /** Removes a file; durable when it returns. */
  void delete(Path file) throws IOException {
    gate.pass("delete", file, 0);
    Files.delete(file);
    forceDirectory(file.toAbsolutePath().getParent());
  }

  void deleteTree(Path directory) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    gate.pass("delete", directory, 0);
    try (var files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  void forceDirectory(Path directory) throws IOException {
    gate.pass("force", directory, 0);
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Identity of the regular file or directory at a path, which changes when another one is put
   * there; null if there is none or if it is a link or of another kind.
   */
  static Object identity(Path path) {
    try {
      BasicFileAttributes attributes =
          Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!attributes.isRegularFile() && !attributes.isDirectory()) {
        return null;
      }
      return attributes.fileKey() == null ? attributes.creationTime() : attributes.fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  private static FileAttribute<?>[] attributes(Path parent, String permissions) {
    if (parent == null || !parent.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      return new FileAttribute<?>[0];
    }
    return new FileAttribute<?>[] {
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
    };
  }
}
