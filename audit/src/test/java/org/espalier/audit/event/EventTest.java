package org.espalier.audit.event;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventTest {
  private static final Event.Stamp STAMP = new Event.Stamp(5, "0".repeat(32), 1, "0".repeat(16), 2);

  /** Attack 19: a name that a partner chose tries to forge a line or to hide. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "x\",\"type\":\"job.approved\",\"y\":\"",
        "bank\n{\"seq\":6}",
        "bank\r\nok",
        "\u001b[2Jbank",
        "\u202ebank",
        "b\u2066ank\u2069",
        "bank\u2028x",
        "bank\u2029x",
        "bank\u0085x",
        "bank\u0000x",
        "bank\u200bx",
        "bank\ufeffx",
        "bank\ud800x",
        "bank\u00a0x",
        "\udb40\udc41tag"
      })
  void injectedTextStaysOneVisibleField(String name) throws Exception {
    Event event = Event.fact(EventType.PARTNER_INVITED, e -> e.partner(name, null, null));
    String text = new String(event.encode(STAMP), UTF_8);
    assertThat(text.chars().allMatch(c -> c >= 0x20 && c < 0x7f)).isTrue();
    JsonNode json = new ObjectMapper().readTree(text);
    assertThat(json.path("type").asText()).isEqualTo("partner.invited");
    assertThat(json.path("partner").path("id").asText()).isEqualTo(name);
  }

  /** Attack 20. */
  @Test
  void overlongEventsAreRefusedWhenTheyAreBuilt() {
    Map<String, Object> large = new LinkedHashMap<>();
    for (int i = 0; i < 64; i++) {
      large.put("p" + i, "x".repeat(1000));
    }
    assertThatThrownBy(
            () ->
                Event.intent(
                    EventType.PHASE_STARTED,
                    e -> e.job("J", 1, null).step("train").protocol("glm", "1", "bfgs", large)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("16384");
    assertThatThrownBy(
            () ->
                Event.fact(
                    EventType.PARTNER_INVITED, e -> e.partner("x".repeat(64 << 10), null, null)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2000");
  }

  @Test
  void nestedParametersAreCarriedWithoutFloatsAndNulls() throws Exception {
    Map<String, Object> inner = new LinkedHashMap<>();
    inner.put("l2", 0.1);
    inner.put("tolerance", new BigDecimal("1e-6"));
    inner.put("unset", null);
    List<Object> list = new ArrayList<>(List.of(1, true, "x"));
    list.add(null);
    inner.put("list", list);
    Event event =
        Event.intent(
            EventType.PHASE_STARTED,
            e ->
                e.job("J-1", 2, "sha256:" + "ab".repeat(32))
                    .step("train")
                    .protocol("glm", "1", "bfgs", Map.of("solver", inner)));
    inner.put("l2", "changed afterwards");
    JsonNode json = new ObjectMapper().readTree(event.encode(STAMP));
    JsonNode solver = json.path("protocol").path("parameters").path("solver");
    assertThat(solver.path("l2").asText()).isEqualTo("0.1");
    assertThat(solver.path("l2").isTextual()).isTrue();
    assertThat(solver.path("tolerance").asText()).isEqualTo("0.000001");
    assertThat(solver.has("unset")).isFalse();
    assertThat(solver.path("list")).hasSize(3);
    assertThat(json.path("job").path("attempt").asInt()).isEqualTo(2);

    Map<String, Object> deep = new LinkedHashMap<>();
    Map<String, Object> at = deep;
    for (int i = 0; i < 20; i++) {
      Map<String, Object> next = new LinkedHashMap<>();
      at.put("x", next);
      at = next;
    }
    assertThatThrownBy(() -> Event.intent(EventType.COMMAND, e -> e.command("x", deep)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("nests");
  }

  @Test
  void outcomesInheritWhatTheIntentIsAbout() throws Exception {
    Event intent = Event.intent(EventType.PHASE_STARTED, e -> e.job("J-1", 1, null).step("align"));
    Event failed = intent.closedBy(4, Outcome.FAILED, e -> e.reason("partner.unreachable"));
    JsonNode json = new ObjectMapper().readTree(failed.encode(STAMP));
    assertThat(json.path("type").asText()).isEqualTo("phase.finished");
    assertThat(json.path("ref").asInt()).isEqualTo(4);
    assertThat(json.path("step").asText()).isEqualTo("align");
    assertThatThrownBy(() -> intent.closedBy(4, Outcome.OK, Event.NOTHING_MORE))
        .hasMessageContaining("transcripts");
    assertThatThrownBy(() -> failed.closedBy(5, Outcome.OK, Event.NOTHING_MORE))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void formsOfTheCatalogueAreEnforced() {
    assertThatThrownBy(() -> Event.fact(EventType.JOB_STARTED, e -> e.job("J", 1, null)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Event.intent(EventType.JOB_FINISHED, e -> e.job("J", 1, null)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Event.fact(EventType.RECEIPT, e -> e.job("J", 1, null)))
        .hasMessageContaining("partner");
    assertThatThrownBy(() -> Event.fact(EventType.NODE_STOPPED, e -> e.reason("It broke: x")))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> Event.fact(EventType.KEY_ROTATE, e -> e.before("md5:00").after("sha256:00")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void bucketsHideTheExactNumber() {
    assertThat(EventBuilder.bucket(0)).isEqualTo("0");
    assertThat(EventBuilder.bucket(9)).isEqualTo("9");
    assertThat(EventBuilder.bucket(10)).isEqualTo("10-19");
    assertThat(EventBuilder.bucket(1000)).isEqualTo("1000-1999");
    assertThat(EventBuilder.bucket(4999)).isEqualTo("2000-4999");
    assertThat(EventBuilder.bucket(99_999)).isEqualTo("50000-99999");
    assertThatThrownBy(() -> EventBuilder.bucket(-1)).isInstanceOf(IllegalArgumentException.class);
  }
}
