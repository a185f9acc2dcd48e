package org.espalier.node.daemon;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.espalier.audit.event.EventBuilder;
import org.espalier.node.job.Job;
import org.espalier.node.policy.Policy;
import org.espalier.wire.Party;

/** Why a job is done, for the log: its purpose, and what the own policy names for it. */
final class JobReasons {
  private static final int MAX_CODE = 128;
  private static final int MAX_TEXT = 500;

  private JobReasons() {}

  /** Adds purpose, legal basis, impact assessment and agreements to an event of a job. */
  static void add(Job job, Policy policy, Party self, EventBuilder event) {
    String purpose = job.spec().purpose();
    event.purpose(code(purpose));
    policy
        .purpose(purpose)
        .ifPresent(
            rules -> {
              if (rules.legalBasis() != null) {
                event.legalBasis(code(rules.legalBasis()));
              }
              if (rules.dpia() != null) {
                event.dpia(EventBuilder.clip(rules.dpia(), MAX_TEXT));
              }
            });
    List<String> agreements =
        job.others(self).stream()
            .map(party -> policy.partner(party).map(Policy.ForPartner::agreement).orElse(null))
            .filter(Objects::nonNull)
            .distinct()
            .toList();
    if (!agreements.isEmpty()) {
      event.agreement(EventBuilder.clip(String.join(", ", agreements), MAX_TEXT), null);
    }
  }

  /** A text of the own files as a code, so that it cannot keep a job out of the log. */
  private static String code(String text) {
    String code = text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9._-]", "-");
    code = code.matches("[a-z0-9].*") ? code : "x" + code;
    return code.substring(0, Math.min(code.length(), MAX_CODE));
  }
}
