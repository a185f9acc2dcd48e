package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Optional;
import java.util.SortedMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of an attempt after everything has been said: receipts that partners signed, fetched
 * where a kill or a cut kept them out.
 */
final class Completion {
  private static final Logger LOG = LoggerFactory.getLogger(Completion.class);
  private static final Duration ASK = Duration.ofSeconds(15);

  private final JobRun.Context context;

  Completion(JobRun.Context context) {
    this.context = context;
  }

  private Party self() {
    return context.peers().self();
  }

  /** The own receipt of an attempt, for a partner that was cut off before it had it. */
  ObjectNode own(Job job, int attempt) {
    Jobs.Receipt own = context.jobs().receipts(job.id(), attempt).get(self());
    if (own == null) {
      throw Problem.notFound(self() + " has no receipt of this attempt").at(self());
    }
    ObjectNode answer = Json.object();
    answer.set("receipt", own.content());
    return answer.put("signature", own.signature());
  }

  /** A partner's receipt of the newest attempt, if it is one. */
  Jobs.Receipt verified(Party from, Job job, JsonNode said) {
    JsonNode content = Receipts.require(from, job.id(), job.attempt(), said.path("receipt"));
    byte[] signature = JobMessages.bytes(said.path("signature"));
    if (!context.peers().verify(from, Receipts.statement(content), signature)) {
      throw Problem.refused("the receipt is not signed by " + from);
    }
    JobMessages.requireDigest(self(), job.digest(), content);
    return new Jobs.Receipt(content, signature);
  }

  /**
   * As {@link #completes}, where receipts that disagree, or that nobody has, only mean that the job
   * is not done.
   *
   * @throws Problem if a partner cannot be asked
   */
  boolean succeeds(Job job) {
    try {
      return completes(job);
    } catch (Problem e) {
      if (e.kind() == Problem.Kind.PARTNER) {
        throw e;
      }
      LOG.info("job {} cannot end as done: {}", job.id(), e.what());
      return false;
    }
  }

  /**
   * Ends a job as done whose attempt broke off here when all had been said, if the receipts of all
   * parties, fetched where they are missing, agree. So one party cannot be left with a failed job
   * that is done for the others.
   *
   * @return whether it is done now
   * @throws Problem if a partner whose receipt is missing cannot be asked, or saw something else
   */
  private boolean completes(Job job) {
    SortedMap<Party, Jobs.Receipt> receipts = context.jobs().receipts(job.id(), job.attempt());
    Jobs.Receipt own = receipts.get(self());
    Optional<JsonNode> report = context.jobs().report(job.id(), job.attempt());
    if (own == null || report.isEmpty() || !brokeOff(job)) {
      return false;
    }
    for (Party partner : job.others(self())) {
      if (!receipts.containsKey(partner)) {
        ObjectNode question = JobMessages.facts(job).put("attempt", job.attempt());
        JsonNode said = context.peers().request(partner, "job.receipts", question, ASK);
        receipts.put(partner, verified(partner, job, said));
      }
    }
    Receipts.requireAgreement((ObjectNode) own.content(), receipts);
    ObjectNode facts = JobMessages.facts(job).put("attempt", job.attempt());
    Journal.Act act = context.journal().intent("job.run", facts);
    ObjectNode kept = report.get().deepCopy();
    receipts.forEach(
        (party, receipt) -> {
          kept.withObject("/receipts").put(party.name(), "agreed");
          context.jobs().receipt(job.id(), job.attempt(), party, receipt);
          if (!party.equals(self())) {
            JobRun.logReceipt(context.journal(), facts.deepCopy(), party, receipt);
          }
        });
    context.jobs().report(job.id(), job.attempt(), kept);
    act.ok(facts.deepCopy().put("state", JobState.DONE.name()));
    context.jobs().move(job.id(), JobState.DONE, null);
    context.cohorts().forget(job.id());
    context.journal().checkpoint();
    return true;
  }

  /** Whether the newest attempt broke off here after everything had been said. */
  boolean brokeOff(Job job) {
    return context.jobs().get(job.id()).state() == JobState.FAILED
        && context.jobs().phase(job.id()).filter(JobRun.RECEIPT::equals).isPresent();
  }
}
