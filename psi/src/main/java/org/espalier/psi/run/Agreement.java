package org.espalier.psi.run;

import java.security.MessageDigest;
import java.util.List;
import java.util.stream.Collectors;
import org.espalier.psi.AlignmentException;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.wire.Party;

/** What must be the same at all parties before anything is sent. */
final class Agreement {
  /** Of the messages and their order. */
  static final int VERSION = 3;

  /** In the order in which they are compared. */
  static final List<String> FIELDS =
      List.of(
          "session",
          "order of parties",
          "match key",
          "minimum intersection",
          "duplicates policy",
          "row limit");

  private final RunMessages.Hello own;

  Agreement(AlignmentJob job, String protocol) {
    AlignmentPolicy policy = job.policy();
    // Every digest is bound to the session; if that differs, the first field says so.
    List<String> values =
        List.of(
            "",
            job.parties().stream().map(Party::name).collect(Collectors.joining(",")),
            job.key().signature(),
            Integer.toString(policy.minIntersection()),
            policy.duplicates().name(),
            Integer.toString(policy.maxRows()));
    byte[][] digests = new byte[values.size()][];
    for (int i = 0; i < digests.length; i++) {
      digests[i] =
          job.session().bind("psi-" + protocol + "/" + FIELDS.get(i) + "/" + values.get(i));
    }
    own = new RunMessages.Hello(VERSION, digests);
  }

  RunMessages.Hello hello() {
    return own;
  }

  /**
   * Compares with what a peer says.
   *
   * @throws AlignmentException.Disagreement naming the first field that differs
   */
  void check(Party peer, RunMessages.Hello theirs) {
    if (theirs.version() != VERSION) {
      throw new AlignmentException.Disagreement(peer, "version of the alignment protocol");
    }
    for (int i = 0; i < FIELDS.size(); i++) {
      if (!MessageDigest.isEqual(own.digests()[i], theirs.digests()[i])) {
        throw new AlignmentException.Disagreement(peer, FIELDS.get(i));
      }
    }
  }
}
