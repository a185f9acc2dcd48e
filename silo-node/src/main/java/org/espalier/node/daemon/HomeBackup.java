package org.espalier.node.daemon;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.Passphrase;
import org.espalier.wire.Digests;

/**
 * A copy of everything that a node cannot do without, as one ZIP file: configuration, keys (sealed
 * by the passphrase; that and other files of secrets are not in it), database, audit log, cohorts,
 * results, and what is known of partners' logs. It is made while no node runs, so that all of it is
 * of one moment.
 */
public final class HomeBackup {
  private static final String SUMS = "SHA256SUMS";
  private static final long MAX_SUMS = 64L << 20;

  /** Temporary, of the machine, or to be kept elsewhere than what it opens. */
  private static final Set<String> LEFT_OUT =
      Set.of("passphrase", "node.pid", "node.out", "control.sock", "work");

  private HomeBackup() {}

  /**
   * @param files in it
   * @param bytes of the ZIP file
   */
  public record Made(Path file, int files, long bytes) {}

  /**
   * Writes a backup.
   *
   * @param file that does not exist yet
   * @throws Problem if a node runs in the folder, or it cannot be read or the file not be written
   */
  @SuppressWarnings("try") // the lock is held, and nothing is asked of it
  public static Made write(SiloHome home, Path file) {
    Set<Path> secrets = secrets(home.root(), home.load());
    try (HomeLock unused = HomeLock.take(home)) {
      return locked(home, file, secrets);
    } catch (IOException | UncheckedIOException e) {
      throw Problem.refused("the backup cannot be written").detail(e.getMessage()).because(e);
    }
  }

  private static Made locked(SiloHome home, Path file, Set<Path> secrets) throws IOException {
    if (file.startsWith(home.root())) {
      throw Problem.refused("a backup does not lie in the folder that it is of")
          .next("choose another place");
    }
    if (Files.exists(file)) {
      throw Problem.refused(file + " exists already").next("choose another name");
    }
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Files.deleteIfExists(part);
    Files.createFile(
        part, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    int files;
    try (OutputStream out = Files.newOutputStream(part, StandardOpenOption.WRITE);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      files = write(home, zip, secrets);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(part);
      throw e;
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    return new Made(file, files, Files.size(file));
  }

  /** Files with secrets that silo.yaml names, as far as they lie in the folder. */
  private static Set<Path> secrets(Path root, SiloConfig config) {
    Set<Path> files = new HashSet<>();
    if (config.scoring() != null) {
      files.add(config.scoring().keystorePassphrase());
    }
    if (config.console() != null) {
      files.add(config.console().keystorePassphrase());
    }
    if (config.metrics() != null) {
      files.add(config.metrics().keystorePassphrase());
      files.add(config.metrics().token());
    }
    if (config.database() != null) {
      files.add(config.database().passwordFile());
    }
    if (config.keys() != null && config.keys().pkcs11() != null) {
      files.add(config.keys().pkcs11().pinFile());
    }
    files.remove(null);
    return files.stream().map(file -> root.resolve(file).normalize()).collect(Collectors.toSet());
  }

  private static int write(SiloHome home, ZipOutputStream zip, Set<Path> secrets)
      throws IOException {
    Map<String, String> sums = new TreeMap<>();
    // An old state of an alignment under way would answer again under the same masks.
    Path begun = home.cohorts().resolve(Cohorts.BEGUN);
    try (Stream<Path> all = Files.walk(home.root())) {
      for (Path path : all.sorted().toList()) {
        String name = home.root().relativize(path).toString();
        String top = name.contains("/") ? name.substring(0, name.indexOf('/')) : name;
        boolean sealed = path.equals(home.passphrase()) && Passphrase.isSealed(path);
        if ((LEFT_OUT.contains(top) && !sealed)
            || path.startsWith(begun)
            || secrets.contains(path)
            || !Files.isRegularFile(path)) {
          continue;
        }
        zip.putNextEntry(new ZipEntry(name));
        MessageDigest sha256 = Digests.sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(path), sha256)) {
          in.transferTo(zip);
        }
        zip.closeEntry();
        sums.put(name, HexFormat.of().formatHex(sha256.digest()));
      }
    }
    zip.putNextEntry(new ZipEntry(SUMS));
    for (Map.Entry<String, String> sum : sums.entrySet()) {
      zip.write((sum.getValue() + "  " + sum.getKey() + "\n").getBytes(StandardCharsets.UTF_8));
    }
    zip.closeEntry();
    return sums.size();
  }

  /**
   * Puts a backup into a folder that is empty or missing. What does not agree with the digests that
   * were written with it is an error, and nothing of it is left.
   *
   * @return files put there
   * @throws Problem if that is not possible
   */
  public static int restore(Path file, SiloHome home) {
    Path root = home.root();
    try {
      if (Files.exists(root)) {
        try (Stream<Path> entries = Files.list(root)) {
          if (entries.anyMatch(path -> !path.endsWith("passphrase"))) {
            throw Problem.wrongState(root + " is not empty").next("choose another --home");
          }
        }
      }
      SiloHome.createFolder(root);
      Set<String> put = new HashSet<>();
      try {
        return restore(file, root, put);
      } catch (IOException | RuntimeException e) {
        clear(root, put);
        throw e;
      }
    } catch (IOException | UncheckedIOException e) {
      throw Problem.refused("the backup cannot be restored").detail(e.getMessage()).because(e);
    }
  }

  /** Takes back what was put there, and the folders for it. */
  private static void clear(Path root, Set<String> put) throws IOException {
    for (String name : put) {
      Files.deleteIfExists(root.resolve(name));
    }
    try (Stream<Path> left = Files.walk(root)) {
      for (Path path : left.sorted(Comparator.reverseOrder()).toList()) {
        if (Files.isDirectory(path) && !path.equals(root)) {
          Files.delete(path);
        }
      }
    }
  }

  private static int restore(Path file, Path root, Set<String> put) throws IOException {
    Map<String, String> found = new TreeMap<>();
    String sums = null;
    try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        String name = entry.getName();
        Path target = root.resolve(name).normalize();
        if (!target.startsWith(root) || target.equals(root) || name.contains("\\")) {
          throw new IOException("a name in it leads out of the folder: " + name);
        }
        if (name.equals(SUMS)) {
          byte[] text = zip.readNBytes((int) MAX_SUMS);
          sums = new String(text, StandardCharsets.UTF_8);
          continue;
        }
        for (Path parent = target.getParent(); !parent.equals(root); parent = parent.getParent()) {
          SiloHome.createFolder(parent);
        }
        MessageDigest sha256 = Digests.sha256();
        SiloHome.createFile(target, new byte[0]);
        put.add(name);
        try (OutputStream out =
            new DigestOutputStream(
                Files.newOutputStream(target, StandardOpenOption.WRITE), sha256)) {
          zip.transferTo(out);
        }
        found.put(name, HexFormat.of().formatHex(sha256.digest()));
      }
    }
    if (sums == null) {
      throw new IOException("it is no whole backup: " + SUMS + " is missing");
    }
    Map<String, String> said = new TreeMap<>();
    for (String line : sums.lines().toList()) {
      int gap = line.indexOf("  ");
      if (gap > 0) {
        said.put(line.substring(gap + 2), line.substring(0, gap));
      }
    }
    if (!said.equals(found)) {
      Set<String> names = new HashSet<>(said.keySet());
      names.addAll(found.keySet());
      names.removeIf(name -> said.getOrDefault(name, "").equals(found.get(name)));
      throw new IOException("it was changed or is damaged: " + names.stream().sorted().toList());
    }
    return found.size();
  }
}
