package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the rules of a policy mean, in the order of the file. */
final class PolicyHelp {
  /** Rule to text; PARTNER, PURPOSE and DATASET stand for names. */
  static final Map<String, String> RULES = rules();

  private PolicyHelp() {}

  private static Map<String, String> rules() {
    Map<String, String> rules = new LinkedHashMap<>();
    rules.put(
        "partners.PARTNER.roles",
        "What a partner may be in a job: label, feature or both. Without an entry there are no jobs"
            + " with it. The entry \"*\" is for all.");
    rules.put("partners.PARTNER.until", "The last day (UTC) of jobs with a partner.");
    rules.put(
        "partners.PARTNER.agreement", "The contract with a partner, as reports name it; no limit.");
    rules.put(
        "partners.PARTNER.match_dry_run",
        "Whether a partner may learn in a dry run about how many people are in both tables.");
    rules.put(
        "partners.PARTNER.share_key_shapes",
        "Whether it may then learn how values of the match key look here.");
    rules.put(
        "partners.PARTNER.phonetic_keys",
        "Whether people may be matched by how their names sound.");
    rules.put(
        "partners.PARTNER.online_scoring",
        "How many scores of single people a day a partner may agree on, and until when.");
    rules.put("purposes.PURPOSE", "For what data may be used; with legal_basis and dpia.");
    rules.put("purposes.PURPOSE.until", "The last day (UTC) of use for a purpose.");
    rules.put("datasets.DATASET.purposes", "For which of them a data set may be used.");
    rules.put(
        "datasets.DATASET.columns.allow",
        "Features, outcomes, weights and exposures that jobs may compute with.");
    rules.put("datasets.DATASET.columns.never", "Columns that no job may use; wins over allow.");
    rules.put("datasets.DATASET.keys", "Id columns by which people may be matched.");
    rules.put(
        "alignment.min_intersection", "The least alignment.min_intersection that a job may set.");
    rules.put("alignment.min_fraction", "The same as a share of the own rows.");
    rules.put("alignment.protocols", "Alignment protocols that may be used; all if not set.");
    rules.put("alignment.security", "malicious: nothing weaker than protection against deviation.");
    rules.put(
        "alignment.new_alignments_per_90d",
        "New alignments of a data set with a partner in 90 days, counted from the audit log.");
    rules.put(
        "alignment.min_set_difference",
        "By how many keys the own set must differ from that of each earlier alignment.");
    rules.put("training.models", "Kinds of model that may be trained.");
    rules.put("training.levels", "Disclosure levels at which they may be trained.");
    rules.put(
        "training.max_passes",
        "Most passes over the same people, over all attempts and jobs by the audit log where the"
            + " level counts them. A job at level sealed that names none asks for 200.");
    rules.put(
        "training.min_features_per_party",
        "The least training.min_features_per_party that a job may set.");
    rules.put(
        "training.accept_span",
        "Whether a job may accept that all that partners' columns span is disclosed.");
    rules.put(
        "training.cross_validation",
        "Whether a job may fit folds of the people: evaluation.folds, or several values of model.l2.");
    rules.put(
        "training.warm_start",
        "Whether a job may begin at an earlier model (model.start), which tells the label party the"
            + " other parties' part of its scores.");
    rules.put(
        "training.label_epsilon",
        "At the label party: most ε of label privacy for all jobs on one data set together, counted"
            + " from the audit log; jobs without label privacy are denied.");
    rules.put("outputs.scores", "Whether scores of people held out may be written down.");
    rules.put("outputs.inference", "Whether standard errors may be told.");
    rules.put("outputs.predictions", "Whether people may be scored with a model: {} allows it.");
    rules.put(
        "outputs.predictions.max_rows_per_day",
        "People scored in a day (UTC) by all jobs, counted from the audit log.");
    rules.put(
        "approval.needs",
        "Roles that must sign, by a different person each. Not set: whoever runs the node"
            + " approves.");
    rules.put(
        "approval.not_the_proposer", "Whoever proposed a job may not approve it; so by default.");
    rules.put("approval.valid_for", "How long an approval counts, such as 14d.");
    rules.put(
        "approval.auto",
        "Jobs that the node approves by itself if the policy allows them: by purpose, dataset,"
            + " partner. Of one with a model, the job that trained it must fit as well.");
    rules.put("operations.window", "When jobs may begin, such as 06:00-22:00, UTC.");
    rules.put("people.NAME", "Who may sign here, with roles and public key.");
    return Collections.unmodifiableMap(rules);
  }

  /** Whether a rule as a verdict names it, or a part of it, is this one. */
  static boolean isMeant(String rule, String asked) {
    String[] known = rule.split("\\.", -1);
    String[] given = asked.split("\\.", -1);
    if (given[0].equals("partners") || given[0].equals("datasets")) {
      // Names have dots of their own: what counts is the section and what comes last.
      return known[0].equals(given[0])
          && (given.length == 1 || asked.endsWith(known[known.length - 1]) || given.length == 2);
    }
    for (int i = 0; i < given.length; i++) {
      boolean name =
          i < known.length && known[i].equals(known[i].toUpperCase(java.util.Locale.ROOT));
      if (i >= known.length || (!name && !known[i].equals(given[i]))) {
        return false;
      }
    }
    return true;
  }

  /** What the policy says there; of rules with a name in them the whole section. */
  static JsonNode value(JsonNode policy, String rule) {
    JsonNode at = policy;
    for (String step : rule.split("\\.", -1)) {
      if (step.equals(step.toUpperCase(java.util.Locale.ROOT))) {
        return at;
      }
      at = at.path(step);
    }
    return at;
  }
}
