package org.espalier.node.job;

import org.espalier.node.Problem;
import org.espalier.node.store.Store;
import org.espalier.protocols.disclosure.NoPassLeft;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.psi.AlignmentException;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * Turns what a phase threw into words for operators, here and at partners. Messages that may name
 * columns, rows or values of this party become {@link Problem#detail}, which partners never read.
 */
final class Failures {
  private Failures() {}

  static Problem explain(Throwable e, Party self, String phase) {
    if (e instanceof Problem problem) {
      return problem.party().isPresent() ? problem : problem.at(self);
    }
    if (e instanceof WireException wire) {
      return Problem.of(Problem.Kind.JOB_FAILED, wire.getMessage()).at(wire.peer()).because(e);
    }
    if (e instanceof AlignmentException.BelowMinimum below) {
      return failed(
              "the intersection is smaller than agreed; "
                  + (below.seen()
                      ? "only the label party's node has seen who is in it, and it forgets that"
                      : "nobody has learnt who is in it"),
              e)
          .at(self)
          .detail("compare with your partners what silo match check says of the keys")
          .next("silo match check JOB.yaml");
    }
    if (e instanceof AlignmentException stopped) {
      return failed("the alignment stopped: " + stopped.publicReason(), e)
          .at(self)
          .detail(stopped.getMessage());
    }
    if (e instanceof OutOfMemoryError) {
      return failed("not enough memory in phase " + phase, e)
          .at(self)
          .next("memory: 4GiB (or more) in silo.yaml, then restart the node");
    }
    if (e instanceof NoPassLeft) {
      return failed(e.getMessage(), e)
          .at(self)
          .next(
              "silo job propose JOB_FILE, with accept: [span], with other people, or at level sealed");
    }
    if (e instanceof IllegalArgumentException || e instanceof Ring.RangeError) {
      // In this way the protocols say that this party's data do not fit the job's settings.
      return failed("its data do not fit the job in phase " + phase, e)
          .at(self)
          .detail(e.getMessage());
    }
    if (e instanceof Store.StoreException database) {
      return Problem.of(Problem.Kind.INTERNAL, "its database could not be used in phase " + phase)
          .at(self)
          .detail(database.why())
          .because(e);
    }
    return Problem.of(Problem.Kind.INTERNAL, "internal error in phase " + phase)
        .at(self)
        .detail("the reason is in node.log of the home folder")
        .because(e);
  }

  private static Problem failed(String what, Throwable cause) {
    return Problem.of(Problem.Kind.JOB_FAILED, what).because(cause);
  }
}
