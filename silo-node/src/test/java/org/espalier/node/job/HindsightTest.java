package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.Test;

class HindsightTest {
  private static JsonNode json(String text) {
    return Json.parse("test", text);
  }

  @Test
  void everyFigureStandsBesideWhatWasMeasured() {
    JsonNode forecast =
        json(
            """
            {"phases":{"align":{"seconds":2,"sent":300,"received":50},
                       "prepare":{"seconds":1,"sent":0,"received":0},
                       "train":{"seconds":9,"sent":9,"received":9}},
             "memory_bytes":100,"passes":10,"note":"assumes"}""");
    JsonNode report =
        json(
            """
            {"peak_memory_bytes":200,"training":{"passes":8}}""");
    JsonNode both =
        Hindsight.of(
            forecast,
            Map.of("check", 1.0, "align", 4.0, "prepare", 0.0),
            phase -> json(phase.equals("align") ? "{\"sent\":300,\"received\":100}" : "{}"),
            report);
    assertThat(json(Json.write(both)))
        .isEqualTo(
            json(
                """
                {"phases":{
                   "align":{"seconds":{"predicted":2.0,"actual":4.0,"ratio":0.5},
                            "sent":{"predicted":300,"actual":300,"ratio":1.0},
                            "received":{"predicted":50,"actual":100,"ratio":0.5}},
                   "prepare":{"seconds":{"predicted":1.0,"actual":0.0},
                              "sent":{"predicted":0,"actual":0},
                              "received":{"predicted":0,"actual":0}}},
                 "memory_bytes":{"predicted":100,"actual":200,"ratio":0.5},
                 "passes":{"predicted":10,"actual":8,"ratio":1.25},
                 "note":"assumes"}"""));
  }

  @Test
  void whatTheKernelDoesNotSayIsNotCompared() {
    JsonNode both =
        Hindsight.of(
            json("{\"phases\":{},\"memory_bytes\":100,\"note\":\"assumes\"}"),
            Map.of(),
            phase -> json("{}"),
            json("{\"peak_memory_bytes\":-1}"));
    assertThat(both.has("memory_bytes")).isFalse();
    assertThat(both.has("passes")).isFalse();
  }
}
