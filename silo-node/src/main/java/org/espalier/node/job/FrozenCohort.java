package org.espalier.node.job;

import java.util.HexFormat;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.data.Dataset;
import org.espalier.psi.Alignment;

/** The frozen cohort that a job names in place of a new alignment. */
final class FrozenCohort {
  private FrozenCohort() {}

  /**
   * @return what this node has, after everything but its rows was checked
   * @throws Problem if it is not there, damaged, or not of these parties, this file and this match
   *     section
   */
  static Cohort require(JobRun.Context context, JobSpec spec, Dataset dataset) {
    Cohort cohort = context.cohorts().get(spec.alignment().cohort());
    if (!cohort.parties().equals(spec.parties().keySet())) {
      throw refused(context, cohort, "was aligned by other parties than those of the job");
    }
    if (!cohort.match().equals(HexFormat.of().formatHex(spec.matchDigest()))) {
      throw refused(
          context, cohort, "was aligned with another match section or duplicates than the job has");
    }
    if (!cohort.sha256().equals(dataset.scan().sha256())) {
      throw refused(context, cohort, "was aligned on another file than the data set has now")
          .detail(
              "data set %s: sha256 %s; then, as %s: %s"
                  .formatted(
                      dataset.name(), dataset.scan().sha256(), cohort.dataset(), cohort.sha256()))
          .next("silo cohort show " + cohort.shortDigest());
    }
    if (cohort.size() < spec.alignment().minIntersection()) {
      throw refused(context, cohort, "is smaller than alignment.min_intersection");
    }
    return cohort;
  }

  private static Problem refused(JobRun.Context context, Cohort cohort, String why) {
    return Problem.refused("cohort " + cohort.shortDigest() + " " + why)
        .at(context.peers().self())
        .next("silo cohort show " + cohort.shortDigest());
  }

  /** What a plan can know of it; empty where a job names none or this node lacks it. */
  static Optional<Cohort> find(JobRun.Context context, JobSpec spec) {
    if (!spec.alignment().isFrozen()) {
      return Optional.empty();
    }
    try {
      return Optional.of(context.cohorts().get(spec.alignment().cohort()));
    } catch (Problem unknown) {
      return Optional.empty();
    }
  }

  /**
   * The alignment as it was when it was frozen.
   *
   * @throws Problem if the file's rows are not what was written
   */
  static Alignment alignment(JobRun.Context context, Cohort cohort) {
    return new Alignment(
        context.cohorts().rows(cohort),
        HexFormat.of().parseHex(cohort.alignment()),
        cohort.matchedByRule().stream().mapToInt(Integer::intValue).toArray());
  }
}
