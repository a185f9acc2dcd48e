package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.espalier.node.control.ControlClient;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** What operators see of two real nodes, one job and a partner that goes away. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OperatorsViewTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  @TempDir static Path root;
  private static TestSilo bank;
  private static TestSilo insurer;
  private static String job;

  @BeforeAll
  static void start() throws IOException {
    bank = TestSilo.create("bank.example", root);
    String config = Files.readString(bank.home.config());
    Files.writeString(
        bank.home.config(),
        config.replaceAll("(?m)^(metrics|console|logging):.*\n", "")
            + """
            metrics: {listen: "127.0.0.1:0"}
            """);
    bank.start();
    insurer = TestSilo.create("insurer.example", root).start();
    bank.partnerWith(insurer);
    bank.dataset("people", TestData.bank(0, 300));
    insurer.dataset("people", TestData.insurer(50, 350));
    job = bank.propose(TestData.twoParties(50));
  }

  @AfterAll
  static void stop() {
    bank.close();
    insurer.close();
  }

  private static HttpResponse<String> get(String path) throws Exception {
    URI uri = URI.create(bank.call("status").path("metrics").asText() + path);
    return HTTP.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }

  private static Map<String, Double> metrics() throws Exception {
    HttpResponse<String> answer = get("/metrics");
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Content-Type").orElse("")).startsWith("text/plain");
    Map<String, Double> samples = new TreeMap<>();
    for (String line : answer.body().split("\n", -1)) {
      if (!line.startsWith("#") && !line.isBlank()) {
        int at = line.lastIndexOf(' ');
        samples.put(line.substring(0, at), Double.parseDouble(line.substring(at + 1)));
      }
    }
    return samples;
  }

  private static JsonNode party(JsonNode standing, String name) {
    for (JsonNode party : standing.path("parties")) {
      if (party.path("party").asText().equals(name)) {
        return party;
      }
    }
    throw new AssertionError(standing.toString());
  }

  @Test
  @Order(1)
  void aProposalWaitsForThePartnerAtBothSides() throws Exception {
    JsonNode here = bank.call("job.standing", "job", job);
    assertThat(party(here, "insurer.example").path("decision").asText()).isEqualTo("none");
    assertThat(party(here, "insurer.example").path("known").asBoolean()).isTrue();
    assertThat(here.path("next")).hasSize(1);
    assertThat(here.at("/next/0/party").asText()).isEqualTo("insurer.example");
    assertThat(here.at("/next/0/command").asText()).isEqualTo("silo job approve " + job);
    JsonNode there = insurer.call("overview");
    assertThat(there.at("/open/0/next/0/here").asBoolean()).isTrue();
    Map<String, Double> metrics = metrics();
    assertThat(metrics)
        .containsEntry("silo_link_up{partner=\"insurer.example\"}", 1.0)
        .containsEntry("silo_jobs{state=\"PROPOSED\"}", 1.0)
        .containsEntry("silo_jobs{state=\"FAILED\"}", 0.0)
        .containsEntry("silo_jobs_waiting_for_approval", 0.0)
        .containsEntry("silo_ready{check=\"audit\"}", 1.0);
    assertThat(metrics.get("silo_audit_events_total")).isGreaterThan(5);
    assertThat(metrics.get("silo_audit_append_seconds_count")).isGreaterThan(2);
    assertThat(metrics.get("silo_certificate_expiry_timestamp_seconds")).isGreaterThan(1.7e9);
  }

  @Test
  @Order(2)
  void healthIsForAnybodyOnTheMachineButNotForStrangersPages() throws Exception {
    assertThat(get("/healthz").body()).isEqualTo("ok\n");
    HttpResponse<String> ready = get("/readyz");
    assertThat(ready.statusCode()).isEqualTo(200);
    assertThat(ready.body()).isEqualTo("audit ok\ndatabase ok\nlinks ok\n");
    assertThat(get("/other").statusCode()).isEqualTo(404);
    int port = URI.create(bank.call("status").path("metrics").asText()).getPort();
    assertThat(raw(port, "GET /metrics HTTP/1.1\r\nHost: rebound.example:" + port + "\r\n\r\n"))
        .startsWith("HTTP/1.1 421")
        .doesNotContain("silo_");
    assertThat(raw(port, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"))
        .startsWith("HTTP/1.1 405");
  }

  private static String raw(int port, String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(5000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      byte[] answer = new byte[8192];
      int n = socket.getInputStream().read(answer);
      return new String(answer, 0, n, StandardCharsets.US_ASCII);
    }
  }

  @Test
  @Order(3)
  void aJobIsWatchedAtBothPartiesToItsEnd() throws Exception {
    insurer.call("job.approve", "job", job);
    bank.call("job.run", "job", job);
    List<JsonNode> seen = new ArrayList<>();
    ObjectNode args = TestSilo.args("job", job).put("timeout_seconds", 60);
    JsonNode last = new ControlClient(bank.home).call("job.watch", args, seen::add);
    assertThat(last.path("state").asText()).isEqualTo("DONE");
    assertThat(seen).isNotEmpty();
    assertThat(seen.get(0).at("/progress/phase").asText()).isNotEmpty();
    for (int i = 0; i < 100 && last.at("/next").size() + states(last).size() > 1; i++) {
      Thread.sleep(50); // the partner may be writing its own end down
      last = bank.call("job.standing", "job", job);
    }
    assertThat(states(last)).containsExactly("DONE");
    assertThat(last.path("next")).isEmpty();
    assertThat(metrics())
        .containsEntry("silo_jobs{state=\"DONE\"}", 1.0)
        .containsEntry("silo_jobs{state=\"RUNNING\"}", 0.0);
  }

  private static Set<String> states(JsonNode standing) {
    Set<String> states = new TreeSet<>();
    standing.path("parties").forEach(party -> states.add(party.path("state").asText()));
    return states;
  }

  @Test
  @Order(9)
  void aPartnerThatIsAwayIsSaidToBeUnknownWithTheAgeOfItsLastNews() throws Exception {
    String waiting = bank.propose(TestData.twoParties(50));
    bank.call("job.standing", "job", waiting);
    insurer.stop();
    long began = System.nanoTime();
    JsonNode standing = bank.call("job.standing", "job", waiting);
    for (int i = 0;
        i < 100 && party(standing, "insurer.example").path("connected").asBoolean();
        i++) {
      Thread.sleep(50);
      standing = bank.call("job.standing", "job", waiting);
    }
    JsonNode away = party(standing, "insurer.example");
    assertThat(away.path("known").asBoolean()).isFalse();
    assertThat(away.path("problem").asText()).isEqualTo("not connected");
    assertThat(away.path("state").asText()).isEqualTo("PROPOSED");
    assertThat(away.path("news_age_seconds").isNumber()).isTrue();
    assertThat(standing.path("next").toString()).contains("silo doctor insurer.example");
    JsonNode all = bank.call("overview");
    assertThat(all.at("/open/0/id").asText()).isEqualTo(waiting);
    assertThat(all.at("/ended/0/id").asText()).isEqualTo(job);
    assertThat((System.nanoTime() - began) / 1e9).isLessThan(15);
    assertThat(metrics()).containsEntry("silo_link_up{partner=\"insurer.example\"}", 0.0);
  }
}
