package org.espalier.audit.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.audit.log.LoggedEvent;

/**
 * A record of processing activities (GDPR, Art. 30(1)) as far as the log tells it: for each purpose
 * the jobs, with whom, of which data, who received what, when, by which means. What the log does
 * not hold, such as who the controller's representative is, the record leaves to its owner. Holds
 * names of data sets and columns, and buckets of rows; no values and no identifiers of people.
 *
 * <p>Takes events in order. Not thread-safe.
 */
public final class ProcessingRecord {
  private static final String NOT_STATED = "not stated in the log";

  private static final class Job {
    private final String id;
    private String spec = "";
    private String state = "proposed";
    private Instant first;
    private Instant last;
    private int attempts;
    private String purpose = "";
    private final Set<String> legalBases = new TreeSet<>();
    private final Set<String> assessments = new TreeSet<>();
    private final Set<String> agreements = new TreeSet<>();
    private final Set<String> partners = new TreeSet<>();
    private final Set<String> subjects = new TreeSet<>();
    private final Map<String, Set<String>> data = new TreeMap<>();
    private final Set<String> rows = new TreeSet<>();
    private final Map<String, Set<String>> received = new TreeMap<>();
    private final Set<String> protocols = new TreeSet<>();
    private final Set<String> transfers = new TreeSet<>();
    private final Set<String> retention = new TreeSet<>();

    private Job(String id) {
      this.id = id;
    }
  }

  private final String party;
  private final Map<String, Job> jobs = new LinkedHashMap<>();
  private final Set<String> logs = new TreeSet<>();
  private final Map<String, Long> pruned = new TreeMap<>();
  private Instant first;
  private Instant last;
  private long events;

  /**
   * @param party whose log it is
   */
  public ProcessingRecord(String party) {
    this.party = party;
  }

  /** Says that events of a log before an index were pruned, so that the record lacks them. */
  public void pruned(String origin, long first) {
    pruned.put(origin, first);
  }

  /** What the record lacks; empty if nothing. */
  private String lacking() {
    StringBuilder text = new StringBuilder();
    pruned.forEach(
        (origin, first) ->
            text.append(
                " Events of %s before event %d were pruned and are not in this record."
                    .formatted(origin, first)));
    return text.toString();
  }

  /** Takes the next event. */
  public void add(String origin, LoggedEvent event) {
    logs.add(origin);
    events++;
    first = first == null ? event.time() : first;
    last = event.time();
    if (event.job().isEmpty() || event.type().startsWith("audit.")) {
      return;
    }
    JsonNode json = event.json();
    Job job = jobs.computeIfAbsent(event.job(), Job::new);
    job.first = job.first == null ? event.time() : job.first;
    job.last = event.time();
    job.spec = job.spec.isEmpty() ? json.path("job").path("spec").asText() : job.spec;
    job.purpose = json.path("purpose").asText(job.purpose);
    text(json.path("legal_basis"), job.legalBases);
    text(json.path("dpia"), job.assessments);
    text(json.path("agreement").path("id"), job.agreements);
    text(json.path("retention"), job.retention);
    json.path("data_subjects").forEach(name -> text(name, job.subjects));
    if (json.has("transfer")) {
      job.transfers.add(
          json.path("transfer").path("country").asText()
              + ", "
              + json.path("transfer").path("safeguard").asText());
    }
    partners(json, job);
    for (JsonNode input : json.path("inputs")) {
      Set<String> columns =
          job.data.computeIfAbsent(input.path("dataset").asText(), name -> new TreeSet<>());
      input.path("columns").forEach(column -> columns.add(column.asText()));
      text(input.path("rows"), job.rows);
    }
    text(json.path("protocol").path("name"), job.protocols);
    outputs(event, json, job);
    switch (event.type()) {
      case "job.started" -> {
        if (event.phase().equals("intent")) {
          job.attempts++;
          job.state = "started";
        }
      }
      case "job.approved" -> job.state = job.attempts == 0 ? "approved" : job.state;
      case "job.finished", "job.failed", "job.aborted", "job.denied" ->
          job.state = event.type().substring("job.".length());
      default -> {}
    }
  }

  private void partners(JsonNode json, Job job) {
    json.path("transcripts").fieldNames().forEachRemaining(job.partners::add);
    text(json.path("partner").path("id"), job.partners);
    json.path("recipients").forEach(name -> text(name, job.partners));
    if (json.path("actor").path("kind").asText().equals("partner")) {
      text(json.path("actor").path("pseudonym"), job.partners);
    }
    job.partners.remove(party);
  }

  /** What really left, or came: the outcome of a reveal or of a phase. */
  private static void outputs(LoggedEvent event, JsonNode json, Job job) {
    boolean done = event.phase().equals("outcome") && event.outcome().equals("ok");
    if (!done && !event.type().equals("reveal")) {
      return;
    }
    for (JsonNode output : json.path("outputs")) {
      for (JsonNode recipient : output.path("recipients")) {
        job.received
            .computeIfAbsent(recipient.asText(), name -> new TreeSet<>())
            .add(output.path("kind").asText());
      }
    }
  }

  private static void text(JsonNode value, Set<String> to) {
    if (value.isTextual() && !value.asText().isEmpty()) {
      to.add(value.asText());
    }
  }

  /** As JSON, with schema {@code espalier.audit-art30/1}. */
  public ObjectNode toJson() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("schema", "espalier.audit-art30/1").put("controller", party);
    strings(json, "logs", logs);
    json.put("events", events);
    if (first != null) {
      json.put("from", first.toString()).put("to", last.toString());
    }
    if (!pruned.isEmpty()) {
      pruned.forEach(json.putObject("pruned")::put);
    }
    ArrayNode activities = json.putArray("activities");
    Map<String, ObjectNode> byPurpose = new TreeMap<>();
    for (Job job : jobs.values()) {
      String purpose = job.purpose.isEmpty() ? NOT_STATED : job.purpose;
      ObjectNode activity =
          byPurpose.computeIfAbsent(
              purpose, name -> JsonNodeFactory.instance.objectNode().put("purpose", name));
      ObjectNode one = activity.withArray("jobs").addObject();
      one.put("job", job.id).put("specification", job.spec).put("state", job.state);
      one.put("from", job.first.toString()).put("to", job.last.toString());
      one.put("attempts", job.attempts);
      strings(one, "legal_bases", job.legalBases);
      strings(one, "impact_assessments", job.assessments);
      strings(one, "agreements", job.agreements);
      strings(one, "partners", job.partners);
      strings(one, "data_subjects", job.subjects);
      ObjectNode data = one.putObject("data_categories");
      job.data.forEach((name, columns) -> strings(data, name, columns));
      strings(one, "rows", job.rows);
      ObjectNode received = one.putObject("recipients");
      job.received.forEach((name, kinds) -> strings(received, name, kinds));
      strings(one, "protocols", job.protocols);
      strings(one, "transfers", job.transfers);
      strings(one, "retention", job.retention);
    }
    byPurpose.values().forEach(activities::add);
    return json;
  }

  private static void strings(ObjectNode json, String name, Collection<String> texts) {
    ArrayNode array = json.putArray(name);
    texts.forEach(array::add);
  }

  /** As a document in Markdown. */
  public String toMarkdown() {
    JsonNode json = toJson();
    StringBuilder text = new StringBuilder();
    text.append("# Record of processing activities (GDPR, Art. 30(1))\n\n");
    text.append("Controller: ").append(markdown(party)).append("  \n");
    text.append("Source: ").append(events).append(" events of the audit log");
    logs.forEach(log -> text.append(' ').append(markdown(log)));
    text.append(first == null ? "" : ", " + first + " to " + last).append('.');
    text.append(markdown(lacking())).append("\n\n");
    text.append(
        "Derived from the log, which holds what was done. The controller adds its name and contact,"
            + " its data protection officer and what it does outside of these jobs.\n");
    for (JsonNode activity : json.path("activities")) {
      text.append("\n## Purpose: ")
          .append(markdown(activity.path("purpose").asText()))
          .append("\n");
      for (JsonNode job : activity.path("jobs")) {
        text.append("\n### Job ")
            .append(markdown(job.path("job").asText()))
            .append("\n\n| | |\n|---|---|\n");
        row(text, "State", job.path("state").asText());
        row(text, "From, to", job.path("from").asText() + ", " + job.path("to").asText());
        row(text, "Attempts", job.path("attempts").asText());
        row(text, "Specification", job.path("specification").asText());
        row(text, "Legal basis (Art. 6, 9)", list(job.path("legal_bases")));
        row(text, "Impact assessment (Art. 35)", list(job.path("impact_assessments")));
        row(text, "Agreement (Art. 26, 28)", list(job.path("agreements")));
        row(text, "Partners", list(job.path("partners")));
        row(text, "Categories of people", list(job.path("data_subjects")));
        row(text, "Categories of data", map(job.path("data_categories")));
        row(text, "Rows, as buckets", list(job.path("rows")));
        row(text, "Recipients, and what they received", map(job.path("recipients")));
        row(text, "Transfers to other countries", list(job.path("transfers")));
        row(text, "Time limits for erasure", list(job.path("retention")));
        row(text, "Measures: protocols run", list(job.path("protocols")));
      }
    }
    return text.toString();
  }

  private static void row(StringBuilder text, String name, String value) {
    text.append("| ")
        .append(name)
        .append(" | ")
        .append(value.isEmpty() ? NOT_STATED : markdown(value))
        .append(" |\n");
  }

  private static String list(JsonNode array) {
    StringBuilder text = new StringBuilder();
    array.forEach(item -> text.append(text.isEmpty() ? "" : ", ").append(item.asText()));
    return text.toString();
  }

  private static String map(JsonNode object) {
    StringBuilder text = new StringBuilder();
    object
        .properties()
        .forEach(
            entry -> {
              String items = list(entry.getValue());
              text.append(text.isEmpty() ? "" : "; ").append(entry.getKey());
              text.append(items.isEmpty() ? "" : ": " + items);
            });
    return text.toString();
  }

  /** The character, or a mark where it is one that does something. */
  private static int visible(int c) {
    return Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c;
  }

  /** Texts of partners and files stay text. */
  private static String markdown(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '|', '\\', '`', '*', '[', ']', '#', '!' -> out.append('\\').appendCodePoint(c);
                default -> out.appendCodePoint(visible(c));
              }
            });
    return out.toString();
  }

  /** As a page without scripts and outside resources. */
  public String toHtml() {
    JsonNode json = toJson();
    StringBuilder page = new StringBuilder();
    page.append(
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>Record of processing activities</title>
        <style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
        table{border-collapse:collapse;width:100%}th,td{border:1px solid #777;padding:.3rem .5rem;
        text-align:left;vertical-align:top}th{width:16rem}</style></head><body>
        """);
    page.append("<h1>Record of processing activities (GDPR, Art. 30(1))</h1><p>Controller: ");
    page.append(html(party)).append("<br>Source: ").append(events);
    page.append(" events of the audit log ").append(html(String.join(", ", logs)));
    page.append(first == null ? "" : ", " + first + " to " + last).append('.');
    page.append(html(lacking()));
    page.append(
        "</p><p>Derived from the log, which holds what was done. The controller adds its name and"
            + " contact, its data protection officer and what it does outside of these jobs.</p>");
    for (JsonNode activity : json.path("activities")) {
      page.append("<h2>Purpose: ").append(html(activity.path("purpose").asText())).append("</h2>");
      for (JsonNode job : activity.path("jobs")) {
        page.append("<h3>Job ").append(html(job.path("job").asText())).append("</h3><table>");
        job.properties()
            .forEach(
                entry -> {
                  JsonNode value = entry.getValue();
                  String text =
                      value.isObject()
                          ? map(value)
                          : value.isArray() ? list(value) : value.asText();
                  page.append("<tr><th scope=\"row\">")
                      .append(html(entry.getKey().replace('_', ' ')))
                      .append("</th><td>")
                      .append(html(text.isEmpty() ? NOT_STATED : text))
                      .append("</td></tr>\n");
                });
        page.append("</table>");
      }
    }
    return page.append("</body></html>\n").toString();
  }

  private static String html(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                default -> out.appendCodePoint(visible(c));
              }
            });
    return out.toString();
  }
}
