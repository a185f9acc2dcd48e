package org.espalier.audit.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.log.LoggedEvent;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checked against the rules that the specifications state, written down here. */
class EventExportTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final String DIGEST = EventBuilder.sha256(new byte[] {1});
  private static final EventExport.Source SOURCE =
      new EventExport.Source(
          Logs.ORIGIN, "hospital-a.example", "0.1.0|x", Instant.parse("2026-03-01T00:00:00Z"));

  @TempDir(factory = MemoryFolder.class)
  Path folder;

  private List<LoggedEvent> events;
  private LogReader reader;

  @BeforeEach
  void aLogWithEverything() throws IOException {
    try (AuditLog log = Logs.open(folder.resolve("log"))) {
      log.fact(EventType.NODE_STARTED, e -> e.node("hospital-a", DIGEST, DIGEST, null));
      Logs.job(log, "J-1");
      log.intent(
              EventType.PHASE_STARTED,
              e ->
                  e.job("J-2", 1, DIGEST)
                      .step("align")
                      .purpose("credit-risk")
                      .legalBasis("gdpr-6-1-f")
                      .dpia("D-77")
                      .agreement("DPA-2026-014", null)
                      .input("claims", "1", DIGEST, List.of("age", "n_<b>claims"), "10-19", DIGEST)
                      .protocol("align.ecdh", "1", null, Map.of()))
          .failed("partner.unreachable", e -> {});
      log.fact(
          EventType.JOB_PROPOSED,
          e ->
              e.job("J-3", 0, DIGEST)
                  .actor(Actor.of(Actor.Kind.PARTNER, "bank\n=|\\ CEF:0|evil", "mtls")));
      log.fact(
          EventType.AUDIT_REVIEWED,
          e -> e.actor(Actor.of(Actor.Kind.HUMAN, Logs.PERSON, "unix-socket")));
      log.checkpoint();
    }
    reader = LogReader.open(folder.resolve("log"));
    events = new ArrayList<>();
    for (long seq = 0; seq < reader.size(); seq++) {
      events.add(reader.event(seq));
    }
  }

  private String written(EventExport format) throws IOException {
    StringWriter out = new StringWriter();
    format.write(SOURCE, events, out);
    return out.toString();
  }

  // ---- FHIR R4, StructureDefinition AuditEvent --------------------------------------------------

  private static void requireOnly(JsonNode node, Set<String> allowed) {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    assertThat(allowed).containsAll(names);
  }

  private static void coding(JsonNode coding) {
    requireOnly(coding, Set.of("system", "version", "code", "display", "userSelected"));
    assertThat(coding.path("system").asText()).matches("(urn:|http://).+");
    assertThat(coding.path("code").asText()).matches("[^\\s]+(\\s[^\\s]+)*");
  }

  private static void reference(JsonNode reference) {
    requireOnly(reference, Set.of("reference", "type", "identifier", "display"));
    requireOnly(
        reference.path("identifier"),
        Set.of("use", "type", "system", "value", "period", "assigner"));
    assertThat(reference.path("identifier").path("value").asText()).isNotEmpty();
  }

  @Test
  void fhirBundlesFollowTheDefinitionOfR4() throws IOException {
    JsonNode bundle = MAPPER.readTree(written(EventExport.FHIR));
    requireOnly(bundle, Set.of("resourceType", "type", "timestamp", "entry"));
    assertThat(bundle.path("resourceType").asText()).isEqualTo("Bundle");
    assertThat(bundle.path("type").asText()).isEqualTo("collection");
    assertThat(bundle.path("entry")).hasSize(events.size());
    int denied = 0;
    for (JsonNode entry : bundle.path("entry")) {
      requireOnly(entry, Set.of("fullUrl", "resource"));
      JsonNode resource = entry.path("resource");
      assertThat(entry.path("fullUrl").asText())
          .isEqualTo("urn:uuid:" + resource.path("id").asText());
      requireOnly(
          resource,
          Set.of(
              "resourceType",
              "id",
              "type",
              "subtype",
              "action",
              "period",
              "recorded",
              "outcome",
              "outcomeDesc",
              "purposeOfEvent",
              "agent",
              "source",
              "entity"));
      assertThat(resource.path("resourceType").asText()).isEqualTo("AuditEvent");
      assertThat(resource.path("id").asText())
          .matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
          .isNotEqualTo("00000000-0000-0000-0000-000000000000");
      coding(resource.path("type"));
      resource.path("subtype").forEach(EventExportTest::coding);
      assertThat(resource.path("action").asText()).matches("[CRUDE]");
      assertThat(resource.path("outcome").asText()).matches("0|4|8|12");
      denied += resource.path("outcome").asText().equals("4") ? 1 : 0;
      assertThat(Instant.parse(resource.path("recorded").asText())).isAfter(Instant.EPOCH);
      // agent 1..*, requestor 1..1; source 1..1, observer 1..1.
      assertThat(resource.path("agent")).isNotEmpty();
      for (JsonNode agent : resource.path("agent")) {
        requireOnly(
            agent,
            Set.of(
                "type",
                "role",
                "who",
                "altId",
                "name",
                "requestor",
                "location",
                "policy",
                "media",
                "network",
                "purposeOfUse"));
        assertThat(agent.path("requestor").isBoolean()).isTrue();
        reference(agent.path("who"));
        agent.path("type").path("coding").forEach(EventExportTest::coding);
      }
      requireOnly(resource.path("source"), Set.of("site", "observer", "type"));
      reference(resource.path("source").path("observer"));
      resource.path("source").path("type").forEach(EventExportTest::coding);
      for (JsonNode entity : resource.path("entity")) {
        requireOnly(
            entity,
            Set.of(
                "what",
                "type",
                "role",
                "lifecycle",
                "securityLabel",
                "name",
                "description",
                "query",
                "detail"));
        reference(entity.path("what"));
        coding(entity.path("type"));
        coding(entity.path("role"));
        for (JsonNode detail : entity.path("detail")) {
          requireOnly(detail, Set.of("type", "valueString"));
          assertThat(detail.path("type").asText()).isNotEmpty();
          assertThat(detail.path("valueString").asText()).isNotEmpty();
        }
      }
    }
    assertThat(denied).isEqualTo(1);
    JsonNode failed = bundle.at("/entry/14/resource");
    assertThat(failed.path("outcome").asText()).isEqualTo("8");
    assertThat(failed.path("outcomeDesc").asText()).isEqualTo("partner.unreachable");
  }

  // ---- OCSF 1.3 ---------------------------------------------------------------------------------

  @Test
  void ocsfEventsHaveWhatTheirClassAsksFor() throws IOException {
    List<String> lines = written(EventExport.OCSF).lines().toList();
    assertThat(lines).hasSize(events.size());
    for (String line : lines) {
      JsonNode json = MAPPER.readTree(line);
      int uid = json.path("class_uid").asInt();
      assertThat(uid).isIn(6002, 6003);
      assertThat(json.path("category_uid").asInt()).isEqualTo(uid / 1000);
      assertThat(json.path("type_uid").asInt())
          .isEqualTo(uid * 100 + json.path("activity_id").asInt());
      assertThat(json.path("severity_id").asInt()).isBetween(1, 5);
      assertThat(json.path("status_id").asInt()).isBetween(0, 2);
      assertThat(json.path("time").asLong()).isPositive();
      assertThat(json.at("/metadata/version").asText()).isEqualTo("1.3.0");
      assertThat(json.at("/metadata/product/vendor_name").asText()).isNotEmpty();
      assertThat(json.at("/metadata/uid").asText()).hasSize(32);
      if (uid == 6003) {
        assertThat(json.at("/actor/user/name").asText()).isNotEmpty();
        assertThat(json.at("/api/operation").asText()).isNotEmpty();
        assertThat(json.at("/src_endpoint/hostname").asText()).isNotEmpty();
        assertThat(json.path("activity_id").asInt() == 99).isEqualTo(json.has("activity_name"));
      } else {
        assertThat(json.at("/app/name").asText()).isNotEmpty();
      }
    }
  }

  // ---- CEF --------------------------------------------------------------------------------------

  /** Attack 19, in another format: one event is one line, whatever a partner calls itself. */
  @Test
  void cefLinesCannotBeForgedByNames() throws IOException {
    List<String> lines = written(EventExport.CEF).lines().toList();
    assertThat(lines).hasSize(events.size());
    for (int i = 0; i < lines.size(); i++) {
      String[] header = lines.get(i).split("(?<!\\\\)\\|", 8);
      assertThat(header).hasSize(8);
      assertThat(header[0]).isEqualTo("CEF:0");
      assertThat(header[3]).isEqualTo("0.1.0\\|x");
      assertThat(header[4]).isEqualTo(events.get(i).type());
      assertThat(header[6]).matches("[0-9]|10");
      assertThat(header[7]).startsWith("rt=").contains(" cn1=" + i + " ");
    }
    assertThat(lines.get(15)).contains("shost=bank?\\=|\\\\ CEF:0|evil");
  }

  // ---- GDPR, Art. 30 ----------------------------------------------------------------------------

  @Test
  void theRecordOfProcessingNamesWhatTheLogHolds() throws IOException {
    ProcessingRecord record = new ProcessingRecord("hospital-a.example");
    events.forEach(event -> record.add(reader.origin(), event));
    JsonNode json = record.toJson();
    assertThat(json.path("schema").asText()).isEqualTo("espalier.audit-art30/1");
    JsonNode activity = json.at("/activities/0");
    assertThat(activity.path("purpose").asText()).isEqualTo("credit-risk");
    JsonNode job = activity.at("/jobs/0");
    assertThat(job.path("job").asText()).isEqualTo("J-2");
    assertThat(job.toString())
        .contains("gdpr-6-1-f", "D-77", "DPA-2026-014", "claims", "n_<b>claims", "10-19")
        .contains("align.ecdh");
    JsonNode trained = json.at("/activities/1/jobs/0");
    assertThat(trained.path("job").asText()).isEqualTo("J-1");
    assertThat(trained.path("state").asText()).isEqualTo("finished");
    assertThat(trained.path("partners").toString()).contains("bank-b");
    assertThat(trained.path("recipients").path("bank-b").toString()).contains("model_slice");
    assertThat(record.toMarkdown())
        .contains("## Purpose: credit-risk", "| Legal basis (Art. 6, 9) | gdpr-6-1-f |")
        .contains("n_&lt;b&gt;claims");
    assertThat(record.toHtml())
        .contains("<h2>Purpose: credit-risk</h2>", "n_&lt;b&gt;claims", "default-src 'none'")
        .doesNotContain("<b>", "<script");
    assertThat(json.has("pruned")).isFalse();
    record.pruned(reader.origin(), 512);
    assertThat(record.toMarkdown()).contains("before event 512 were pruned");
    assertThat(record.toHtml()).contains("before event 512 were pruned");
    assertThat(record.toJson().path("pruned").path(reader.origin()).asLong()).isEqualTo(512);
  }
}
