package org.espalier.node.config;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.Set;
import java.util.stream.Stream;
import org.espalier.node.Problem;

/** Where everything of one node lies. Only its owner may enter the folder. */
public record SiloHome(Path root) {
  private static final Set<PosixFilePermission> FOLDER =
      PosixFilePermissions.fromString("rwx------");
  private static final int MAX_SOCKET_PATH = 107;
  private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");

  public SiloHome {
    root = root.toAbsolutePath().normalize();
  }

  public Path config() {
    return root.resolve("silo.yaml");
  }

  /** What the own operator allows; need not be there. */
  public Path policy() {
    return root.resolve("policy.yaml");
  }

  /** Frozen alignments. */
  public Path cohorts() {
    return root.resolve("cohorts");
  }

  public Path passphrase() {
    return root.resolve("passphrase");
  }

  public Path keys() {
    return root.resolve("keys");
  }

  public Path database() {
    return root.resolve("silo.db");
  }

  public Path audit() {
    return root.resolve("audit");
  }

  /** A log that takes the place of another, until it is complete. */
  public Path nextAudit() {
    return root.resolve("audit.next");
  }

  /**
   * A log whose end was lost, as it was found; nothing is written there again.
   *
   * @param number at the end of the log's name
   */
  public Path frozenAudit(int number) {
    return root.resolve("audit.frozen-" + number);
  }

  /** Names of people for the pseudonyms in the audit log, and the keys of these. */
  public Path people() {
    return root.resolve("people");
  }

  /** What this node remembers of partners' logs, and their keys as witnesses of its own. */
  public Path witness() {
    return root.resolve("witness");
  }

  public Path results() {
    return root.resolve("results");
  }

  /** Records of online scoring. */
  public Path scoring() {
    return root.resolve("scoring");
  }

  /** Temporary files of the running node, and of no backup. */
  public Path work() {
    return root.resolve("work");
  }

  public Path log() {
    return root.resolve("node.log");
  }

  /** What the Java virtual machine itself prints when the node runs in the background. */
  public Path console() {
    return root.resolve("node.out");
  }

  public Path socket() {
    return root.resolve("control.sock");
  }

  /** Whether a path is short enough for a socket: the kernel's limit, less its end mark. */
  public static boolean fitsSocket(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length <= MAX_SOCKET_PATH;
  }

  public Path pid() {
    return root.resolve("node.pid");
  }

  public boolean exists() {
    return Files.isRegularFile(config());
  }

  public SiloConfig load() {
    if (!exists()) {
      throw Problem.notFound("no node in " + root)
          .next("silo init --home " + root + " --name NAME --listen HOST:PORT");
    }
    return Json.yaml(config(), SiloConfig.class);
  }

  /** Makes a folder that only its owner may read. */
  public static void createFolder(Path folder) throws IOException {
    Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(FOLDER));
    Files.setPosixFilePermissions(folder, FOLDER);
  }

  /** Deletes a folder with all that is in it; none is no error. */
  public static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  /** Writes a new file that only its owner may read; an existing one is an error. */
  public static void createFile(Path file, byte[] content) throws IOException {
    Files.createFile(file, PosixFilePermissions.asFileAttribute(FILE));
    Files.write(file, content, StandardOpenOption.WRITE);
  }
}
