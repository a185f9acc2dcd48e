package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What a verifier will find in the files that partners had a hand in, before they go into an
 * export: whoever writes one leaves out what would condemn it, and says so. It is the verifier's
 * own check, so that no partner can make an honest export verify as altered.
 */
public final class ExportRehearsal {
  /** Longest file of what a partner's log says, in bytes. */
  public static final int MAX_LOG = PartnersWord.MAX_LOG;

  /** Most pages of it. */
  public static final int MAX_PAGES = PartnersWord.MAX_PAGES;

  private record Own(long attempt, byte[] file) {}

  private final String self;
  private final String job;
  private final List<EventRules.Checked> events = new ArrayList<>();
  private final List<Own> own = new ArrayList<>();
  private long held;

  /**
   * @param self whose log it is
   * @param events of the job in that log, by place
   */
  public ExportRehearsal(String self, String job, SortedMap<Long, JsonNode> events) {
    this.self = self;
    this.job = job;
    for (Map.Entry<Long, JsonNode> event : events.entrySet()) {
      EventRules.Checked checked = new EventRules.Checked(event.getKey(), event.getValue());
      if (Claims.concerns(checked.type())) {
        this.events.add(checked);
      }
    }
  }

  /**
   * Takes the file of a receipt.
   *
   * @return why the export must not hold it; empty: it may
   */
  public Optional<String> receipt(String party, long attempt, byte[] file) {
    Findings findings = new Findings();
    PartnersWord word = new PartnersWord(self, job, events, List.of(), findings);
    word.receipt(party, attempt, file.length > PartnersWord.MAX_RECEIPT ? null : file);
    Optional<String> wrong = wrong(word, file, findings);
    if (wrong.isEmpty() && party.equals(self)) {
      own.add(new Own(attempt, file));
    }
    return wrong;
  }

  /**
   * Takes the file of what a partner's log says; after the own receipts, which it is held against.
   *
   * @param keys of that partner's logs, as this party knows them
   * @return why the export must not hold it; empty: it may
   */
  public Optional<String> log(String party, byte[] file, List<TrustedKey> keys) {
    Findings findings = new Findings();
    PartnersWord word = new PartnersWord(self, job, events, keys, findings);
    own.forEach(receipt -> word.receipt(self, receipt.attempt, receipt.file));
    word.log(party, file.length > PartnersWord.MAX_LOG ? null : file);
    return wrong(word, file, findings);
  }

  /** What a log does not hold of every attempt is no reason: nothing is claimed then. */
  private Optional<String> wrong(PartnersWord word, byte[] file, Findings findings) {
    if (held + file.length > PartnersWord.MAX_HELD) {
      return Optional.of("the export holds as much of what partners said as one can");
    }
    if (findings.isEmpty()) {
      word.check();
    }
    Optional<String> wrong =
        findings.sorted().stream()
            .filter(finding -> finding.verdict() != Verdict.WITNESSES)
            .map(Finding::text)
            .findFirst();
    if (wrong.isEmpty()) {
      held += file.length;
    }
    return wrong;
  }
}
