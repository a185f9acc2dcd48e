package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.disclosure.Disclosure;
import org.espalier.protocols.evaluate.Detail;
import org.espalier.psi.LeakStatement;
import org.espalier.wire.Party;

/** What a job would do, said before anything is sent. */
public final class JobPlan {
  private JobPlan() {}

  /**
   * {@code job, digest, checks, policy, learns, alignment, estimate}: everything {@code silo job
   * plan} prints. Where the job leaves open how people are aligned, the plan is that of the
   * protocol which proposing it would choose now.
   *
   * @param job its id; empty where it has none yet
   * @param estimate whether to say what the job will cost, for which this machine is measured, once
   *     a week and for some seconds
   */
  public static ObjectNode of(JobRun.Context context, String job, JobSpec asked, boolean estimate) {
    AlignChoice choice =
        estimate && !(asked instanceof ServeSpec)
            ? AlignChoice.compared(context, asked)
            : AlignChoice.of(context, asked);
    JobSpec spec = choice.spec();
    ObjectNode plan = Json.object();
    plan.set("job", spec.toJson());
    plan.put("digest", HexFormat.of().formatHex(spec.digest()));
    List<LocalChecks.Check> checks = LocalChecks.run(context, job, spec);
    plan.set("checks", Json.tree(checks));
    List<PolicyRules.Verdict> verdicts = PolicyRules.verdicts(context, spec);
    plan.set("policy", Json.tree(verdicts));
    context.rules().halted().ifPresent(halted -> plan.set("halted", halted));
    plan.put(
        "passed",
        checks.stream().allMatch(LocalChecks.Check::passed)
            && verdicts.stream().allMatch(PolicyRules.Verdict::passed)
            && !plan.has("halted"));
    plan.set("learns", learns(context, spec));
    if (estimate && !(spec instanceof ServeSpec)) {
      plan.set("alignment", choice.toJson());
      plan.set("estimate", Estimate.plan(context, spec));
    }
    return plan;
  }

  /** The statements on what each party learns, with the figures known at this node. */
  static ArrayNode learns(JobRun.Context context, JobSpec spec) {
    if (!(spec instanceof TrainSpec train)) {
      return learns(context, spec, null);
    }
    // How many columns a party prepares is known after the alignment only: categories count each.
    Map<Party, Integer> columns = new TreeMap<>();
    for (Party party : spec.parties().keySet()) {
      if (!party.equals(spec.labelParty())) {
        columns.put(party, -1);
      }
    }
    int earlier = train.training().countsPasses() ? passes(context, spec) : 0;
    return learns(context, spec, Training.of(train).facts(columns, -1, earlier));
  }

  private static int passes(JobRun.Context context, JobSpec spec) {
    try {
      return LocalChecks.passes(context, spec);
    } catch (Problem unknown) {
      return -1;
    }
  }

  /**
   * @param facts what is known of training; null for a prediction
   */
  static ArrayNode learns(JobRun.Context context, JobSpec spec, Disclosure.Facts facts) {
    ArrayNode all = Json.object().arrayNode();
    if (spec instanceof ServeSpec serve) {
      serving(all, serve);
      return all;
    }
    for (LeakStatement leak : AlignPhase.leaks(context, spec)) {
      add(all, leak.learner(), leak.text());
    }
    if (spec.alignment().severalRows()) {
      add(
          all,
          null,
          "nothing of how many rows of a person %s has: all that is computed with others is of people"
                  .formatted(spec.labelParty())
              + (spec instanceof TrainSpec
                  ? ", a person's rows summed up before. Who has many rows counts as much more in what"
                      + " feature parties learn of sums over all people"
                  : ""));
    }
    if (spec instanceof TrainSpec train) {
      for (Disclosure.Statement statement :
          Disclosure.statements(train.training().disclosure(), facts, train.sharesWeights())) {
        add(all, statement.learner(), statement.text());
      }
      if (train.labelPrivacy() != null) {
        add(all, null, train.labelPrivacy().statement(spec.labelParty().name()));
      }
      if (train.model().l1() != null) {
        for (Disclosure.Statement statement : Disclosure.sparse(facts)) {
          add(all, statement.learner(), statement.text());
        }
      }
      if (train.model().start() != null) {
        for (Disclosure.Statement statement : Disclosure.warmStart(facts, train.model().start())) {
          add(all, statement.learner(), statement.text());
        }
      }
      if (train.patience() > 0) {
        for (Disclosure.Statement statement : Disclosure.earlyStop(facts)) {
          add(all, statement.learner(), statement.text());
        }
      }
      if (train.path() != null) {
        for (Disclosure.Statement statement :
            Disclosure.path(facts, train.path().values().size(), train.path().folds())) {
          add(all, statement.learner(), statement.text());
        }
      }
      if (train.infers()) {
        for (Disclosure.Statement statement : Disclosure.inference(facts)) {
          add(all, statement.learner(), statement.text());
        }
      }
      if (train.evaluation().holdout().signum() > 0) {
        add(all, spec.labelParty(), evaluation(train));
      }
    } else if (spec instanceof PredictSpec predict && LocalChecks.sharesWeights(context, predict)) {
      add(all, spec.labelParty(), Disclosure.sharedScores("person in the cohort"));
    } else {
      String part =
          spec instanceof PredictSpec predict ? LocalChecks.scored(context, predict) : "the score";
      add(
          all,
          spec.labelParty(),
          "of each person in the cohort the feature parties' part of "
              + part
              + ", summed over them if there are several, exactly: with its own part that makes the"
              + " score, and people with equal values can be grouped by it");
    }
    return all;
  }

  /** What online scoring tells, which no protocol between the parties hides. */
  private static void serving(ArrayNode all, ServeSpec spec) {
    for (Party party : spec.parties().keySet()) {
      if (!party.equals(spec.labelParty())) {
        add(
            all,
            party,
            "about which person "
                + spec.labelParty()
                + " asks, and when: it is asked by a digest of the match key that it looks up in its"
                + " data set, and of a person whom it does not have it can find the digest by"
                + " trying keys; nothing of the score");
      }
    }
    boolean single = spec.parties().size() == 2;
    add(
        all,
        spec.labelParty(),
        "of each person it asks about, up to %,d a day until %s: %s, exactly, so that people with"
                .formatted(
                    spec.scoresPerDay(),
                    spec.lastDay(),
                    single
                        ? "the feature party's part of the score"
                        : "the feature parties' part of the score, only summed over them")
            + " equal values can be grouped, and weights be computed from answers about as many"
            + " people whose values it knows as there are weights; and whether each feature party"
            + " has the person (tell_unknown: false in a party's policy.yaml does not tell that"
            + " apart from a key that several rows have)");
  }

  /** Evaluation is the same at every level. */
  private static String evaluation(TrainSpec spec) {
    String scores =
        "for the evaluation its node holds, in memory, the joint score of each person held out";
    return spec.evaluation().revealsScores()
        ? scores
            + "; this job writes these scores down for its operator (evaluation.reveal: scores)"
        : scores
            + " and writes none down: its operator gets metrics only, none of fewer than %d people (evaluation.reveal: metrics)"
                .formatted(Detail.FEWEST);
  }

  private static void add(ArrayNode all, Party learner, String text) {
    all.addObject()
        .put("learner", learner == null ? "every party" : learner.name())
        .put("text", text);
  }
}
