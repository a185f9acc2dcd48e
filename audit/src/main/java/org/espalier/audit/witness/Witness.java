package org.espalier.audit.witness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.verify.DurableFile;
import org.espalier.audit.verify.Evidence;
import org.espalier.audit.verify.Proofs;
import org.espalier.audit.verify.SignedNote;
import org.espalier.audit.verify.TreeHead;
import org.espalier.audit.verify.TrustedKey;

/**
 * A witness of other parties' logs: signs a checkpoint only if it continues the newest one that it
 * has signed of that log, and remembers it, durably, before it answers. So one log cannot have two
 * histories, or a shorter one than before, under this signature.
 *
 * <p>One directory belongs to one witness of one process. What it remembers of a log is one file,
 * the verifier key and the newest checkpoint. Thread-safe.
 *
 * @see <a href="https://c2sp.org/tlog-witness">C2SP tlog-witness</a>
 */
public final class Witness {
  private static final int MAX_FILE = CheckpointRequest.MAX_BYTES + 1024;

  /** Of a file. */
  private static final String NAME = "[0-9a-f]{64}";

  private final Path directory;
  private final NoteSigner signer;
  private final Clock clock;

  /**
   * An answer, by the numbers of the protocol.
   *
   * @param status 200 signed; 400 not a request, or an old size above the checkpoint's; 403 not
   *     signed by the log's key; 404 a log that is not witnessed; 409 seen up to another size than
   *     the old one, or another root at the same size; 422 the proof does not hold
   * @param body of 200 the signature line, of 409 the size that was seen; otherwise empty
   * @param fork of 409 at the same size and of 422: both signed notes, which may be proof of two
   *     histories; or null
   */
  public record Answer(int status, String body, Evidence fork) {
    /** As it comes over a line. */
    public static Answer of(int status, String body) {
      return new Answer(status, body, null);
    }

    private static Answer of(int status) {
      return of(status, "");
    }
  }

  /**
   * A log as it was seen last.
   *
   * @param key the log's
   * @param size 0 if nothing of it was seen yet
   * @param root 32 bytes
   * @param note the newest checkpoint, or empty
   */
  public record Seen(TrustedKey key, long size, byte[] root, String note) {}

  /**
   * @param directory is made if there is none
   * @param signer a key of use {@link NoteSigner.Use#WITNESS}
   */
  public Witness(Path directory, NoteSigner signer, Clock clock) throws IOException {
    this.directory = Files.createDirectories(directory);
    this.signer = signer;
    this.clock = clock;
  }

  /** This witness's verifier key. */
  public String vkey() {
    return signer.vkey();
  }

  /**
   * Takes up a log.
   *
   * @return whether its key is the one under which it is known; a known log keeps its key
   * @throws IOException if what is remembered of it cannot be read, or the log not be remembered
   */
  public synchronized boolean accept(TrustedKey key) throws IOException {
    Optional<Seen> known = seen(key.name());
    if (known.isPresent()) {
      return known.get().key().toString().equals(key.toString());
    }
    DurableFile.replace(file(key.name()), (key + "\n\n").getBytes(UTF_8));
    return true;
  }

  /**
   * What is remembered of a log.
   *
   * @throws IOException if it cannot be read: that may not pass for a log that was never seen
   */
  public Optional<Seen> seen(String origin) throws IOException {
    Path file = file(origin);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    Seen seen = read(file);
    if (seen.key().name().equals(origin)) {
      return Optional.of(seen);
    }
    throw damaged(file, null);
  }

  private static Seen read(Path file) throws IOException {
    byte[] bytes;
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      bytes = in.readNBytes(MAX_FILE);
    }
    String text = new String(bytes, UTF_8);
    int gap = text.indexOf("\n\n");
    try {
      TrustedKey key = TrustedKey.parse(gap < 0 ? "" : text.substring(0, gap));
      String note = text.substring(gap + 2);
      if (note.isEmpty()) {
        return new Seen(key, 0, Hashing.emptyRoot(), "");
      }
      TreeHead head = TreeHead.checkpoint(note.getBytes(UTF_8));
      if (head != null && key.name().equals(head.origin())) {
        return new Seen(key, head.size(), head.root(), note);
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw damaged(file, e);
    }
    throw damaged(file, null);
  }

  private static IOException damaged(Path file, Exception cause) {
    return new IOException("what is remembered in " + file + " is damaged", cause);
  }

  /**
   * Answers one request.
   *
   * @param request at most 64 KiB are looked at
   * @throws IOException if something cannot be read or remembered; then nothing was signed
   */
  public synchronized Answer add(byte[] request) throws IOException {
    CheckpointRequest asked;
    try {
      asked = CheckpointRequest.parse(request);
    } catch (IllegalArgumentException e) {
      return Answer.of(400);
    }
    TreeHead head = TreeHead.checkpoint(asked.checkpoint());
    if (head == null) {
      return Answer.of(400);
    }
    Optional<Seen> known = seen(head.origin());
    if (known.isEmpty()) {
      return Answer.of(404);
    }
    Seen seen = known.get();
    if (head.note().by(seen.key()) != SignedNote.Check.GOOD) {
      return Answer.of(403);
    }
    if (asked.oldSize() > head.size()) {
      return Answer.of(400);
    }
    if (asked.oldSize() != seen.size()) {
      return Answer.of(409, seen.size() + "\n");
    }
    if (head.size() == seen.size()) {
      if (!Arrays.equals(head.root(), seen.root())) {
        return new Answer(409, seen.size() + "\n", fork(seen, head));
      }
      if (!asked.proof().isEmpty()) {
        return Answer.of(422);
      }
    } else if (seen.size() == 0
        ? !asked.proof().isEmpty()
        : !Proofs.consistent(seen.size(), seen.root(), head.size(), head.root(), asked.proof())) {
      return new Answer(422, "", seen.size() == 0 ? null : fork(seen, head));
    }
    String line = signer.cosignature(head.note().text(), Instant.now(clock));
    DurableFile.replace(
        file(head.origin()), (seen.key() + "\n\n" + head.note().whole()).getBytes(UTF_8));
    return Answer.of(200, line);
  }

  /**
   * Answers one request of a party that may ask for one log only, which is taken up if it is new.
   *
   * @param log the party's
   * @return as {@link #add(byte[])}; 403 also for a checkpoint of another log
   */
  public synchronized Answer add(TrustedKey log, byte[] request) throws IOException {
    TreeHead head;
    try {
      head = TreeHead.checkpoint(CheckpointRequest.parse(request).checkpoint());
    } catch (IllegalArgumentException e) {
      return Answer.of(400);
    }
    if (head == null) {
      return Answer.of(400);
    }
    return head.origin().equals(log.name()) && accept(log) ? add(request) : Answer.of(403);
  }

  /**
   * All logs that are remembered in a directory, by name.
   *
   * @param directory of a witness; need not exist
   */
  public static List<Seen> all(Path directory) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    List<Seen> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(f -> f.getFileName().toString().matches(NAME)).toList()) {
        all.add(read(file));
      }
    }
    all.sort(Comparator.comparing(seen -> seen.key().name()));
    return all;
  }

  /**
   * Puts aside what is remembered of a log, which then can begin anew under any key. The file stays
   * under another name.
   *
   * @return whether anything was remembered
   */
  public synchronized boolean forget(String origin) throws IOException {
    Path file = file(origin);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    Files.move(file, file.resolveSibling(file.getFileName() + ".until-" + clock.millis()));
    return true;
  }

  private static Evidence fork(Seen seen, TreeHead head) {
    return new Evidence(
        head.origin(),
        seen.key().toString(),
        seen.note(),
        head.note().whole(),
        head.size() == seen.size()
            ? "two roots of " + head.size() + " events"
            : "no proof that the tree of %d events continues that of %d"
                .formatted(head.size(), seen.size()));
  }

  private Path file(String origin) {
    String name = HexFormat.of().formatHex(Hashing.sha256(origin.getBytes(UTF_8)));
    return directory.resolve(name);
  }
}
