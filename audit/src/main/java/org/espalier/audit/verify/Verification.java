package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The result of a verification.
 *
 * @param kind {@code log} or {@code export}
 * @param verdict the gravest of what was found
 * @param origin name of the log, or empty if nothing could be read
 * @param size events of the log; of an export, size of the tree that its checkpoint states
 * @param events events that were checked
 * @param root root of the tree, 32 bytes; empty if there is none to state
 * @param checkpointSize size that the signed checkpoint states, or -1 if there is none
 * @param open intents without an outcome: acts under way, or cut short and not yet concluded
 * @param job the job of an export, or empty
 * @param findings what is wrong, gravest first; empty if and only if the verdict is OK
 * @param remarks what is unusual but no sign of tampering
 * @param evidence proof of a fork, or null
 * @param prunedBefore events before this index are missing; 0: none
 * @param prunedBy event that declares it, or -1
 */
public record Verification(
    String kind,
    Verdict verdict,
    String origin,
    long size,
    long events,
    byte[] root,
    long checkpointSize,
    int open,
    String job,
    List<Finding> findings,
    List<String> remarks,
    Evidence evidence,
    long prunedBefore,
    long prunedBy) {

  /** Copies the lists. */
  public Verification {
    findings = List.copyOf(findings);
    remarks = List.copyOf(remarks);
  }

  /** The caller trusts another key for a log than at the last visit. */
  static Verification otherKey(String origin) {
    Finding finding =
        new Finding(
            Verdict.KEY_NOT_TRUSTED,
            -1,
            "the state directory remembers another key of this log; if its key was replaced, begin"
                + " a new state directory");
    return new Verification(
        "log",
        finding.verdict(),
        origin,
        0,
        0,
        new byte[0],
        -1,
        0,
        "",
        List.of(finding),
        List.of(),
        null,
        0,
        -1);
  }

  Verification with(String remark) {
    List<String> more = new ArrayList<>(remarks);
    more.add(remark);
    return new Verification(
        kind,
        verdict,
        origin,
        size,
        events,
        root,
        checkpointSize,
        open,
        job,
        findings,
        more,
        evidence,
        prunedBefore,
        prunedBy);
  }

  /** Whether everything agrees. */
  public boolean ok() {
    return verdict == Verdict.OK;
  }

  /** Exit code of the command: 0, or 10 and above. */
  public int exitCode() {
    return verdict.exitCode();
  }

  /** The first event that something is wrong with, if that is known. */
  public Optional<Long> firstBad() {
    return findings.stream().map(Finding::seq).filter(seq -> seq >= 0).min(Long::compare);
  }

  /** Lines for people, safe to print. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    String what =
        kind.equals("export")
            ? events + " events of job " + Texts.shown(job) + " from the audit log "
            : events + " events of the audit log ";
    lines.add(
        (ok() ? "OK: " : "NOT OK, " + verdict.words() + ": ")
            + what
            + (origin.isEmpty() ? "(unknown)" : Texts.shown(origin)));
    firstBad().ifPresent(seq -> lines.add("first bad event: " + seq));
    findings.forEach(finding -> lines.add("- " + finding.text()));
    if (root.length > 0) {
      lines.add("tree: " + size + " events, root " + Base64.getEncoder().encodeToString(root));
    }
    if (open > 0) {
      lines.add("acts without an outcome yet: " + open);
    }
    remarks.forEach(remark -> lines.add("note: " + remark));
    return lines;
  }

  /** As JSON, with schema {@code espalier.audit-verification/1}. */
  public ObjectNode toJson() {
    ObjectNode json =
        JsonNodeFactory.instance
            .objectNode()
            .put("schema", "espalier.audit-verification/1")
            .put("kind", kind)
            .put("ok", ok())
            .put("verdict", verdict.name().toLowerCase(Locale.ROOT))
            .put("exit_code", exitCode())
            .put("origin", origin)
            .put("size", size)
            .put("events", events);
    if (prunedBefore > 0) {
      json.putObject("pruned").put("before", prunedBefore).put("declared_by", prunedBy);
    }
    if (root.length > 0) {
      json.put("root", Base64.getEncoder().encodeToString(root));
    }
    if (checkpointSize >= 0) {
      json.put("checkpoint_size", checkpointSize);
    }
    if (!job.isEmpty()) {
      json.put("job", job);
    }
    json.put("open_intents", open);
    firstBad().ifPresent(seq -> json.put("first_bad", seq));
    ArrayNode wrong = json.putArray("findings");
    for (Finding finding : findings) {
      ObjectNode one = wrong.addObject();
      one.put("verdict", finding.verdict().name().toLowerCase(Locale.ROOT));
      if (finding.seq() >= 0) {
        one.put("seq", finding.seq());
      }
      one.put("text", finding.text());
    }
    ArrayNode notes = json.putArray("remarks");
    remarks.forEach(notes::add);
    if (evidence != null) {
      json.set("evidence", evidence.toJson());
    }
    return json;
  }
}
