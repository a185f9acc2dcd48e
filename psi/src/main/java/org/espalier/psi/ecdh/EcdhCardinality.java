package org.espalier.psi.ecdh;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.JointSizes;
import org.espalier.psi.LeakStatement;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.run.Links;
import org.espalier.psi.run.Rounds;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * About how many people all parties have in common, and not who: {@link EcdhAlignment} without its
 * end, so that positions never leave the comparer (De Cristofaro, Gasti, Tsudik, CANS 2012, with
 * the masks of both sides on Curve25519). For 2 to 100 parties who follow the protocol and do not
 * collude; docs/protocols/psi-cardinality.md.
 *
 * <p>Costs what {@link EcdhAlignment} costs, for every rule on all of a party's keys.
 */
public final class EcdhCardinality {
  private static final String NAME = "ecdh-cardinality";
  private static final String DOMAIN = "psi-" + NAME;

  private final Path temporaryFolder;
  private final long keepAlive;

  /**
   * @param temporaryFolder an existing folder for files with masked elements; each is deleted when
   *     it is no longer needed
   */
  public EcdhCardinality(Path temporaryFolder) {
    this(temporaryFolder, EcdhAlignment.KEEP_ALIVE);
  }

  EcdhCardinality(Path temporaryFolder, Duration keepAlive) {
    this.temporaryFolder = temporaryFolder;
    this.keepAlive = keepAlive.toMillis();
  }

  /** What each party learns beyond its own input, in plain words. */
  public static List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy) {
    Party comparer = parties.get(0);
    List<LeakStatement> leaks = new ArrayList<>();
    leaks.add(
        new LeakStatement(
            null, "how many different usable keys every party has in each rule of the match key"));
    leaks.add(
        new LeakStatement(
            null,
            ("about how many people each rule finds by itself: fewer than %,d, or between which of"
                    + " 1, 2, 5, 10, 20, 50 and so on; not who they are")
                .formatted(policy.minIntersection())));
    leaks.add(
        new LeakStatement(
            comparer,
            parties.size() == 2
                ? "the exact number of people that each rule finds: it reaches its node, which keeps"
                    + " and shows only what all parties learn"
                : "the exact number of people that any group of parties has in common by each rule:"
                    + " the sizes of all pairwise and larger intersections reach its node, which"
                    + " keeps and shows only what all parties learn"));
    if (parties.size() > 2) {
      leaks.add(
          new LeakStatement(
              null,
              "nothing else, as long as no two parties pool what they saw: two who collude can learn"
                  + " which of their own people are in the table of a single other party"));
    }
    return List.copyOf(leaks);
  }

  /**
   * Runs the protocol to its end. If it stops, all {@code channels} have been aborted with a reason
   * when the exception arrives here.
   *
   * @param job its minimum is the lowest bound of what is told, and a rule in which any party has
   *     fewer keys is not run
   * @param channels to every other party of the job
   * @param source this party's table; scanned several times
   * @throws org.espalier.psi.AlignmentException if this party's input forbids to go on
   * @throws org.espalier.wire.WireException if a peer breaks the protocol, stops or is gone
   */
  public JointSizes count(
      AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress) {
    return Links.guard(job, channels, links -> run(links, job, source, progress));
  }

  private JointSizes run(Links links, AlignmentJob job, KeySource source, Progress progress) {
    List<int[]> takingPart = new ArrayList<>();
    Rounds.readKeys(job, source, progress, (index, rows) -> takingPart.add(toArray(rows)));
    Rounds.agree(links, job, NAME);
    List<JointSizes.RuleSize> sizes = new ArrayList<>();
    MessageDigest digest = Digests.sha256();
    digest.update(job.session().bind(DOMAIN + "/sizes"));
    for (int number = 0; number < takingPart.size(); number++) {
      int[] rows = takingPart.set(number, null);
      RuleRun run =
          new RuleRun(
              links,
              job,
              number,
              DOMAIN,
              temporaryFolder,
              keepAlive,
              KeptParts.NONE,
              Messages.CHUNK,
              progress);
      JointSizes.RuleSize size = run.guarded(() -> run.count(source, rows));
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(size.people().atLeast()).flip());
      sizes.add(size);
    }
    // All parties can compute it: a comparer that tells them different sizes is found out.
    Rounds.confirm(links, Route.COMPARER, digest.digest());
    return new JointSizes(sizes);
  }

  private static int[] toArray(BitSet rows) {
    return rows.stream().toArray();
  }
}
