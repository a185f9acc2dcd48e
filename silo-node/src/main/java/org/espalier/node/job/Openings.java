package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * The passes of training that this node has taken part in, by the people on whom they ran: what
 * passes disclose adds up over attempts and jobs. The audit log holds them and nothing else does,
 * so that a count cannot be lowered without a trace.
 *
 * <p>{@link TrainFlow} asks for the sum before it trains and counts each pass before anything of it
 * leaves the node: the label party before it starts one, a feature party before it answers one. The
 * event is durable when {@link #count} returns, so a pass that a crash cut short counts. Only
 * levels at which passes disclose something about people are counted.
 */
public final class Openings {
  private final Journal journal;
  private final Datasets datasets;

  /** Passes by attempt and people, each as often as it opens numbers; from how much of the log. */
  private final Map<Counted, Integer> passes = new HashMap<>();

  private long read;

  private record Counted(String job, long attempt, String commitment, String parties) {}

  public Openings(Journal journal, Datasets datasets) {
    this.journal = journal;
    this.datasets = datasets;
  }

  /**
   * What a node takes for the same people: one file, matched with the same partners. The log holds
   * the file as a digest that is keyed by a secret of the node, so that neither another name nor
   * registering anew nor another database begins another count.
   *
   * @param commitments keyed digests by which the log may know the file
   * @param parties names of all parties, sorted
   */
  record People(Set<String> commitments, String parties) {
    public People {
      commitments = Set.copyOf(commitments);
    }
  }

  People people(Dataset dataset, Collection<Party> parties) {
    return new People(
        datasets.commitments(dataset.scan().sha256()),
        String.join(" ", parties.stream().sorted().map(Party::name).toList()));
  }

  /** Passes on these people in all attempts and jobs so far. */
  synchronized int passes(People people) {
    return sum(people, "", 0);
  }

  /** The same without those of one attempt. */
  synchronized int passesBefore(People people, Session attempt) {
    return sum(people, attempt.job(), attempt.attempt());
  }

  private int sum(People people, String job, long attempt) {
    // Beside the sum until all is read: what is read again after a failure must not count twice.
    List<Journal.Pass> news = new ArrayList<>();
    long now = journal.passes(read, news::add);
    for (Journal.Pass pass : news) {
      passes.merge(
          new Counted(pass.job(), pass.attempt(), pass.commitment(), pass.parties()),
          pass.numbers(),
          Math::addExact);
    }
    read = now;
    int sum = 0;
    for (Map.Entry<Counted, Integer> entry : passes.entrySet()) {
      Counted counted = entry.getKey();
      boolean same =
          counted.parties().equals(people.parties())
              && people.commitments().contains(counted.commitment());
      if (same && !(counted.job().equals(job) && counted.attempt() == attempt)) {
        sum = Math.addExact(sum, entry.getValue());
      }
    }
    return sum;
  }

  /**
   * Counts a pass, durably.
   *
   * @param facts of the attempt and of the data set it reads, see {@link Journal}
   * @param pass its number in the attempt, 1 and up
   * @param numbers that it opens of each person; as many passes it is
   * @param limited the attempt's limit was set by the other attempts' and jobs' passes
   * @param before how many {@link #passesBefore} said these were
   * @param most that the policy allows on these people, null: as many as anybody asks for. Jobs
   *     that began at once each asked for what was left
   * @throws Problem if it is limited and they are more by now, if they would be more than the
   *     policy allows, or the log cannot be written; then nothing is counted and the pass must not
   *     begin
   */
  synchronized void count(
      People people,
      Session attempt,
      ObjectNode facts,
      int pass,
      int numbers,
      boolean limited,
      int before,
      Integer most) {
    if (limited && passesBefore(people, attempt) != before) {
      throw Problem.of(
              Problem.Kind.JOB_FAILED, "another job trains on the same people at the same time")
          .next("silo job run " + attempt.job() + ", when the other job is over");
    }
    if (most != null && passes(people) + numbers > most) {
      throw Problem.refused(
              "the policy allows at most %d passes on the same people, and others have begun meanwhile"
                  .formatted(most))
          .detail("policy.yaml, training.max_passes; its owners may change it")
          .next("silo policy check JOB, then silo policy apply");
    }
    ObjectNode event = facts.deepCopy();
    ObjectNode parameters = Json.object().put("pass", pass).put("parties", people.parties());
    if (numbers != 1) {
      parameters.put("numbers", numbers);
    }
    event.set("parameters", parameters);
    journal.fact(Journal.PASS, event);
  }
}
