package org.espalier.node.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.timestamp.StampedCheckpoints;
import org.espalier.audit.timestamp.TimeStamper;
import org.espalier.audit.verify.TimeStampTrust;
import org.espalier.audit.verify.TreeHead;
import org.espalier.node.Problem;
import org.espalier.node.config.AuditConfig;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has checkpoints of the log stamped by an authority: the first of every day, and one after every
 * job. Each token is kept beside the log and named in an event. The authority is asked on a thread
 * of its own: one that is dead or hangs costs the log nothing.
 */
final class TimeStamps implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TimeStamps.class);
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Duration DAILY = Duration.ofHours(24);

  /** Stamps what a checkpoint says. */
  @FunctionalInterface
  interface Authority {
    /**
     * @throws IOException if it does not give a valid time stamp in time
     */
    TimeStamper.Stamped stamp(byte[] text) throws IOException;
  }

  private final AuditLog log;
  private final AuditJournal journal;
  private final StampedCheckpoints kept;
  private final Authority authority;
  private final Clock clock;
  private final Soon stamping = new Soon("time-stamps", this::tryToStamp);

  /** When the newest token of this run came, and how far the log had come then. */
  private Instant last = Instant.MIN;

  private long seen;
  private volatile String problem = "";

  /**
   * @param authority null: nothing is stamped
   */
  TimeStamps(SiloHome home, AuditLog log, AuditJournal journal, Authority authority, Clock clock) {
    this.log = log;
    this.journal = journal;
    this.kept = new StampedCheckpoints(home.audit());
    this.authority = authority;
    this.clock = clock;
    this.seen = log.size();
  }

  /**
   * The authority that a configuration names; null if it names none.
   *
   * @throws Problem if its certificates cannot be read
   */
  static Authority authority(SiloHome home, AuditConfig config) {
    if (config == null || config.timestamps() == null) {
      return null;
    }
    AuditConfig.Timestamps named = config.timestamps();
    Path file = home.root().resolve(named.certificates());
    try {
      TimeStamper stamper =
          new TimeStamper(
              named.url(),
              TimeStampTrust.parse(Files.readAllBytes(file)),
              named.policy(),
              PATIENCE);
      return stamper::stamp;
    } catch (IOException | IllegalArgumentException e) {
      throw Problem.refused("the certificates of audit.timestamps cannot be read")
          .detail(file + ": " + e.getMessage())
          .next("correct silo.yaml or the file, then start the node again")
          .because(e);
    }
  }

  /** A checkpoint was made: has it stamped soon, if one is due. */
  void askSoon() {
    if (authority != null) {
      stamping.ask();
    }
  }

  private void tryToStamp() {
    try {
      stampIfDue();
    } catch (IOException | RuntimeException e) {
      failed(e);
    }
  }

  private synchronized void stampIfDue() throws IOException {
    LogReader reader = log.reader();
    boolean jobEnded = false;
    for (long seq = reader.next(seen);
        seq < reader.size() && !jobEnded;
        seq = reader.next(seq + 1)) {
      jobEnded =
          switch (reader.event(seq).type()) {
            case "job.finished", "job.failed", "job.aborted" -> true;
            default -> false;
          };
    }
    boolean daily = last.equals(Instant.MIN) || !clock.instant().isBefore(last.plus(DAILY));
    if (daily || jobEnded) {
      TreeHead head = TreeHead.checkpoint(reader.checkpoint().orElse("").getBytes(UTF_8));
      if (head == null) {
        throw new IOException("the checkpoint cannot be read");
      }
      stamp(head);
    } else {
      seen = reader.size();
    }
  }

  private TimeStamper.Stamped stamp(TreeHead head) throws IOException {
    TimeStamper.Stamped stamped = authority.stamp(head.note().text().getBytes(UTF_8));
    kept.keep(head.size(), head.note().whole(), stamped.token());
    journal.fact(
        EventType.CHECKPOINT_STAMPED,
        e ->
            e.tree(head.size(), Checkpoint.rootBase64(head.root()))
                .stamp(stamped.stamp().digest(), stamped.stamp().time().toEpochMilli()));
    last = clock.instant();
    seen = Math.max(seen, head.size());
    problem = "";
    return stamped;
  }

  private void failed(Exception e) {
    String why = String.valueOf(e.getMessage());
    if (!why.equals(problem)) {
      LOG.warn("the audit log has no new time stamp: {}", why);
    }
    problem = why;
  }

  /** A token for the checkpoint of an export, which was just made; null if none can be had. */
  synchronized byte[] forExport(Checkpoint checkpoint) {
    if (authority == null) {
      return null;
    }
    try {
      return stamp(TreeHead.checkpoint(checkpoint.note().getBytes(UTF_8))).token();
    } catch (IOException | RuntimeException e) {
      failed(e);
      return null;
    }
  }

  /**
   * Has a new checkpoint stamped now.
   *
   * @throws Problem if there is no authority, or it gives no time stamp
   */
  synchronized ObjectNode now() {
    if (authority == null) {
      throw Problem.wrongState("no time-stamping authority is named")
          .next("name one in silo.yaml, audit.timestamps, and start the node again");
    }
    Checkpoint checkpoint = journal.sign();
    try {
      stamp(TreeHead.checkpoint(checkpoint.note().getBytes(UTF_8)));
    } catch (IOException e) {
      failed(e);
      throw Problem.refused("the time-stamping authority gave no time stamp")
          .detail(e.getMessage())
          .because(e);
    }
    return view();
  }

  /** {@code configured, size, last, problem}; size is that of the newest stamped checkpoint. */
  ObjectNode view() {
    ObjectNode view = view(kept);
    view.put("configured", authority != null);
    if (!problem.isEmpty()) {
      view.put("problem", problem);
    }
    return view;
  }

  /** What there is by the files alone. */
  static ObjectNode view(StampedCheckpoints kept) {
    ObjectNode view = Json.object();
    try {
      kept.newest().ifPresent(size -> view.put("size", size));
    } catch (IOException e) {
      throw Problem.refused("the time stamps cannot be read").detail(e.getMessage()).because(e);
    }
    return view;
  }

  /** What is wrong with the newest time stamp; empty if nothing is. */
  String problem() {
    return problem;
  }

  boolean isConfigured() {
    return authority != null;
  }

  @Override
  public void close() {
    stamping.close();
  }
}
