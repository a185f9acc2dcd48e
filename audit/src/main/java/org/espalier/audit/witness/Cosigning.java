package org.espalier.audit.witness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.merkle.ProofBuilder;
import org.espalier.audit.verify.DurableFile;
import org.espalier.audit.verify.SignedNote;
import org.espalier.audit.verify.TreeHead;
import org.espalier.audit.verify.TrustedKey;

/**
 * Has a log's checkpoints signed by witnesses and keeps the signatures beside the log, in {@code
 * cosigned/KEY-ID/SIZE}: of each witness the newest and the last one of each day.
 *
 * <p>What a verifier takes from a signature is that at its time the log was that far and no
 * further. So only a fresh checkpoint may be shown to a witness, and a signature whose time is not
 * that of this machine is not kept.
 */
public final class Cosigning {
  /** Folder in that of the log. */
  public static final String FOLDER = "cosigned";

  /** How far the clocks of the log and of a witness may be apart. */
  public static final Duration CLOCKS = Duration.ofMinutes(2);

  private static final int MAX_FILE = 64 * 1024;

  private final Path log;
  private final Clock clock;

  /** The way to a witness. */
  @FunctionalInterface
  public interface Line {
    Witness.Answer ask(byte[] request) throws IOException;
  }

  /**
   * What became of it.
   *
   * @param status of the protocol; 200: the signature is kept
   * @param size of the checkpoint
   * @param time of the signature; null if there is none
   * @param problem in words; empty if the signature is kept
   */
  public record Result(int status, long size, Instant time, String problem) {}

  /**
   * @param log directory of the log
   */
  public Cosigning(Path log, Clock clock) {
    this.log = log;
    this.clock = clock;
  }

  /**
   * A checkpoint of the log with the signatures that these witnesses gave it and that are kept.
   *
   * @param note signed by the log
   */
  public String with(String note, Collection<TrustedKey> witnesses) throws IOException {
    TreeHead head = TreeHead.checkpoint(note.getBytes(UTF_8));
    StringBuilder all = new StringBuilder(note);
    for (TrustedKey witness : witnesses) {
      Path file = folder(witness).resolve(name(head.size()));
      TreeHead kept = Files.exists(file, LinkOption.NOFOLLOW_LINKS) ? read(file) : null;
      if (kept != null
          && kept.note().text().equals(head.note().text())
          && kept.note().cosignedBy(witness).isPresent()) {
        all.append(kept.note().whole().substring(note.length()));
      }
    }
    return all.toString();
  }

  /** How far a witness has signed the log, by the signatures that are kept. */
  public record Newest(long size, Instant time) {}

  /** The newest signature of a witness that is kept. */
  public Optional<Newest> newest(TrustedKey witness) throws IOException {
    List<Path> kept = kept(witness);
    if (kept.isEmpty()) {
      return Optional.empty();
    }
    TreeHead head = read(kept.get(kept.size() - 1));
    return head == null
        ? Optional.empty()
        : head.note().cosignedBy(witness).map(time -> new Newest(head.size(), time));
  }

  /**
   * Shows the newest checkpoint, which the caller has just made, to a witness.
   *
   * @throws IOException if the log cannot be read, the signature not be kept, or the witness not be
   *     asked
   */
  public Result ask(TrustedKey witness, Line line) throws IOException {
    LogReader reader = LogReader.open(log);
    TreeHead head =
        reader
            .checkpoint()
            .map(note -> TreeHead.checkpoint(note.getBytes(UTF_8)))
            .orElseThrow(() -> new IOException("the log has no checkpoint that can be read"));
    if (head.size() > reader.size()) {
      // Made while the journal was read.
      reader = LogReader.open(log);
    }
    long old = Math.min(newest(witness).map(Newest::size).orElse(0L), head.size());
    Witness.Answer answer = line.ask(request(reader, old, head));
    if (answer.status() == 409) {
      long seen = size(answer.body());
      if (seen > head.size()) {
        return new Result(
            409,
            head.size(),
            null,
            "it has seen %d events of this log, which has %d: was an old copy put back?"
                .formatted(seen, head.size()));
      }
      if (seen >= 0 && seen != old) {
        answer = line.ask(request(reader, seen, head));
      }
    }
    return answer.status() == 200
        ? keep(witness, head, answer.body())
        : new Result(answer.status(), head.size(), null, words(answer.status()));
  }

  private static byte[] request(LogReader reader, long old, TreeHead head) throws IOException {
    List<byte[]> proof =
        old == 0 || old == head.size()
            ? List.of()
            : new ProofBuilder(reader).consistency(old, head.size());
    return new CheckpointRequest(old, proof, head.note().whole().getBytes(UTF_8)).encode();
  }

  private Result keep(TrustedKey witness, TreeHead head, String line) throws IOException {
    SignedNote both =
        line.length() > MAX_FILE
            ? null
            : SignedNote.parse((head.note().whole() + line).getBytes(UTF_8));
    Optional<Instant> time = both == null ? Optional.empty() : both.cosignedBy(witness);
    if (time.isEmpty()) {
      return new Result(200, head.size(), null, "its answer is no signature by its key");
    }
    Duration apart = Duration.between(time.get(), clock.instant()).abs();
    if (apart.compareTo(CLOCKS) > 0) {
      return new Result(
          200,
          head.size(),
          time.get(),
          "its clock and this machine's are %d s apart".formatted(apart.toSeconds()));
    }
    Optional<Newest> before = newest(witness);
    Path folder = Files.createDirectories(folder(witness));
    DurableFile.replace(folder.resolve(name(head.size())), both.whole().getBytes(UTF_8));
    if (before.isPresent()
        && before.get().size() < head.size()
        && day(before.get().time()).equals(day(time.get()))) {
      Files.deleteIfExists(folder.resolve(name(before.get().size())));
    }
    return new Result(200, head.size(), time.get(), "");
  }

  private static Object day(Instant time) {
    return time.atZone(ZoneOffset.UTC).toLocalDate();
  }

  private static String words(int status) {
    return switch (status) {
      case 400 -> "it takes the request for none";
      case 403 -> "it knows this log under another key";
      case 404 -> "it does not witness this log";
      case 409 -> "it has seen another history of this log, or asks again and again for another";
      case 422 -> "what it has seen of this log is not the beginning of what there is now";
      default -> "it answered with " + status;
    };
  }

  private static long size(String body) {
    return body.matches("[0-9]{1,18}\n") ? Long.parseLong(body.strip()) : -1;
  }

  private List<Path> kept(TrustedKey witness) throws IOException {
    Path folder = folder(witness);
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().matches("[0-9]{15}"))
          .sorted()
          .toList();
    }
  }

  private static TreeHead read(Path file) throws IOException {
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      return TreeHead.checkpoint(in.readNBytes(MAX_FILE));
    }
  }

  private Path folder(TrustedKey witness) {
    return log.resolve(FOLDER).resolve(witness.idText());
  }

  private static String name(long size) {
    return "%015d".formatted(size);
  }
}
