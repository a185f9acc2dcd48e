package org.espalier.node.job;

import java.util.Collection;
import org.espalier.node.Problem;
import org.espalier.node.data.Dataset;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * The passes of training that this node has taken part in, by the people on whom they ran: what
 * passes disclose adds up over attempts and jobs.
 *
 * <p>{@link TrainFlow} asks for the sum before it trains and counts each pass before anything of it
 * leaves the node: the label party before it starts one, a feature party before it answers one. The
 * count is on disk when {@link #count} returns, so a pass that a crash cut short counts.
 */
public final class Openings {
  private static final String SUM =
      "SELECT coalesce(sum(passes), 0) FROM openings WHERE dataset_sha256 = ? AND parties = ?"
          + " AND NOT (job = ? AND attempt = ?)";

  private final Store store;

  public Openings(Store store) {
    this.store = store;
  }

  /**
   * What a node takes for the same people: one file, matched with the same partners.
   *
   * @param sha256 of this node's data set
   * @param parties names of all parties, sorted
   */
  record People(String sha256, String parties) {
    static People of(Dataset dataset, Collection<Party> parties) {
      return new People(
          dataset.scan().sha256(),
          String.join(" ", parties.stream().sorted().map(Party::name).toList()));
    }
  }

  /** Passes on these people in all attempts and jobs so far. */
  int passes(People people) {
    return sum(people, "", 0);
  }

  /** The same without those of one attempt. */
  int passesBefore(People people, Session attempt) {
    return sum(people, attempt.job(), attempt.attempt());
  }

  private int sum(People people, String job, int attempt) {
    return store
        .one(SUM, row -> row.getInt(1), people.sha256(), people.parties(), job, attempt)
        .orElseThrow();
  }

  /**
   * Counts a pass, durably.
   *
   * @param pass its number in the attempt, 1 and up
   * @param limited the attempt's limit was set by the other attempts' and jobs' passes
   * @param before how many {@link #passesBefore} said these were
   * @throws Problem if it is limited and they are more by now; nothing is counted
   */
  void count(People people, Session attempt, int pass, boolean limited, int before) {
    store.transaction(
        () -> {
          if (limited && passesBefore(people, attempt) != before) {
            throw Problem.of(
                    Problem.Kind.JOB_FAILED,
                    "another job trains on the same people at the same time")
                .next("silo job run " + attempt.job() + ", when the other job is over");
          }
          return store.update(
              "INSERT INTO openings (job, attempt, dataset_sha256, parties, passes)"
                  + " VALUES (?, ?, ?, ?, ?) ON CONFLICT (job, attempt)"
                  + " DO UPDATE SET passes = excluded.passes",
              attempt.job(),
              attempt.attempt(),
              people.sha256(),
              people.parties(),
              pass);
        });
  }
}
