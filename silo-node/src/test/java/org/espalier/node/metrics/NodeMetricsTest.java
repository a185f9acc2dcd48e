package org.espalier.node.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.MetricsConfig;
import org.espalier.node.link.LinkStatus;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeMetricsTest {
  private static final Instant NOW = Instant.parse("2026-11-29T10:00:00Z");
  private static final Path MONITORING = Path.of("..", "configs", "monitoring");
  private static final Pattern OWN = Pattern.compile("\\b(?:silo|process|jvm)_[a-z_]+\\b");

  private static LinkStatus link(String partner, String version) {
    return new LinkStatus(
        new Party(partner),
        LinkStatus.State.CONNECTED,
        NOW,
        Optional.of(Duration.ofMillis(1500)),
        Optional.of(Duration.ofMillis(12)),
        Optional.of(Duration.ofMillis(-40)),
        1000,
        2000,
        Optional.of(version),
        OptionalInt.of(1),
        Optional.empty());
  }

  private static Readings readings(String version, int running) {
    JsonNode progress =
        Json.parse(
            "progress",
            """
            {"phase": "train", "done": 11, "total": 20, "elapsed_seconds": 41.5, "eta_seconds": 9,
             "partners": {"insurer.example": {"news_age_seconds": 2.5}}}
            """);
    return new Readings(
        "1.2.3",
        NOW,
        NOW.plusSeconds(86_400),
        Map.of("audit", true, "database", false),
        true,
        List.of(link("insurer.example", version)),
        Map.of("RUNNING", 1, "DONE", 3),
        2,
        IntStream.range(0, running)
            .mapToObj(i -> new Readings.Running("J-%08x".formatted(i), progress))
            .toList(),
        4711,
        1 << 20,
        Map.of("insurer.example", NOW),
        5,
        1L << 33,
        1L << 40,
        Json.parse(
            "scoring",
            """
            {"serving": 1, "requests": {"scored": 7, "quota": 2}, "latency_ms":
             {"sum": 90, "count": 9, "buckets":
              [{"le": 5, "count": 4}, {"le": 20, "count": 8}, {"le": "+Inf", "count": 9}]}}
            """));
  }

  private static String scraped(Readings readings) {
    NodeMetrics metrics = new NodeMetrics(() -> readings);
    metrics.appended(3_000_000);
    return new String(metrics.text(), StandardCharsets.UTF_8);
  }

  @Test
  void figuresAreInPrometheusUnits() {
    assertThat(scraped(readings("1.2.3", 1)).lines())
        .contains(
            "silo_build_info{version=\"1.2.3\"} 1.0",
            "silo_ready{check=\"database\"} 0.0",
            "silo_halted 1.0",
            "silo_link_up{partner=\"insurer.example\"} 1.0",
            "silo_link_last_news_age_seconds{partner=\"insurer.example\"} 1.5",
            "silo_link_clock_skew_seconds{partner=\"insurer.example\"} -0.04",
            "silo_link_sent_bytes_total{partner=\"insurer.example\"} 1000.0",
            "silo_jobs{state=\"RUNNING\"} 1.0",
            "silo_jobs_waiting_for_approval 2.0",
            "silo_job_phase_progress_ratio{job=\"J-00000000\",phase=\"train\"} 0.55",
            "silo_job_partner_news_age_seconds{job=\"J-00000000\",partner=\"insurer.example\"} 2.5",
            "silo_audit_events_total 4711.0",
            "silo_audit_append_seconds_bucket{le=\"0.0025\"} 0",
            "silo_audit_append_seconds_bucket{le=\"0.005\"} 1",
            "silo_scoring_requests_total{outcome=\"quota\"} 2.0",
            "silo_scoring_request_seconds_bucket{le=\"0.02\"} 8",
            "silo_scoring_request_seconds_bucket{le=\"+Inf\"} 9",
            "silo_scoring_request_seconds_sum 0.09");
  }

  @Test
  void whatPartnersSayMakesNoLabelsOfItsOwn() {
    assertThat(scraped(readings("9\"} 1\nsilo_link_up{partner=\"x", 0)))
        .contains("silo_link_peer_info{partner=\"insurer.example\",version=\"other\"} 1.0")
        .doesNotContain("partner=\"x");
    assertThat(scraped(readings("1", 500)).lines().filter(l -> l.startsWith("silo_job_eta")))
        .hasSize(NodeMetrics.MAX_RUNNING);
  }

  @Test
  void aPartnerHasFewVersionsHoweverOftenItSaysAnother() {
    AtomicReference<String> said = new AtomicReference<>();
    NodeMetrics metrics = new NodeMetrics(() -> readings(said.get(), 0));
    Set<String> series = new TreeSet<>();
    for (int i = 0; i < 200; i++) {
      said.set("1.0." + i % 100);
      new String(metrics.text(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> line.startsWith("silo_link_peer_info{"))
          .forEach(series::add);
    }
    assertThat(series)
        .hasSize(NodeMetrics.MAX_VERSIONS + 1)
        .contains("silo_link_peer_info{partner=\"insurer.example\",version=\"1.0.7\"} 1.0")
        .contains("silo_link_peer_info{partner=\"insurer.example\",version=\"other\"} 1.0");
    said.set("1.0.0");
    assertThat(new String(metrics.text(), StandardCharsets.UTF_8)).contains("version=\"1.0.0\"");
  }

  @Test
  void whereThereIsATokenItIsAskedForAndReadinessSaysWhatFails(@TempDir Path home)
      throws Exception {
    Files.writeString(home.resolve("token"), "sesame-1\n");
    MetricsConfig config = new MetricsConfig("127.0.0.1:0", null, null, Path.of("token"));
    Readings readings = readings("1", 0);
    NodeMetrics metrics = new NodeMetrics(() -> readings);
    try (MetricsEndpoint endpoint = MetricsEndpoint.start(config, home, metrics, readings::ready)) {
      assertThat(get(endpoint, "/metrics").statusCode()).isEqualTo(401);
      assertThat(get(endpoint, "/metrics", "Authorization", "Bearer sesame-2").body())
          .doesNotContain("silo_");
      assertThat(get(endpoint, "/metrics", "Authorization", "Bearer sesame-1").body())
          .contains("silo_build_info");
      assertThat(get(endpoint, "/healthz").statusCode()).isEqualTo(200);
      HttpResponse<String> ready = get(endpoint, "/readyz");
      assertThat(ready.statusCode()).isEqualTo(503);
      assertThat(ready.body()).contains("audit ok", "database failed");
    }
    assertThatThrownBy(
            () ->
                MetricsEndpoint.start(
                    new MetricsConfig("127.0.0.1:0", null, null, Path.of("missing")),
                    home,
                    metrics,
                    readings::ready))
        .isInstanceOf(Problem.class);
  }

  private static HttpResponse<String> get(MetricsEndpoint endpoint, String path, String... headers)
      throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(endpoint.url() + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** Dashboard and alert rules ask for metrics that there are, with labels that there are. */
  @Test
  void everyMetricOfTheDashboardAndTheAlertsExists() throws IOException {
    String scraped = scraped(readings("1", 1));
    Set<String> samples = new TreeSet<>();
    Matcher sample = Pattern.compile("(?m)^([a-z_]+)(?:\\{([^}]*)})? ").matcher(scraped);
    while (sample.find()) {
      samples.add(sample.group(1));
    }
    JsonNode dashboard = Json.yaml(MONITORING.resolve("grafana-dashboard.json"), JsonNode.class);
    JsonNode alerts = Json.yaml(MONITORING.resolve("alerts.yaml"), JsonNode.class);
    List<String> expressions = new ArrayList<>();
    dashboard.findValues("expr").forEach(e -> expressions.add(e.asText()));
    int onPanels = expressions.size();
    for (JsonNode rule : alerts.at("/groups/0/rules")) {
      expressions.add(rule.path("expr").asText());
      assertThat(rule.path("alert").asText()).matches("Silo[A-Za-z]+");
      assertThat(rule.at("/annotations/summary").asText()).isNotEmpty();
      assertThat(rule.at("/annotations/action").asText()).isNotEmpty();
      assertThat(rule.at("/labels/severity").asText()).matches("info|warning|critical");
    }
    assertThat(onPanels).isGreaterThan(20);
    assertThat(expressions).hasSizeGreaterThan(onPanels + 10);
    Set<String> asked = new TreeSet<>();
    for (String expression : expressions) {
      Matcher name = OWN.matcher(expression);
      while (name.find()) {
        asked.add(name.group());
      }
    }
    assertThat(samples).containsAll(asked);
    assertThat(asked).hasSizeGreaterThan(20);
    assertThat(
            Json.yaml(MONITORING.resolve("prometheus.yaml"), JsonNode.class)
                .at("/scrape_configs/0/job_name")
                .asText())
        .isEqualTo("silo");
  }
}
