package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.Role;
import org.espalier.node.config.Json;
import org.espalier.node.policy.Person;
import org.espalier.node.policy.PersonWord;
import org.espalier.node.policy.Policy;
import org.espalier.wire.Party;

/**
 * Who may speak for this party on a job: whoever runs the node, the people whom the policy asks
 * for, each role by another person and none by the proposer, or the policy by itself.
 */
final class ApprovalRules {
  /** How old a person's signature may be when it is given to the node. */
  private static final Duration SIGNED_WITHIN = Duration.ofMinutes(10);

  private final JobRun.Context context;
  private final Clock clock;

  ApprovalRules(JobRun.Context context) {
    this(context, Clock.systemUTC());
  }

  ApprovalRules(JobRun.Context context, Clock clock) {
    this.context = context;
    this.clock = clock;
  }

  private Party self() {
    return context.peers().self();
  }

  private Policy policy() {
    return context.rules().policy();
  }

  /** Whether jobs need signatures of persons here. */
  boolean needsPeople() {
    return !policy().approval().needs().isEmpty();
  }

  /** The roles that must sign, for texts. */
  String needs() {
    return Role.codes(policy().approval().needs());
  }

  /** The roles of which these words have nobody. */
  List<Role> missing(List<PersonWord> words) {
    return Approvals.missing(policy(), words);
  }

  /**
   * Whether the policy approves such a job without anybody. A job with a model tells of the data
   * that the model was trained on, whatever data it names itself: the job that trained it must be
   * one that the policy approves by itself, too. Jobs end after those whose models they use, so
   * that there is a first.
   */
  boolean byItself(JobSpec spec, Party proposer) {
    JobSpec next = spec;
    Party by = proposer;
    while (isNamed(next, by)) {
      Optional<String> model = model(next);
      if (model.isEmpty()) {
        return true;
      }
      Optional<Job> trained =
          context.jobs().find(model.get()).filter(job -> job.state() == JobState.DONE);
      if (trained.isEmpty()) {
        return false;
      }
      next = trained.get().spec();
      by = trained.get().proposer();
    }
    return false;
  }

  private boolean isNamed(JobSpec spec, Party proposer) {
    JobSpec.Source own = spec.parties().get(self());
    return own != null && policy().approvesByItself(spec.purpose(), own.dataset(), proposer);
  }

  /** The job whose model this one scores with or begins at. */
  private static Optional<String> model(JobSpec spec) {
    return spec instanceof ScoringSpec scoring
        ? Optional.of(scoring.model())
        : Optional.ofNullable(((TrainSpec) spec).model().start());
  }

  /**
   * @throws Problem if this is not the word of somebody whom the policy names, on this content
   */
  void requireProposer(PersonWord word, JobSpec asked) {
    requirePerson(
        word, new PersonWord.Subject("", asked.digest(), self()), PersonWord.Meaning.PROPOSES);
  }

  /**
   * Takes one person's word and returns those that count now, the new one among them. Who signed
   * before, under a key that has changed or too long ago, may sign again.
   */
  List<PersonWord> words(Job job, boolean approve, Optional<PersonWord> by) {
    Policy.Approval rules = policy().approval();
    PersonWord word =
        by.orElseThrow(
            () ->
                Problem.refused(
                        "the policy of %s asks for signatures of persons: %s"
                            .formatted(self(), Role.codes(rules.needs())))
                    .at(self())
                    .next(
                        "silo job %s %s --as NAME --key KEYFILE"
                            .formatted(approve ? "approve" : "deny", job.id())));
    requirePerson(
        word,
        new PersonWord.Subject(job.id(), job.digest(), self()),
        approve ? PersonWord.Meaning.APPROVES : PersonWord.Meaning.DENIES);
    Optional<Jobs.Draft> draft = context.jobs().draft(job.id());
    if (approve
        && rules.notTheProposer()
        && draft.isPresent()
        && draft.get().person().person().equals(word.person())) {
      throw Problem.refused(
              "%s proposed job %s and may not approve it".formatted(word.person(), job.id()))
          .at(self())
          .detail("approval.not_the_proposer")
          .next("silo job approve " + job.id() + " by somebody else");
    }
    if (!rules.needs().isEmpty() && word.roles().stream().noneMatch(rules.needs()::contains)) {
      throw Problem.refused(
              "%s signs as %s, and the policy of %s asks for %s"
                  .formatted(
                      word.person(), Role.codes(word.roles()), self(), Role.codes(rules.needs())))
          .at(self());
    }
    if (!approve) {
      return List.of(word);
    }
    if (counting(job).stream().noneMatch(w -> w.person().equals(word.person()))) {
      ObjectNode facts = JobMessages.facts(job).put("policy", word.policy());
      facts.withArray("people").add(word.toJson());
      context.journal().during("job.approve", facts, () -> context.jobs().word(job.id(), word));
    }
    return counting(job);
  }

  /** The words on a job that the policy in force still takes. */
  private List<PersonWord> counting(Job job) {
    return context.jobs().words(job.id()).stream()
        .filter(word -> isKnown(word) && isFresh(word))
        .toList();
  }

  private boolean isKnown(PersonWord word) {
    Person person = policy().people().get(word.person());
    return person != null
        && person.key().equals(word.key())
        && person.listed().equals(word.roles());
  }

  private boolean isFresh(PersonWord word) {
    return policy()
        .approval()
        .validity()
        .map(validity -> word.at().plus(validity).isAfter(clock.instant()))
        .orElse(true);
  }

  /**
   * @throws Problem if this is not the word of somebody whom the policy names, said just now
   */
  private void requirePerson(
      PersonWord word, PersonWord.Subject subject, PersonWord.Meaning meaning) {
    if (!isKnown(word)) {
      throw Problem.refused(
              "the policy of %s knows no %s with this key and these roles"
                  .formatted(self(), word.person()))
          .at(self())
          .next("silo policy show");
    }
    if (word.meaning() != meaning || !word.isSigned(subject)) {
      throw Problem.refused(
              "the signature is not that of %s on %s"
                  .formatted(word.person(), subject.job().isEmpty() ? "this job" : subject.job()))
          .at(self());
    }
    if (!word.policy().equals(context.rules().now().digest())) {
      throw Problem.wrongState("%s signed under another policy".formatted(word.person()))
          .at(self())
          .next("the same again, under the policy in force");
    }
    Instant now = clock.instant();
    Duration age = Duration.between(word.at(), now).abs();
    if (age.compareTo(SIGNED_WITHIN) > 0) {
      throw Problem.refused(
              "the signature is of %s, and the node's clock says %s"
                  .formatted(word.at(), now.truncatedTo(ChronoUnit.SECONDS)))
          .at(self())
          .next("set the clock, and sign again");
    }
  }

  /**
   * @throws Problem if the own approval does not count any more: too old, or the policy now asks
   *     for other people's
   */
  void requireValid(Job job) {
    Job.Decision own = job.decisions().get(self());
    if (own == null || !own.approved()) {
      return; // which the state says
    }
    Optional<Duration> validity = policy().approval().validity();
    if (validity.isPresent() && own.at().plus(validity.get()).isBefore(clock.instant())) {
      throw Problem.refused(
              "the approval of %s is of %s, and its policy takes it for %s"
                  .formatted(self(), own.at(), policy().approval().validFor()))
          .at(self())
          .next("propose the job again");
    }
    if (needsPeople() && !byItself(job.spec(), job.proposer())) {
      List<Role> missing = missing(counting(job));
      if (!missing.isEmpty()) {
        throw Problem.refused(
                "the policy of %s now asks for the signature of %s, which job %s has not"
                    .formatted(self(), Role.codes(missing), job.id()))
            .at(self())
            .next("propose the job again");
      }
    }
  }

  /**
   * What is needed to decide on a job here: {@code policy} the digest of the policy in force,
   * {@code needs} the roles that must sign, {@code missing} those that still have to, {@code words}
   * given so far, {@code proposed_by} the person, {@code sent} whether partners know of the job.
   */
  ObjectNode toJson(Job job) {
    ObjectNode json = Json.object().put("policy", context.rules().now().digest());
    policy().approval().needs().forEach(role -> json.withArray("needs").add(role.code()));
    List<PersonWord> words = counting(job);
    if (!job.decisions().containsKey(self())) {
      missing(words).forEach(role -> json.withArray("missing").add(role.code()));
    }
    context.jobs().words(job.id()).forEach(word -> json.withArray("words").add(word.toJson()));
    context
        .jobs()
        .draft(job.id())
        .ifPresent(
            draft -> json.put("proposed_by", draft.person().person()).put("sent", draft.sent()));
    return json;
  }
}
