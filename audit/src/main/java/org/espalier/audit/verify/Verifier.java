package org.espalier.audit.verify;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Verifies audit logs and exports of jobs, offline, against a key that the caller trusts.
 *
 * <p>With a state directory it also remembers how far each log had come, so that it notices when
 * events at the end are gone or the past is another one, even if the true key signed that. Without
 * it, and without a witness, an older copy of the whole log passes for the log.
 *
 * <pre>{@code
 * Verification result =
 *     Verifier.trusting(TrustedKey.parse(vkey)).remembering(state).verify(logDirectory);
 * System.exit(result.exitCode());
 * }</pre>
 *
 * <p>Immutable. A log can be verified while its node runs.
 */
public final class Verifier {
  /** A running node may remove events while they are read; it does so seldom. */
  private static final int CHECKS_OF_A_GAP = 3;

  private static final Duration DEFAULT_GRACE = Duration.ofHours(24);

  private final TrustedKey key;
  private final Path state;
  private final Clock clock;
  private final WitnessPolicy policy;
  private final Duration grace;
  private final List<byte[]> elsewhere;
  private final TimeStampTrust stamps;
  private final List<TrustedKey> partners;

  private Verifier(
      TrustedKey key,
      Path state,
      Clock clock,
      WitnessPolicy policy,
      Duration grace,
      List<byte[]> elsewhere,
      TimeStampTrust stamps,
      List<TrustedKey> partners) {
    this.partners = List.copyOf(partners);
    this.key = key;
    this.state = state;
    this.clock = clock;
    this.policy = policy;
    this.grace = grace;
    this.elsewhere = List.copyOf(elsewhere);
    this.stamps = stamps;
  }

  /** A verifier that trusts one key for the log of the key's name. */
  public static Verifier trusting(TrustedKey key) {
    return new Verifier(
        key, null, Clock.systemUTC(), null, DEFAULT_GRACE, List.of(), null, List.of());
  }

  /** This one with a directory, created if missing, for what is to be remembered of each log. */
  public Verifier remembering(Path stateDirectory) {
    return new Verifier(key, stateDirectory, clock, policy, grace, elsewhere, stamps, partners);
  }

  /**
   * This one, which also asks for the signatures of witnesses that lie beside a log.
   *
   * @param grace events that are younger need not have been seen by them
   */
  public Verifier witnessed(WitnessPolicy by, Duration grace) {
    return new Verifier(key, state, clock, by, grace, elsewhere, stamps, partners);
  }

  /**
   * This one, which also holds a log against checkpoints of it that come from elsewhere, such as
   * from a witness.
   */
  public Verifier against(List<byte[]> checkpoints) {
    return new Verifier(key, state, clock, policy, grace, checkpoints, stamps, partners);
  }

  /**
   * This one, which also asks for time stamps by an authority that the caller trusts. Events that
   * are younger than the time given with {@link #witnessed}, 24 hours without it, need none.
   */
  public Verifier stamped(TimeStampTrust by) {
    return new Verifier(key, state, clock, policy, grace, elsewhere, by, partners);
  }

  /**
   * This one, which also asks an export of a job for what partners' logs say of it.
   *
   * @param keys of their logs
   */
  public Verifier withPartners(List<TrustedKey> keys) {
    return new Verifier(key, state, clock, policy, grace, elsewhere, stamps, keys);
  }

  /** This one with another clock. */
  public Verifier at(Clock other) {
    return new Verifier(key, state, other, policy, grace, elsewhere, stamps, partners);
  }

  /**
   * Verifies the directory of a log or the file of an export. Writes nothing but to the state
   * directory: the size of a log that is in order, or the evidence of a fork.
   *
   * @throws IOException if there is nothing at the path, or something cannot be read or the state
   *     not be read or written; that is no verdict about the log
   */
  public Verification verify(Path path) throws IOException {
    Instant now = clock.instant();
    Memory memory = state == null ? null : new Memory(state);
    Memory.Visit last = memory == null ? null : memory.recall(key.name());
    if (last != null && !last.vkey().equals(key.toString())) {
      return Verification.otherKey(key.name());
    }
    if (Files.isRegularFile(path)) {
      return kept(new ExportCheck(path, key, now, last, policy, stamps, partners).run(), memory);
    }
    if (!Files.isDirectory(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no audit log or export");
    }
    if (!partners.isEmpty()) {
      throw new IllegalArgumentException("partners' keys are for the export of a job");
    }
    LogCheck check = check(path, now, last);
    Verification result = check.run();
    for (int again = 0; again < CHECKS_OF_A_GAP && check.sawGap(); again++) {
      check = check(path, now, last);
      result = check.run();
    }
    if (memory != null && result.ok()) {
      memory.remember(
          result.origin(),
          new Memory.Visit(
              key.toString(),
              result.size(),
              result.root(),
              result.checkpointSize(),
              check.newest().note().whole()),
          now);
    }
    return kept(result, memory);
  }

  private LogCheck check(Path path, Instant now, Memory.Visit last) {
    return new LogCheck(
        new StoredFiles(path),
        key,
        now,
        last,
        new Witnessing(policy, grace, elsewhere),
        new Stamping(stamps, grace));
  }

  private static Verification kept(Verification result, Memory memory) throws IOException {
    if (memory == null || result.evidence() == null) {
      return result;
    }
    return result.with("the evidence is kept in " + memory.keep(result.evidence()));
  }
}
