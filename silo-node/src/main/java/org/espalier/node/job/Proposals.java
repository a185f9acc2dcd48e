package org.espalier.node.job;

import static org.espalier.node.job.JobMessages.bounded;
import static org.espalier.node.job.JobMessages.by;
import static org.espalier.node.job.JobMessages.facts;
import static org.espalier.node.job.JobMessages.requireDigest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.policy.PersonWord;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What has to be agreed before a job runs: proposals, and each party's signed decision on one
 * digest. A proposal carries the proposer's own approval; every other party decides for itself.
 */
final class Proposals {
  private static final Logger LOG = LoggerFactory.getLogger(Proposals.class);
  private static final Duration ASK = JobService.ASK;

  /**
   * Proposals of one partner that may wait here, those of a day included that it withdrew: more
   * would only fill the database.
   */
  private static final int MAX_PROPOSALS = 100;

  private final JobRun.Context context;
  private final ApprovalRules approving;
  private final SecureRandom random = new SecureRandom();

  Proposals(JobRun.Context context, ApprovalRules approving) {
    this.context = context;
    this.approving = approving;
  }

  private Party self() {
    return context.peers().self();
  }

  private Jobs jobs() {
    return context.jobs();
  }

  /**
   * Sends a job to all its parties, with this node's approval; chooses how people are aligned where
   * the job leaves that open. Where the policy asks for signatures, a person proposes, and partners
   * hear of the job when the own people have approved it.
   *
   * @param by the proposing person's signed word on what is asked for; empty for none
   */
  Job propose(JobSpec asked, Optional<PersonWord> by) {
    LocalChecks.require(context, "", asked);
    boolean automatic = approving.byItself(asked, self());
    boolean persons = approving.needsPeople() && !automatic;
    if (persons && by.isEmpty()) {
      throw Problem.refused("the policy of %s asks for a person who proposes".formatted(self()))
          .at(self())
          .detail("approval.needs: " + approving.needs())
          .next("silo job propose FILE --as NAME --key KEYFILE");
    }
    by.ifPresent(word -> approving.requireProposer(word, asked));
    JobSpec spec = AlignChoice.of(context, asked).spec();
    if (spec instanceof ServeSpec serve) {
      spec = serve.of(ServedModel.digest(context, serve.model()));
    }
    if (spec instanceof TrainSpec train && train.model().start() != null) {
      spec = train.startingAt(ServedModel.digest(context, train.model().start()));
    }
    Party self = self();
    if (spec instanceof ScoringSpec && !spec.labelParty().equals(self)) {
      throw Problem.refused("a prediction is proposed by the label party " + spec.labelParty());
    }
    byte[] tail = new byte[4];
    random.nextBytes(tail);
    String kind = spec instanceof TrainSpec ? "J-" : spec instanceof ServeSpec ? "S-" : "P-";
    String id = kind + HexFormat.of().formatHex(tail);
    Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    Job job =
        new Job(
            id,
            spec,
            spec.digest(),
            self,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap());
    job.others(self).forEach(context.peers()::requirePartner);
    Runnable act;
    ObjectNode facts = facts(job);
    if (persons) {
      act = () -> jobs().draft(job, by.orElseThrow());
    } else {
      Job.Decision approval = signed(job, true, null, List.of());
      decided(facts, self, approval);
      act = () -> send(job, approval, () -> keep(job, approval));
    }
    by.ifPresent(word -> facts.withArray("people").add(word.toJson()));
    context.journal().during("job.propose", facts, act);
    return jobs().get(id);
  }

  /**
   * Tells all partners of a job, or none.
   *
   * @param keep done when all know of it; where that fails nobody is to know of it
   */
  private void send(Job job, Job.Decision approval, Runnable keep) {
    ObjectNode body = facts(job);
    body.set("content", job.spec().toJson());
    body.put("created", job.created().toString());
    body.set("approval", json(approval));
    SortedSet<Party> told = new TreeSet<>();
    try {
      for (Party partner : job.others(self())) {
        context.peers().request(partner, "job.propose", body, ASK);
        told.add(partner);
      }
      keep.run();
    } catch (RuntimeException e) {
      ObjectNode withdrawal = facts(job).put("reason", "the proposal did not reach everybody");
      told.forEach(partner -> context.peers().tell(partner, "job.abort", withdrawal, ASK));
      throw e;
    }
  }

  private void keep(Job job, Job.Decision approval) {
    jobs().insert(job);
    jobs().log(job.id(), "PROPOSED by " + job.proposer());
    jobs().decide(job.id(), job.proposer(), approval);
  }

  /**
   * Approves or denies on behalf of this party and tells the others. Where the policy asks for
   * signatures of persons, this is one of them, and the party has decided when the last one that is
   * needed is there.
   *
   * @param by the person's signed word; empty for whoever runs the node
   */
  Job decide(String id, boolean approve, String reason, Optional<PersonWord> by) {
    Job job = jobs().get(id);
    if (job.decisions().containsKey(self())) {
      Job.Decision earlier = job.decisions().get(self());
      if (earlier.approved() == approve) {
        return job;
      }
      throw Problem.wrongState(
          "this node has already " + (earlier.approved() ? "approved " : "denied ") + id);
    }
    if (job.state() != JobState.PROPOSED) {
      throw Problem.wrongState("job " + id + " is " + job.state());
    }
    if (approve) {
      LocalChecks.require(context, job.id(), job.spec());
    }
    List<PersonWord> words = List.of();
    if (by.isPresent() || approving.needsPeople()) {
      words = approving.words(job, approve, by);
      if (approve && !approving.missing(words).isEmpty()) {
        return jobs().get(id);
      }
    }
    decide(job, approve, reason, words, facts(job));
    return jobs().get(id);
  }

  private void decide(
      Job job, boolean approve, String reason, List<PersonWord> words, ObjectNode facts) {
    Job.Decision decision = signed(job, approve, reason, words);
    boolean draft = jobs().draft(job.id()).map(known -> !known.sent()).orElse(false);
    context
        .journal()
        .during(
            approve ? "job.approve" : "job.deny",
            decided(facts, self(), decision),
            () -> {
              Runnable keep = () -> jobs().decide(job.id(), self(), decision);
              if (draft && approve) {
                send(
                    job,
                    decision,
                    () -> {
                      keep.run();
                      jobs().sent(job.id());
                    });
              } else {
                keep.run();
              }
            });
    if (!draft) {
      ObjectNode body = facts(job);
      body.set("decision", json(decision));
      for (Party partner : job.others(self())) {
        context.peers().tell(partner, "job.decide", body, ASK);
      }
    }
  }

  /** Approves a partner's proposal without anybody, if the policy says so. */
  void decideByItself(String id) {
    try {
      Job job = jobs().get(id);
      if (job.state() == JobState.PROPOSED && !job.decisions().containsKey(self())) {
        LocalChecks.require(context, id, job.spec());
        decide(job, true, "approval.auto", List.of(), facts(job).put("automatic", true));
      }
    } catch (RuntimeException e) {
      jobs().log(id, "not approved by itself: " + e.getMessage());
      LOG.info("job {} is not approved by itself", id, e);
    }
  }

  /** Keeps a partner's proposal; one that is known already, with the same content, is well. */
  Job proposed(Party from, JsonNode body) {
    String id = body.path("job").asText();
    if (!id.matches(Job.ID)) {
      throw Problem.refused("not a job id");
    }
    JobSpec spec = JobSpec.json("the proposed job", body.path("content"));
    byte[] digest = spec.digest();
    requireDigest(self(), digest, body);
    if (spec.alignment().isOpen()) {
      throw Problem.refused("the proposed job does not say by which protocol people are aligned");
    }
    if (spec instanceof ServeSpec serve
        && (serve.modelDigest() == null || !spec.labelParty().equals(from))) {
      throw Problem.refused(
          "scoring is proposed by the label party, for a model named by its digest");
    }
    if (spec instanceof TrainSpec train
        && train.model().start() != null
        && train.model().startDigest() == null) {
      throw Problem.refused("the proposed job does not say which model exactly it begins at");
    }
    if (!spec.parties().containsKey(self()) || !spec.parties().containsKey(from)) {
      throw Problem.refused("the proposed job does not name both " + from + " and " + self());
    }
    spec.parties().keySet().stream()
        .filter(party -> !party.equals(self()))
        .forEach(context.peers()::requirePartner);
    Instant now = Instant.now();
    Job job =
        new Job(
            id,
            spec,
            digest,
            from,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap());
    Optional<Job> known = jobs().find(id);
    if (known.isPresent()) {
      requireDigest(self(), known.get().digest(), body);
      return known.get(); // the answer to the first request was lost
    }
    Job.Decision approval = verified(job, from, body.path("approval"));
    if (!approval.approved()) {
      throw Problem.refused("a proposal carries the proposer's own approval");
    }
    if (jobs().proposalsOf(from, now.minus(Duration.ofDays(1))) >= MAX_PROPOSALS) {
      throw Problem.refused("%s has made %d proposals already".formatted(from, MAX_PROPOSALS));
    }
    context
        .journal()
        .during("job.propose", decided(by(from, job), from, approval), () -> keep(job, approval));
    return jobs().get(id);
  }

  /** This party's decision on a job, if it has made one, as partners ask for it. */
  ObjectNode own(Job job) {
    ObjectNode answer = facts(job);
    Job.Decision mine = job.decisions().get(self());
    if (mine != null) {
      answer.set("decision", json(mine));
    }
    return answer;
  }

  /** All decisions on a job that are known here, by party. */
  static ObjectNode all(Job job) {
    ObjectNode all = Json.object();
    job.decisions().forEach((party, decision) -> all.set(party.name(), json(decision)));
    return all;
  }

  /** Keeps another party's word if its signature holds; a later, different one changes nothing. */
  void accept(Job job, Party signer, JsonNode said) {
    if (!job.spec().parties().containsKey(signer)) {
      throw Problem.refused(signer + " is no party of job " + job.id());
    }
    Job.Decision decision = verified(job, signer, said);
    if (!jobs().get(job.id()).decisions().containsKey(signer)) {
      context
          .journal()
          .fact(
              decision.approved() ? "job.approve" : "job.deny",
              decided(by(signer, job), signer, decision));
      jobs().decide(job.id(), signer, decision);
    }
  }

  private Job.Decision verified(Job job, Party signer, JsonNode said) {
    boolean approved = said.path("approved").asBoolean();
    byte[] signature = JobMessages.bytes(said.path("signature"));
    Approvals.Grounds grounds = Approvals.Grounds.fromJson(said.path("grounds"));
    byte[] statement = Approvals.statement(job.id(), job.digest(), signer, approved, grounds);
    if (!context.peers().verify(signer, statement, signature)) {
      throw Problem.refused("the decision on job " + job.id() + " is not signed by " + signer);
    }
    Approvals.requireSigned(job, signer, approved, grounds);
    String reason = said.hasNonNull("reason") ? bounded(said.get("reason").asText()) : null;
    return new Job.Decision(approved, reason, signature, Instant.now(), grounds.toJson());
  }

  private Job.Decision signed(Job job, boolean approve, String reason, List<PersonWord> words) {
    Approvals.Grounds grounds = new Approvals.Grounds(context.rules().now().digest(), words);
    byte[] statement = Approvals.statement(job.id(), job.digest(), self(), approve, grounds);
    return new Job.Decision(
        approve,
        reason == null ? null : bounded(reason),
        context.peers().sign(statement),
        Instant.now(),
        grounds.toJson());
  }

  private static ObjectNode json(Job.Decision decision) {
    ObjectNode json =
        Json.object()
            .put("approved", decision.approved())
            .put("reason", decision.reason())
            .put("signature", decision.signature());
    return json.set("grounds", decision.grounds());
  }

  private static ObjectNode decided(ObjectNode facts, Party signer, Job.Decision decision) {
    decision.grounds().path("people").forEach(facts.withArray("people")::add);
    return facts
        .put("signer", signer.name())
        .put("policy", decision.grounds().path("policy").asText())
        .put("signature", Base64.getEncoder().encodeToString(decision.signature()));
  }
}
