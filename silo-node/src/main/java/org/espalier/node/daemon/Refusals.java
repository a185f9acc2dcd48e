package org.espalier.node.daemon;

import org.espalier.node.Problem;
import org.espalier.node.link.Refusal;
import org.espalier.wire.Party;

/** How a {@link Problem} travels to the partner that caused it, and back into one. */
final class Refusals {
  private Refusals() {}

  /** Without detail and advice, which are for the own operator. */
  static Refusal refusal(Problem problem) {
    return new Refusal(problem.kind().code(), problem.what());
  }

  static Problem problem(Party partner, Refusal refusal) {
    return switch (refusal.code()) {
      case Refusal.BUSY ->
          Problem.of(Problem.Kind.PARTNER, partner + " is busy: " + refusal.getMessage())
              .at(partner);
      case Refusal.UNKNOWN_METHOD ->
          Problem.of(Problem.Kind.PARTNER, partner + " runs a version that cannot do this")
              .at(partner)
              .next("silo doctor " + partner);
      default -> Problem.of(kind(refusal.code()), refusal.getMessage()).at(partner);
    };
  }

  private static Problem.Kind kind(String code) {
    for (Problem.Kind kind :
        new Problem.Kind[] {
          Problem.Kind.REFUSED,
          Problem.Kind.NOT_FOUND,
          Problem.Kind.WRONG_STATE,
          Problem.Kind.JOB_FAILED
        }) {
      if (kind.code().equals(code)) {
        return kind;
      }
    }
    return Problem.Kind.PARTNER;
  }
}
