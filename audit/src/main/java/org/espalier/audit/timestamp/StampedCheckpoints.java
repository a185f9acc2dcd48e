package org.espalier.audit.timestamp;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.espalier.audit.verify.DurableFile;
import org.espalier.audit.verify.TimeStamp;

/** The checkpoints of a log that were stamped, beside the log, each with its token. */
public final class StampedCheckpoints {
  private static final String CHECKPOINT = ".checkpoint";
  private static final String TOKEN = ".tst";

  private final Path folder;

  /**
   * @param log directory of the log
   */
  public StampedCheckpoints(Path log) {
    this.folder = log.resolve("stamped");
  }

  /** Keeps a token; when this returns, it is on stable storage. */
  public void keep(long size, String note, byte[] token) throws IOException {
    Files.createDirectories(folder);
    // A checkpoint without its token would count as missing one.
    DurableFile.replace(folder.resolve(name(size) + TOKEN), token);
    DurableFile.replace(folder.resolve(name(size) + CHECKPOINT), note.getBytes(UTF_8));
  }

  /** The largest size that was stamped. */
  public Optional<Long> newest() throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("[0-9]{15}\\" + CHECKPOINT))
          .map(name -> Long.parseLong(name.substring(0, name.indexOf('.'))))
          .max(Comparator.naturalOrder());
    }
  }

  /** The token of a checkpoint, if it was stamped. */
  public Optional<byte[]> token(long size) throws IOException {
    Path file = folder.resolve(name(size) + TOKEN);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.of(in.readNBytes(TimeStamp.MAX_BYTES + 1));
    }
  }

  private static String name(long size) {
    return "%015d".formatted(size);
  }
}
