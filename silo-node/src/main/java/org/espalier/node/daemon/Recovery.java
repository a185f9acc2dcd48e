package org.espalier.node.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.AuditUnavailableException;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.log.PersonStore;
import org.espalier.audit.merkle.Frontier;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.verify.DurableFile;
import org.espalier.audit.verify.ProvenClaims;
import org.espalier.audit.verify.TreeHead;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.job.Peers;
import org.espalier.wire.Party;

/**
 * How one log ends and the next begins: in order, when its key is changed, or after its end was
 * lost, with a disk or by a backup that was put back. Going on under the same name would sign two
 * histories. So what there is is frozen for ever, its private key is destroyed, and another log
 * begins under the next number, which says first where the old one ended here and how far partners
 * had seen it.
 */
final class Recovery {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int MAX_NOTE = 64 * 1024;
  private static final Pattern NUMBERED = Pattern.compile("(.+/silo/audit/)([1-9][0-9]{0,2})");
  private static final Pattern REASON = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");
  private static final Pattern OPERATOR = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._@-]{0,63}");
  private static final String KEY = "vkey";
  private static final String JOURNAL = "journal";

  private final SiloHome home;
  private final AuditLog log;
  private final Peers peers;
  private final Supplier<List<Party>> partners;

  /**
   * @param partners those that are confirmed
   */
  Recovery(SiloHome home, AuditLog log, Peers peers, Supplier<List<Party>> partners) {
    this.home = home;
    this.log = log;
    this.peers = peers;
    this.partners = partners;
  }

  // ---- while the node runs --------------------------------------------------------------------

  /**
   * Asks all partners how far they have seen this log, and keeps what they say.
   *
   * @return {@code origin, size, partners[{partner, size?, problem?}], behind}
   */
  JsonNode ask() {
    TrustedKey key = TrustedKey.parse(AuditKeys.verifierKey(home));
    ObjectNode result = Json.object().put("origin", log.origin()).put("size", log.size());
    ArrayNode told = result.putArray("partners");
    boolean behind = false;
    for (Party partner : partners.get()) {
      ObjectNode one = told.addObject().put("partner", partner.name());
      try {
        JsonNode answer = peers.request(partner, WitnessRequests.NEWEST, Json.object(), PATIENCE);
        Optional<TreeHead> newest = Optional.empty();
        for (JsonNode note : answer.path("checkpoints")) {
          newest = newest.or(() -> own(note.asText().getBytes(UTF_8), key));
        }
        if (newest.isEmpty()) {
          one.put("problem", "has signed nothing of this log");
          continue;
        }
        TreeHead head = newest.get();
        one.put("size", head.size());
        if (isBehind(log.reader(), head)) {
          behind = true;
          one.put("problem", "has seen what is not in this log");
          SiloHome.createFolder(kept(home));
          DurableFile.replace(
              kept(home).resolve(partner.name()), head.note().whole().getBytes(UTF_8));
        }
      } catch (Problem e) {
        one.put("problem", e.what());
      } catch (IOException e) {
        throw unreadable(e);
      }
    }
    return result.put("behind", behind);
  }

  private static Path kept(SiloHome home) {
    return home.witness().resolve("own");
  }

  /** A checkpoint of the log of this key, if it is one: nobody else can make one up. */
  private static Optional<TreeHead> own(byte[] note, TrustedKey key) {
    TreeHead head = note.length > MAX_NOTE ? null : TreeHead.checkpoint(note);
    return ProvenClaims.isSigned(head, key) ? Optional.of(head) : Optional.empty();
  }

  /** Whether the log here is not what was seen, or its continuation. */
  private static boolean isBehind(LogReader reader, TreeHead seen) throws IOException {
    return seen.size() > reader.size()
        || !Arrays.equals(Frontier.of(seen.size(), reader).root(), seen.root());
  }

  // ---- while it does not ----------------------------------------------------------------------

  static JsonNode begin(SiloHome home, List<byte[]> seen, String reason, List<String> operators) {
    if (!REASON.matcher(reason).matches()) {
      throw Args.usage("the reason is a code, such as disk.lost");
    }
    requireTwo(operators);
    return successor(home, (key, origin) -> prepare(home, key, origin, seen, reason, operators));
  }

  /**
   * Ends the log in order and begins the next one under another key. The old key's last words are
   * the digest of the new one.
   */
  static JsonNode rotate(SiloHome home, List<String> operators) {
    requireTwo(operators);
    return successor(
        home,
        (key, origin) -> {
          String before = EventBuilder.sha256(key.toString().getBytes(UTF_8));
          NoteSigner next = freshKey(home, origin);
          String after = EventBuilder.sha256(next.vkey().getBytes(UTF_8));
          Checkpoint last;
          try (AuditLog log = AuditLog.open(home.audit(), AuditKeys.open(home))) {
            log.concludeInterrupted();
            log.fact(
                EventType.KEY_ROTATE,
                e -> signedBy(home, e.before(before).after(after), operators, "key.rotate"));
            last = log.checkpoint();
          }
          write(
              home,
              next,
              e ->
                  signedBy(
                      home,
                      e.tree(last.size(), Checkpoint.rootBase64(last.root()))
                          .peerCheckpoint(
                              last.origin(), last.size(), Checkpoint.rootBase64(last.root()))
                          .reason("key.rotated")
                          .before(before)
                          .after(after),
                      operators,
                      "log.continued"));
        });
  }

  @FunctionalInterface
  private interface Preparation {
    /**
     * @param key of the present log
     * @param origin of the next
     */
    void run(TrustedKey key, String origin) throws IOException;
  }

  @SuppressWarnings("try") // the lock is held, and nothing is asked of it
  private static JsonNode successor(SiloHome home, Preparation preparation) {
    home.load();
    try (HomeLock unused = HomeLock.take(home)) {
      TrustedKey key = TrustedKey.parse(AuditKeys.verifierKey(home));
      Matcher name = NUMBERED.matcher(key.name());
      if (!name.matches()) {
        throw Problem.wrongState("the log's name has no number: " + key.name());
      }
      int number = Integer.parseInt(name.group(2));
      if (!Files.exists(home.frozenAudit(number))) {
        preparation.run(key, name.group(1) + (number + 1));
      }
      return finish(home, key, number);
    } catch (IOException | AuditUnavailableException e) {
      throw Problem.refused("the new audit log cannot be begun")
          .detail(e.getMessage())
          .next("the same command again")
          .because(e);
    }
  }

  private static void requireTwo(List<String> operators) {
    if (operators.size() != 2
        || operators.get(0).equals(operators.get(1))
        || !operators.stream().allMatch(name -> OPERATOR.matcher(name).matches())) {
      throw Args.usage("two different operators are needed, by identifiers of letters and digits");
    }
  }

  private static EventBuilder signedBy(
      SiloHome home, EventBuilder event, List<String> operators, String meaning) {
    try {
      PersonStore people = PersonStore.open(home.people());
      for (String operator : operators) {
        event.personApproval(people.pseudonym(operator), meaning, null);
      }
      return event;
    } catch (IOException e) {
      throw Problem.refused("the pseudonyms of the operators cannot be kept")
          .detail(e.getMessage())
          .because(e);
    }
  }

  private static NoteSigner freshKey(SiloHome home, String origin) throws IOException {
    SiloHome.delete(home.nextAudit());
    Files.deleteIfExists(AuditKeys.next(home));
    return AuditKeys.create(home, AuditKeys.next(home), origin);
  }

  /** Writes the next log with its first event. */
  private static void write(SiloHome home, NoteSigner signer, Consumer<EventBuilder> first)
      throws IOException {
    SiloHome.createFolder(home.nextAudit());
    try (AuditLog log = AuditLog.open(home.nextAudit(), signer)) {
      log.fact(EventType.LOG_CONTINUED, first);
      log.checkpoint();
    }
  }

  /** Makes the new log and its key, complete, beside the old ones. */
  private static void prepare(
      SiloHome home,
      TrustedKey key,
      String origin,
      List<byte[]> seen,
      String reason,
      List<String> operators)
      throws IOException {
    TreeHead witnessed = newest(home, key, seen);
    long size = 0;
    byte[] root = Hashing.emptyRoot();
    try {
      LogReader reader = LogReader.open(home.audit());
      if (!isBehind(reader, witnessed)) {
        throw Problem.wrongState("the log here holds all that was seen of it: nothing is lost")
            .next("silo audit verify");
      }
      root = Frontier.of(reader.size(), reader).root();
      size = reader.size();
    } catch (IOException damaged) {
      // What cannot be read is kept all the same, and counts as nothing.
      size = 0;
    }
    long left = size;
    byte[] leftRoot = root;
    write(
        home,
        freshKey(home, origin),
        e ->
            signedBy(
                home,
                e.tree(left, Checkpoint.rootBase64(leftRoot))
                    .peerCheckpoint(
                        key.name(), witnessed.size(), Checkpoint.rootBase64(witnessed.root()))
                    .reason(reason),
                operators,
                "log.continued"));
  }

  /** Puts everything in its place; can be done again after a crash at any point. */
  private static JsonNode finish(SiloHome home, TrustedKey key, int number) throws IOException {
    Path frozen = home.frozenAudit(number);
    if (!Files.exists(frozen)) {
      if (Files.exists(home.audit())) {
        Files.move(home.audit(), frozen, StandardCopyOption.ATOMIC_MOVE);
      } else {
        SiloHome.createFolder(frozen);
      }
    }
    DurableFile.replace(frozen.resolve(KEY), (key + "\n").getBytes(UTF_8));
    if (Files.exists(home.nextAudit())) {
      Files.move(home.nextAudit(), home.audit(), StandardCopyOption.ATOMIC_MOVE);
    }
    // Last: the old private key ends here.
    Files.move(
        AuditKeys.next(home),
        AuditKeys.file(home),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    SiloHome.delete(kept(home));
    JsonNode first = LogReader.open(home.audit()).event(0).json();
    ObjectNode result =
        Json.object()
            .put("frozen", frozen.toString())
            .put("origin", key.name().replaceAll("[0-9]+$", Integer.toString(number + 1)))
            .put("key", AuditKeys.verifierKey(home));
    result.set("local", first.path("tree"));
    result.set("witnessed", first.path("peer_checkpoint"));
    return result;
  }

  /** The newest checkpoint that anybody has of the log. */
  private static TreeHead newest(SiloHome home, TrustedKey key, List<byte[]> seen)
      throws IOException {
    List<byte[]> notes = new ArrayList<>(seen);
    if (Files.isDirectory(kept(home))) {
      try (Stream<Path> files = Files.list(kept(home))) {
        for (Path file : files.toList()) {
          notes.add(Files.readAllBytes(file));
        }
      }
    }
    return notes.stream()
        .map(note -> own(note, key))
        .flatMap(Optional::stream)
        .max(Comparator.comparingLong(TreeHead::size))
        .orElseThrow(
            () ->
                Problem.wrongState("nobody is known to have seen more of the log than there is")
                    .next(
                        "start the node and run silo audit recover, or get a checkpoint from a"
                            + " partner: silo audit witness --seen"));
  }

  // ---- afterwards -----------------------------------------------------------------------------

  /**
   * @throws Problem if a new log was begun and is not in its place: the old one must not go on
   */
  static void requireDone(SiloHome home) {
    if (Files.exists(home.nextAudit()) || Files.exists(AuditKeys.next(home))) {
      throw Problem.wrongState("a new audit log was begun and is not in its place")
          .next("silo audit recover --begin or silo audit rotate-key again, as before");
    }
  }

  /**
   * What the frozen logs before a log hold, oldest first. One whose folder was deleted is left out,
   * and so is one that the log after it says was lost.
   *
   * @throws IOException if one is there and not whole: limits count what it holds
   */
  static List<LogReader> frozen(SiloHome home, String origin) throws IOException {
    Matcher name = NUMBERED.matcher(origin);
    List<LogReader> frozen = new ArrayList<>();
    for (int i = 1; name.matches() && i < Integer.parseInt(name.group(2)); i++) {
      Path folder = home.frozenAudit(i);
      if (Files.exists(folder.resolve(JOURNAL))) {
        frozen.add(whole(folder));
      } else if (Files.exists(folder) && !isSaidLost(next(home, origin, i))) {
        throw new IOException("the frozen audit log in " + folder + " has lost its journal");
      }
    }
    return frozen;
  }

  private static LogReader whole(Path folder) throws IOException {
    try {
      LogReader reader = LogReader.open(folder);
      reader.requireWhole();
      return reader;
    } catch (IOException e) {
      throw new IOException(
          "the frozen audit log in %s is damaged: %s".formatted(folder, e.getMessage()), e);
    }
  }

  /** The log that continues a frozen one. */
  private static Path next(SiloHome home, String origin, int number) {
    return origin.endsWith("/" + (number + 1)) ? home.audit() : home.frozenAudit(number + 1);
  }

  /** Whether a log says first that nothing was left of the one before it. */
  private static boolean isSaidLost(Path next) throws IOException {
    if (!Files.exists(next.resolve(JOURNAL))) {
      return true; // lost as well, or deleted as a whole
    }
    LoggedEvent first = LogReader.open(next).event(0);
    return first.type().equals(EventType.LOG_CONTINUED.wireName())
        && first.json().at("/tree/size").asLong(-1) == 0;
  }

  private static Problem unreadable(IOException e) {
    return Problem.refused("what was seen of the log cannot be compared or kept")
        .detail(e.getMessage())
        .because(e);
  }
}
