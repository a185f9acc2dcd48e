package org.espalier.psi.ecdh;

import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.Message;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * Alignment by commutative encryption on Curve25519 (Meadows 1986; RFC 7748; RFC 9380) for 2 to 100
 * parties who follow the protocol and do not collude. The messages and the proof are in
 * docs/protocols/psi-ecdh.md.
 *
 * <p>Costs each party one X25519 multiplication for every key of every party, on all cores: some 5
 * µs with AVX-512 IFMA, 35 µs in other native code, 130 µs in Java; heap of about 36 bytes and
 * temporary files of 32 to 48 bytes per key of a list.
 */
public final class EcdhAlignment implements AlignmentProtocol {
  static final Duration KEEP_ALIVE = Duration.ofSeconds(3);

  private final Path temporaryFolder;
  private final KeptParts kept;
  private final long keepAlive;
  private final int chunk;

  /**
   * One of which every attempt begins anew.
   *
   * @param temporaryFolder an existing folder for files with masked elements; each is deleted when
   *     it is no longer needed
   */
  public EcdhAlignment(Path temporaryFolder) {
    this(temporaryFolder, KeptParts.NONE);
  }

  /**
   * One of which a further attempt goes on where the last one was cut off, if all parties kept it.
   *
   * @param kept of this job and data set; for its owner to clear when all parties have the cohort
   */
  public EcdhAlignment(Path temporaryFolder, KeptParts kept) {
    this(temporaryFolder, kept, KEEP_ALIVE, Messages.CHUNK);
  }

  /**
   * @param chunk elements of a message, the same at all parties
   */
  EcdhAlignment(Path temporaryFolder, KeptParts kept, Duration keepAlive, int chunk) {
    this.temporaryFolder = temporaryFolder;
    this.kept = kept;
    this.keepAlive = keepAlive.toMillis();
    this.chunk = chunk;
  }

  /** Whether a message says no more than what earlier attempts of the same job left its sender. */
  public static boolean saysWhatIsKept(Message message) {
    return message instanceof Messages.Held;
  }

  @Override
  public String name() {
    return "ecdh";
  }

  @Override
  public List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy) {
    Party comparer = parties.get(0);
    boolean two = parties.size() == 2;
    List<LeakStatement> leaks = new ArrayList<>();
    leaks.add(
        new LeakStatement(
            null,
            "how many different usable keys every party has: in the first rule among all its rows,"
                + " in each later rule among the rows not matched before"));
    leaks.add(
        new LeakStatement(
            null,
            "which of its own rows are in the cohort, so that it knows these people are in "
                + (two ? "the other party's table too" : "the tables of all other parties too")
                + ", and which rule of the match key found each of them"));
    leaks.add(
        new LeakStatement(
            null,
            "how many people each rule finds; if the first finds fewer than %,d, everyone but %s"
                    .formatted(policy.minIntersection(), comparer)
                + " learns only that, and nobody learns who they are"));
    if (two) {
      leaks.add(
          new LeakStatement(
              comparer,
              "the exact number of people that the first rule finds, also when it is below the"
                  + " minimum and the alignment stops"));
    } else {
      leaks.add(
          new LeakStatement(
              comparer,
              "for every group of parties, how many people all of them have in common: the sizes of"
                  + " all pairwise and larger intersections, also when the alignment stops below"
                  + " the minimum; not who they are"));
      leaks.add(
          new LeakStatement(
              null,
              "nothing else, as long as no two parties pool what they saw: two who collude can learn"
                  + " which of their own people are in the table of a single other party"));
    }
    return List.copyOf(leaks);
  }

  @Override
  public Alignment align(
      AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress) {
    return Links.guard(job, channels, links -> run(links, job, source, progress));
  }

  private Alignment run(Links links, AlignmentJob job, KeySource source, Progress progress) {
    List<BitSet> takingPart = new ArrayList<>();
    Rounds.readKeys(job, source, progress, (index, rows) -> takingPart.add(rows));
    Rounds.agree(links, job, name());

    MessageDigest digest = Digests.sha256();
    Rounds.Found found =
        Rounds.inTurn(
            takingPart,
            (number, rows) -> runRule(links, job, number, source, rows, digest, progress));
    byte[] result =
        Rounds.confirm(
            links, Route.COMPARER, links.self() == Route.COMPARER ? digest.digest() : null);
    return new Alignment(found.cohort(), result, found.byRule());
  }

  private int[] runRule(
      Links links,
      AlignmentJob job,
      int number,
      KeySource source,
      int[] rows,
      MessageDigest digest,
      Progress progress) {
    RuleRun run =
        new RuleRun(
            links, job, number, "psi-ecdh", temporaryFolder, keepAlive, kept, chunk, progress);
    try {
      return run.guarded(() -> run.run(source, rows, digest));
    } catch (AlignmentException.BelowMinimum e) {
      run.forget();
      throw e;
    }
  }
}
