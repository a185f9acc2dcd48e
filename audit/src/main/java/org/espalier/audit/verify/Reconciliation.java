package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * What two parties' logs say of the jobs that they share, compared.
 *
 * @param mine name of the one party
 * @param theirs name of the other
 * @param jobs number of jobs that were compared
 * @param compared number of events that both sides have
 * @param differences what is on one side only or is not the same; empty if and only if the verdict
 *     is OK
 * @param remarks what is unusual, or not yet known, but no sign of a missing event
 */
public record Reconciliation(
    String mine,
    String theirs,
    int jobs,
    int compared,
    List<Difference> differences,
    List<String> remarks) {

  /**
   * One thing on which the logs do not agree.
   *
   * @param verdict {@link Verdict#TRUNCATED}: it is missing at a party; {@link Verdict#ALTERED}: it
   *     is another one; {@link Verdict#FORK}; or what the verifier found in one of the files
   * @param job empty if it is about a whole log
   * @param party where something is missing or wrong; of two contradicting events the other party
   * @param seq event that tells so, in the log of {@code witness}; or -1
   * @param witness the party whose log has that event
   * @param text in words, safe to print
   */
  public record Difference(
      Verdict verdict, String job, String party, long seq, String witness, String text) {}

  /** Copies the lists. */
  public Reconciliation {
    differences = List.copyOf(differences);
    remarks = List.copyOf(remarks);
  }

  /** The gravest. */
  public Verdict verdict() {
    return differences.stream()
        .map(Difference::verdict)
        .min(Comparator.comparingInt(Findings.GRAVITY::indexOf))
        .orElse(Verdict.OK);
  }

  /** This one with a further difference. */
  public Reconciliation with(Difference difference) {
    List<Difference> more = new ArrayList<>(differences);
    more.add(difference);
    return new Reconciliation(mine, theirs, jobs, compared, more, remarks);
  }

  /** This one with a further remark. */
  public Reconciliation remarking(String remark) {
    List<String> more = new ArrayList<>(remarks);
    more.add(remark);
    return new Reconciliation(mine, theirs, jobs, compared, differences, more);
  }

  /** Lines for people, safe to print. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    Verdict verdict = verdict();
    lines.add(
        (verdict == Verdict.OK ? "OK: " : "NOT OK, " + verdict.words() + ": ")
            + "%s and %s, %d shared jobs, %d events on both sides"
                .formatted(Texts.shown(mine), Texts.shown(theirs), jobs, compared));
    differences.forEach(
        d -> lines.add("- " + (d.job().isEmpty() ? "" : "job " + d.job() + ": ") + d.text()));
    remarks.forEach(remark -> lines.add("note: " + remark));
    return lines;
  }

  /** As JSON, with schema {@code espalier.audit-reconciliation/1}. */
  public ObjectNode toJson() {
    Verdict verdict = verdict();
    ObjectNode json =
        JsonNodeFactory.instance
            .objectNode()
            .put("schema", "espalier.audit-reconciliation/1")
            .put("ok", verdict == Verdict.OK)
            .put("verdict", verdict.name().toLowerCase(Locale.ROOT))
            .put("exit_code", verdict.exitCode())
            .put("mine", mine)
            .put("theirs", theirs)
            .put("jobs", jobs)
            .put("compared", compared);
    ArrayNode found = json.putArray("differences");
    for (Difference d : differences) {
      ObjectNode one =
          found
              .addObject()
              .put("verdict", d.verdict().name().toLowerCase(Locale.ROOT))
              .put("party", d.party());
      if (!d.job().isEmpty()) {
        one.put("job", d.job());
      }
      if (d.seq() >= 0) {
        one.put("seq", d.seq()).put("seq_of", d.witness());
      }
      one.put("text", d.text());
    }
    ArrayNode notes = json.putArray("notes");
    remarks.forEach(notes::add);
    return json;
  }
}
