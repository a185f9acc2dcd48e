package org.espalier.node.serve;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.espalier.node.Problem;
import org.espalier.node.job.Journal;
import org.espalier.wire.Digests;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one serving has answered at this node. An answer for each request would be an fsync for each
 * request; instead
 *
 * <ul>
 *   <li>answers are set aside in blocks: that a block begins is durable in the audit log before its
 *       first answer is given, so that after a crash no fewer are counted than were given;
 *   <li>each request is a line of a file, which the operating system has before the answer leaves;
 *       once a minute, and at the end, the file is forced to disk and the audit log gets the counts
 *       so far and the head of a SHA-256 chain over all lines. A crash of the machine can lose the
 *       lines of the last minute; one of the process none.
 * </ul>
 *
 * <p>A line names the person by a keyed hash that only this node can make, so that it can look up
 * whether a person it knows was asked about, and the file alone tells nobody.
 */
final class Ledger implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);
  private static final int LARGEST_BLOCK = 1000;
  private static final int BLOCKS_A_DAY = 50;
  private static final DateTimeFormatter FILE =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

  /** What the audit log knows. */
  @FunctionalInterface
  interface Spent {
    /** Answers of a day that were set aside and not given back. */
    long of(String serving, LocalDate day);
  }

  /**
   * Of which serving.
   *
   * @param facts {@code job, spec, protocol, version, recipients} of every event
   * @param perDay most answers in a day; 0: not limited here
   */
  record Terms(String serving, ObjectNode facts, long perDay) {}

  private final Terms terms;
  private final Journal journal;
  private final Clock clock;
  private final Executor ahead;
  private final long block;
  private final Mac pseudonym;

  /** Not a channel: an interrupt of the thread that writes would close it. */
  private final FileOutputStream file;

  private final String fileName;
  private final Object reserving = new Object();
  private final Map<String, Long> counts = new TreeMap<>();
  private byte[] chain;
  private long lines;
  private long logged;
  private LocalDate day;
  private long reserved;
  private long left;
  private boolean reservingAhead;
  private boolean closed;

  /**
   * @param folder of the files
   * @param secret of this node, 32 bytes
   * @param ahead sets blocks aside before they are needed
   */
  Ledger(
      Terms terms,
      Journal journal,
      Spent spent,
      Path folder,
      byte[] secret,
      Clock clock,
      Executor ahead)
      throws IOException {
    this.terms = terms;
    this.journal = journal;
    this.clock = clock;
    this.ahead = ahead;
    this.block = Math.max(1, Math.min(LARGEST_BLOCK, terms.perDay / BLOCKS_A_DAY));
    this.day = today();
    this.reserved = terms.perDay == 0 ? 0 : spent.of(terms.serving, day);
    this.fileName = terms.serving + "-" + FILE.format(clock.instant()) + ".csv";
    Path created =
        Files.createFile(
            folder.resolve(fileName),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    this.file = new FileOutputStream(created.toFile(), true);
    this.chain = beginning(fileName);
    try {
      this.pseudonym = Mac.getInstance("HmacSHA256");
      pseudonym.init(new SecretKeySpec(secret, "HmacSHA256"));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java 17 platform has HMAC-SHA-256", e);
    }
  }

  private LocalDate today() {
    return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
  }

  /**
   * Counts one answer that is about to be given.
   *
   * @return whether the day's quota has room for it
   * @throws Problem if the audit log cannot be written; then nothing may be answered
   */
  boolean take() {
    if (terms.perDay == 0) {
      return true;
    }
    if (takeOfBlock()) {
      return true;
    }
    synchronized (reserving) {
      return takeOfBlock() || (reserve() && takeOfBlock());
    }
  }

  private synchronized boolean takeOfBlock() {
    LocalDate now = today();
    if (now.isAfter(day)) { // a clock that is set back begins no new day
      day = now;
      reserved = 0;
      left = 0;
    }
    if (closed || left == 0) {
      return false;
    }
    left--;
    if (left < block / 2 && !reservingAhead && reserved < terms.perDay) {
      reservingAhead = true;
      try {
        ahead.execute(this::reserveAhead);
      } catch (RejectedExecutionException stopping) {
        reservingAhead = false;
      }
    }
    return true;
  }

  private void reserveAhead() {
    try {
      synchronized (reserving) {
        reserve();
      }
    } catch (Problem e) {
      LOG.warn("{}: no answers could be set aside: {}", terms.serving, e.what());
    } finally {
      synchronized (this) {
        reservingAhead = false;
      }
    }
  }

  /** One block more; false if the day has none. */
  private boolean reserve() {
    LocalDate of;
    long scores;
    synchronized (this) {
      of = day;
      scores = closed ? 0 : Math.min(block, terms.perDay - reserved);
    }
    if (scores <= 0) {
      return false;
    }
    ObjectNode facts = terms.facts.deepCopy();
    facts
        .putObject("parameters")
        .put("day", of.toString())
        .put("scores", scores)
        .put("per_day", terms.perDay);
    journal.fact(Journal.SCORING_RESERVED, facts);
    synchronized (this) {
      if (of.equals(day)) {
        reserved += scores;
        left += scores;
      }
    }
    return true;
  }

  /**
   * Notes what was asked and what became of it, before the answer leaves.
   *
   * @param request names it, without commas
   * @param tags by which the person was named
   * @throws Problem if that cannot be written; then nothing may be answered
   */
  synchronized void record(String request, int person, List<byte[]> tags, String outcome) {
    if (closed) {
      throw Problem.wrongState("scoring has stopped");
    }
    tags.forEach(tag -> pseudonym.update(tag == null ? new byte[] {0} : tag));
    String who = HexFormat.of().formatHex(pseudonym.doFinal(), 0, 16);
    String line = clock.instant() + "," + request + "," + person + "," + who + "," + outcome + "\n";
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    try {
      file.write(bytes);
    } catch (IOException e) {
      throw Problem.refused("the record of requests cannot be written, so nothing is answered")
          .detail(e.getMessage())
          .because(e);
    }
    chain = next(chain, bytes);
    lines++;
    counts.merge(outcome, 1L, Long::sum);
  }

  /** SHA-256 over the head so far and a line with its end. */
  static byte[] next(byte[] chain, byte[] line) {
    MessageDigest sha256 = Digests.sha256();
    sha256.update(chain);
    return sha256.digest(line);
  }

  /** Answers given today, as far as known; those of an earlier run by whole blocks. */
  synchronized long spent() {
    return reserved - left;
  }

  /** How many of each outcome since it was opened. */
  synchronized Map<String, Long> counts() {
    return new TreeMap<>(counts);
  }

  /** Tells the audit log what was answered since the last time, if anything was. */
  void flush() {
    flush(false);
  }

  private void flush(boolean last) {
    ObjectNode facts = terms.facts.deepCopy();
    ObjectNode parameters = facts.putObject("parameters");
    long told;
    synchronized (this) {
      if (logged == lines && !(last && left > 0)) {
        return;
      }
      try {
        file.getFD().sync();
      } catch (IOException e) {
        throw Problem.refused("the record of requests cannot be written")
            .detail(e.getMessage())
            .because(e);
      }
      parameters.put("day", day.toString()).put("file", fileName).put("lines", lines);
      counts.forEach(parameters::put);
      parameters.put("chain", "sha256:" + HexFormat.of().formatHex(chain));
      if (last) {
        parameters.put("given_back", left);
        left = 0;
      }
      told = lines;
    }
    journal.fact(Journal.SCORING_ANSWERED, facts);
    synchronized (this) {
      logged = Math.max(logged, told); // otherwise the next minute tries again
    }
  }

  /** Gives back what is left of a block; answers nothing any more. */
  @Override
  public void close() {
    synchronized (reserving) {
      synchronized (this) {
        if (closed) {
          return;
        }
        closed = true;
      }
      try {
        flush(true);
      } catch (Problem e) {
        LOG.error("{}: what was answered could not be logged: {}", terms.serving, e.what());
      }
    }
    try {
      file.close();
    } catch (IOException e) {
      LOG.warn("{}: the record of requests could not be closed", terms.serving, e);
    }
  }

  /** The head of the chain before a file's first line. */
  static byte[] beginning(String fileName) {
    return Digests.sha256().digest(fileName.getBytes(StandardCharsets.UTF_8));
  }
}
