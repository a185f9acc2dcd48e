package org.espalier.audit.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.Writer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.espalier.audit.log.LoggedEvent;

/**
 * Events as other systems take them. They hold what the log holds of an event, or less: no
 * identifiers of people in the data, no values. They are not under a signature; each names log and
 * place, so that the event itself can be asked for.
 */
public enum EventExport {
  /**
   * HL7 FHIR R4, a {@code Bundle} of {@code AuditEvent}, with the elements of IHE ATNA and BALP.
   *
   * @see <a href="https://hl7.org/fhir/R4/auditevent.html">AuditEvent</a>
   */
  FHIR {
    @Override
    void begin(Source source, Writer out) throws IOException {
      out.write("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"timestamp\":\"");
      out.write(source.made().toString());
      out.write("\",\"entry\":[");
    }

    @Override
    void event(Source source, LoggedEvent event, boolean first, Writer out) throws IOException {
      ObjectNode resource = fhir(source, event);
      ObjectNode entry = JSON.objectNode();
      entry.put("fullUrl", "urn:uuid:" + resource.path("id").asText());
      entry.set("resource", resource);
      out.write(first ? "\n" : ",\n");
      out.write(entry.toString());
    }

    @Override
    void end(Writer out) throws IOException {
      out.write("\n]}\n");
    }
  },
  /**
   * Open Cybersecurity Schema Framework 1.3, one object a line: Application Lifecycle and API
   * Activity.
   *
   * @see <a href="https://schema.ocsf.io/1.3.0/">OCSF</a>
   */
  OCSF {
    @Override
    void event(Source source, LoggedEvent event, boolean first, Writer out) throws IOException {
      out.write(ocsf(source, event).toString());
      out.write('\n');
    }
  },
  /** ArcSight Common Event Format, one line an event. */
  CEF {
    @Override
    void event(Source source, LoggedEvent event, boolean first, Writer out) throws IOException {
      out.write(cef(source, event));
      out.write('\n');
    }
  };

  /**
   * Where the events come from.
   *
   * @param origin name of the log
   * @param node the party
   * @param version of the program
   * @param made when the export is made
   */
  public record Source(String origin, String node, String version, Instant made) {}

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String DICOM = "http://dicom.nema.org/resources/ontology/DCM";
  private static final String VENDOR = "Espalier";
  private static final String PRODUCT = "silo";

  /** The format of this name, such as {@code fhir}. */
  public static Optional<EventExport> of(String name) {
    return Arrays.stream(values())
        .filter(format -> format.name().toLowerCase(Locale.ROOT).equals(name))
        .findFirst();
  }

  /** Writes all events, in order. */
  public void write(Source source, Iterable<LoggedEvent> events, Writer out) throws IOException {
    begin(source, out);
    boolean first = true;
    for (LoggedEvent event : events) {
      event(source, event, first, out);
      first = false;
    }
    end(out);
  }

  void begin(Source source, Writer out) throws IOException {}

  abstract void event(Source source, LoggedEvent event, boolean first, Writer out)
      throws IOException;

  void end(Writer out) throws IOException {}

  // ---- what an event amounts to -----------------------------------------------------------------

  /** Create, read, update, delete or execute. */
  private static char action(String type) {
    return switch (type) {
      case "partner.invited", "partner.accepted", "dataset.added", "job.proposed", "receipt" -> 'C';
      case "model.shown",
          "result.shown",
          "audit.reviewed",
          "audit.exported",
          "match.dry-run",
          "reveal" ->
          'R';
      case "partner.confirmed", "job.approved", "job.denied", "key.rotate", "log.continued" -> 'U';
      case "partner.revoked", "dataset.removed" -> 'D';
      default -> 'E';
    };
  }

  private static boolean failed(LoggedEvent event) {
    return switch (event.outcome()) {
      case "denied", "failed", "aborted" -> true;
      default -> false;
    };
  }

  private static boolean isAlarm(LoggedEvent event) {
    return event.type().equals("request.denied") || event.type().equals("log.continued");
  }

  private static String actor(Source source, LoggedEvent event) {
    JsonNode actor = event.json().path("actor");
    return actor.at("/opened/pseudonym").asText(actor.path("pseudonym").asText(source.node()));
  }

  private static boolean isPartner(LoggedEvent event) {
    return event.json().path("actor").path("kind").asText().equals("partner");
  }

  // ---- FHIR -------------------------------------------------------------------------------------

  private static ObjectNode fhir(Source source, LoggedEvent event) {
    String type = event.type();
    ObjectNode resource = JSON.objectNode().put("resourceType", "AuditEvent");
    resource.put("id", uuid(event.json().path("id").asText()));
    resource.set("type", dicomType(event));
    resource
        .putArray("subtype")
        .addObject()
        .put("system", "urn:espalier:audit-event")
        .put("code", type)
        .put("display", type + (event.phase().isEmpty() ? "" : ", " + event.phase()));
    resource.put("action", Character.toString(action(type)));
    resource.put("recorded", event.time().toString());
    resource.put(
        "outcome",
        switch (event.outcome()) {
          case "denied", "aborted" -> "4";
          case "failed" -> "8";
          default -> "0";
        });
    if (event.json().hasNonNull("reason")) {
      resource.put("outcomeDesc", event.json().path("reason").asText());
    }
    if (event.json().hasNonNull("purpose")) {
      resource
          .putArray("purposeOfEvent")
          .addObject()
          .put("text", event.json().path("purpose").asText());
    }
    ArrayNode agents = resource.putArray("agent");
    ObjectNode who = agents.addObject();
    who.set("type", concept(DICOM, "110153", "Source Role ID"));
    who.putObject("who")
        .putObject("identifier")
        .put("system", isPartner(event) ? "urn:espalier:party" : "urn:espalier:actor")
        .put("value", actor(source, event));
    who.put("requestor", event.json().has("actor"));
    for (String recipient : recipients(source, event)) {
      ObjectNode other = agents.addObject();
      other.set("type", concept(DICOM, "110152", "Destination Role ID"));
      other
          .putObject("who")
          .putObject("identifier")
          .put("system", "urn:espalier:party")
          .put("value", recipient);
      other.put("requestor", false);
    }
    ObjectNode observed = resource.putObject("source");
    observed.put("site", source.node());
    observed
        .putObject("observer")
        .putObject("identifier")
        .put("system", "urn:espalier:audit-log")
        .put("value", source.origin());
    observed
        .putArray("type")
        .addObject()
        .put("system", "http://terminology.hl7.org/CodeSystem/security-source-type")
        .put("code", "4")
        .put("display", "Application Server");
    ArrayNode entities = resource.putArray("entity");
    ObjectNode place = entity(entities, "urn:espalier:audit-event-number", "" + event.seq(), "13");
    detail(place, "id", event.json().path("id"));
    if (!event.job().isEmpty()) {
      ObjectNode job = entity(entities, "urn:espalier:job", event.job(), "20");
      detail(job, "spec", event.json().path("job").path("spec"));
      detail(job, "attempt", event.json().path("job").path("attempt"));
      detail(job, "step", event.json().path("step"));
      detail(job, "protocol", event.json().path("protocol").path("name"));
    }
    for (JsonNode input : event.json().path("inputs")) {
      ObjectNode data =
          entity(entities, "urn:espalier:dataset", input.path("dataset").asText(), "4");
      detail(data, "rows", input.path("rows"));
      detail(data, "commitment", input.path("commitment"));
    }
    return resource;
  }

  private static List<String> recipients(Source source, LoggedEvent event) {
    List<String> names = new ArrayList<>();
    event.json().path("recipients").forEach(name -> names.add(name.asText()));
    if (!event.partner().isEmpty()) {
      names.add(event.partner());
    }
    names.remove(source.node());
    return names.stream().distinct().toList();
  }

  private static ObjectNode dicomType(LoggedEvent event) {
    String type = event.type();
    String[] code =
        switch (type) {
          case "audit.reviewed", "audit.exported" -> new String[] {"110101", "Audit Log Used"};
          case "reveal" -> new String[] {"110106", "Export"};
          case "dataset.added" -> new String[] {"110107", "Import"};
          case "request.denied", "log.continued" -> new String[] {"110113", "Security Alert"};
          case "match.dry-run", "model.shown", "result.shown" -> new String[] {"110112", "Query"};
          default -> new String[] {"110100", "Application Activity"};
        };
    return JSON.objectNode().put("system", DICOM).put("code", code[0]).put("display", code[1]);
  }

  private static ObjectNode concept(String system, String code, String display) {
    ObjectNode concept = JSON.objectNode();
    concept
        .putArray("coding")
        .addObject()
        .put("system", system)
        .put("code", code)
        .put("display", display);
    return concept;
  }

  private static ObjectNode entity(ArrayNode entities, String system, String value, String role) {
    ObjectNode entity = entities.addObject();
    entity.putObject("what").putObject("identifier").put("system", system).put("value", value);
    entity
        .putObject("type")
        .put("system", "http://terminology.hl7.org/CodeSystem/audit-entity-type")
        .put("code", "4")
        .put("display", "Other");
    entity
        .putObject("role")
        .put("system", "http://terminology.hl7.org/CodeSystem/object-role")
        .put("code", role);
    return entity;
  }

  private static void detail(ObjectNode entity, String name, JsonNode value) {
    if (value.isValueNode() && !value.asText().isEmpty()) {
      entity.withArray("detail").addObject().put("type", name).put("valueString", value.asText());
    }
  }

  private static String uuid(String hex) {
    return hex.length() == 32
        ? "%s-%s-%s-%s-%s"
            .formatted(
                hex.substring(0, 8),
                hex.substring(8, 12),
                hex.substring(12, 16),
                hex.substring(16, 20),
                hex.substring(20))
        : "00000000-0000-0000-0000-000000000000";
  }

  // ---- OCSF -------------------------------------------------------------------------------------

  private static ObjectNode ocsf(Source source, LoggedEvent event) {
    String type = event.type();
    boolean lifecycle = type.equals("node.started") || type.equals("node.stopped");
    int category = 6;
    int classUid = lifecycle ? 6002 : 6003;
    int activity =
        lifecycle
            ? type.equals("node.started") ? 3 : 4
            : switch (action(type)) {
              case 'C' -> 1;
              case 'R' -> 2;
              case 'U' -> 3;
              case 'D' -> 4;
              default -> 99;
            };
    ObjectNode json =
        JSON.objectNode()
            .put("category_uid", category)
            .put("class_uid", classUid)
            .put("activity_id", activity)
            .put("type_uid", classUid * 100 + activity)
            .put("time", event.time().toEpochMilli())
            .put("severity_id", isAlarm(event) ? 4 : failed(event) ? 3 : 1)
            .put("status_id", failed(event) ? 2 : event.outcome().isEmpty() ? 0 : 1)
            .put("message", type + (event.phase().isEmpty() ? "" : " " + event.phase()));
    if (activity == 99) {
      json.put("activity_name", type);
    }
    if (event.json().hasNonNull("reason")) {
      json.put("status_detail", event.json().path("reason").asText());
    }
    ObjectNode metadata = json.putObject("metadata");
    metadata
        .put("version", "1.3.0")
        .put("uid", event.json().path("id").asText())
        .put("log_name", source.origin())
        .put("sequence", event.seq());
    ObjectNode product = metadata.putObject("product");
    product.put("name", PRODUCT).put("vendor_name", VENDOR).put("version", source.version());
    if (lifecycle) {
      json.putObject("app").put("name", PRODUCT).put("vendor_name", VENDOR);
      return json;
    }
    json.putObject("actor")
        .putObject("user")
        .put("name", actor(source, event))
        .put("type", isPartner(event) ? "Other" : event.json().has("actor") ? "User" : "System")
        .put("type_id", isPartner(event) ? 99 : event.json().has("actor") ? 1 : 3);
    json.putObject("api").put("operation", type);
    json.putObject("src_endpoint")
        .put("hostname", isPartner(event) ? actor(source, event) : source.node());
    if (!event.partner().isEmpty()) {
      json.putObject("dst_endpoint").put("hostname", event.partner());
    }
    if (!event.job().isEmpty()) {
      json.putArray("resources").addObject().put("type", "job").put("name", event.job());
    }
    ObjectNode unmapped = JSON.objectNode();
    for (String name : new String[] {"rule", "step", "purpose"}) {
      if (event.json().path(name).isTextual()) {
        unmapped.put(name, event.json().path(name).asText());
      }
    }
    if (!unmapped.isEmpty()) {
      json.set("unmapped", unmapped);
    }
    return json;
  }

  // ---- CEF --------------------------------------------------------------------------------------

  private static String cef(Source source, LoggedEvent event) {
    int severity = isAlarm(event) ? 8 : failed(event) ? 5 : 2;
    StringBuilder line = new StringBuilder("CEF:0|");
    line.append(VENDOR).append('|').append(PRODUCT).append('|');
    line.append(header(source.version())).append('|').append(header(event.type())).append('|');
    line.append(header(event.type() + " " + event.phase()))
        .append('|')
        .append(severity)
        .append('|');
    line.append("rt=").append(event.time().toEpochMilli());
    extension(line, "externalId", event.json().path("id").asText());
    extension(line, "dvchost", source.node());
    extension(line, isPartner(event) ? "shost" : "suser", actor(source, event));
    extension(line, "dhost", event.partner());
    extension(line, "outcome", event.outcome());
    extension(line, "reason", event.json().path("reason").asText());
    extension(line, "cs1", event.job());
    extension(line, "cs1Label", event.job().isEmpty() ? "" : "job");
    extension(line, "cs2", source.origin());
    extension(line, "cs2Label", "log");
    extension(line, "cs3", event.json().path("rule").asText());
    extension(line, "cs3Label", event.json().has("rule") ? "rule" : "");
    extension(line, "cn1", Long.toString(event.seq()));
    extension(line, "cn1Label", "event");
    return line.toString();
  }

  private static String header(String text) {
    return oneLine(text).replace("\\", "\\\\").replace("|", "\\|");
  }

  private static void extension(StringBuilder line, String key, String value) {
    if (!value.isEmpty()) {
      line.append(' ')
          .append(key)
          .append('=')
          .append(oneLine(value).replace("\\", "\\\\").replace("=", "\\="));
    }
  }

  /** Nothing in a value may begin another line or hide one. */
  private static String oneLine(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              int type = Character.getType(c);
              boolean seen =
                  type != Character.CONTROL
                      && type != Character.FORMAT
                      && type != Character.LINE_SEPARATOR
                      && type != Character.PARAGRAPH_SEPARATOR
                      && type != Character.SURROGATE;
              out.appendCodePoint(seen ? c : '?');
            });
    return out.toString();
  }
}
