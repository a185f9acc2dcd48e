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
import org.espalier.node.config.Json;
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
            console: {listen: "127.0.0.1:0"}
            """);
    bank.policy("purposes: {research: {}}");
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

  // ---- the console ----------------------------------------------------------------------------

  private static final String HOSTILE = "<img src=x onerror=\"document.title='caught'\">";

  private static HttpResponse<String> console(String path, String cookie, String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(bank.call("status").path("console").asText() + path));
    if (cookie != null) {
      request.header("Cookie", cookie);
    }
    if (headers.length > 0) {
      request.headers(headers);
    }
    return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** The path of a new way in. */
  private static String wayIn() {
    String url = bank.call("console").path("url").asText();
    return url.substring(url.indexOf("/enter"));
  }

  private static String enter() throws Exception {
    HttpResponse<String> in = console(wayIn(), null);
    assertThat(in.statusCode()).isEqualTo(303);
    String cookie = in.headers().firstValue("Set-Cookie").orElseThrow();
    assertThat(cookie).contains("HttpOnly", "SameSite=Strict", "Path=/");
    return cookie.substring(0, cookie.indexOf(';'));
  }

  private static String post(int port, String path, String cookie, String origin) {
    return String.join(
        "\r\n",
        "POST " + path + " HTTP/1.1",
        "Host: localhost:" + port,
        "Cookie: " + cookie,
        "Origin: " + origin,
        "Content-Length: 0",
        "",
        "");
  }

  @Test
  @Order(4)
  void nobodyLooksWithoutAWayInThatIsGoodOnce() throws Exception {
    for (String path : List.of("/", "/jobs/" + job, "/live/inbox", "/audit", "/enter?code=guess")) {
      HttpResponse<String> out = console(path, "silo=guess");
      assertThat(out.statusCode()).isEqualTo(401);
      assertThat(out.body()).contains("silo console").doesNotContain("bank.example", job);
    }
    String code = wayIn();
    assertThat(console(code, null).statusCode()).isEqualTo(303);
    assertThat(console(code, null).statusCode()).isEqualTo(401);
    String cookie = enter();
    HttpResponse<String> page = console("/", cookie);
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.body()).contains("bank.example");
    assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
        .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
        .doesNotContain("unsafe");
    assertThat(page.headers().firstValue("Cache-Control")).contains("no-store");
    // A page of a stranger whose name leads here, and one that sends forms.
    int port = URI.create(bank.call("status").path("console").asText()).getPort();
    assertThat(
            raw(
                port,
                "GET / HTTP/1.1\r\nHost: evil.example:%d\r\nCookie: %s\r\n\r\n"
                    .formatted(port, cookie)))
        .startsWith("HTTP/1.1 421");
    assertThat(raw(port, post(port, "/leave", cookie, "http://evil.example")))
        .startsWith("HTTP/1.1 403");
    assertThat(raw(port, post(port, "/jobs", cookie, "http://localhost:" + port)))
        .startsWith("HTTP/1.1 404");
    assertThat(raw(port, "DELETE / HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + "\r\n\r\n"))
        .startsWith("HTTP/1.1 405");
    assertThat(console("/", cookie).statusCode()).isEqualTo(200);
    assertThat(console("/jobs/J-00000000", cookie).statusCode()).isEqualTo(404);
    assertThat(console("/nothing", cookie).statusCode()).isEqualTo(404);
    assertThat(console("/audit?seq=0", cookie).body())
        .contains("event-0")
        .doesNotContain("event-1");
    assertThat(console("/audit?since=2020-01-01&until=2020-01-02", cookie).body())
        .contains("No such events.");
    assertThat(console("/audit?seq=999999", cookie).statusCode()).isEqualTo(404);
    assertThat(console("/audit?seq=first", cookie).statusCode()).isEqualTo(409);
    assertThat(raw(port, post(port, "/leave", cookie, "http://localhost:" + port)))
        .startsWith("HTTP/1.1 200");
    assertThat(console("/", cookie).statusCode()).isEqualTo(401);
    assertThat(insurer.refusal("console", TestSilo.args()).what()).contains("no console");
    assertThat(bank.call("audit.tail", TestSilo.args("type", "command")).toString())
        .contains("\"console\"")
        .doesNotContain("enter?code");
  }

  @Test
  @Order(5)
  void theConsoleIsSeenInABrowser() throws Exception {
    if (!bank.call("job.status", "job", job).at("/job/state").asText().equals("DONE")) {
      aJobIsWatchedAtBothPartiesToItsEnd(); // where this test runs alone
    }
    String denied = bank.propose(TestData.twoParties(50));
    insurer.call("job.deny", "job", denied, "reason", HOSTILE);
    String asked = insurer.propose(TestData.twoParties(50));
    String again = bank.propose(TestData.twoParties(50));
    String cohort = bank.call("cohort.list").at("/cohorts/0/digest").asText();
    try (ConsoleBrowser browser = ConsoleBrowser.open()) {
      browser.go(bank.call("console").path("url").asText());
      assertThat(browser.url()).doesNotContain("code");
      browser.await("Waits for you", "Waits for others", "connected", asked);
      browser.examine("inbox");
      browser.go("/jobs");
      browser.await(job, denied);
      browser.examine("jobs");
      browser.click("input[value='" + job + "']");
      browser.click("input[value='" + again + "']");
      browser.click("form[action='/compare'] button");
      browser.await("Runs side by side", "AUC");
      browser.examine("compare");
      browser.go("/jobs/" + job);
      browser.await("People in common", "AUC", "Who learnt what");
      assertThat(browser.count("figure svg polyline")).isPositive();
      browser.examine("job");
      browser.go("/jobs/" + denied);
      browser.await(HOSTILE);
      assertThat(browser.count("main img")).isZero();
      assertThat(browser.title()).isNotEqualTo("caught");
      browser.examine("denied");
      browser.go("/partners");
      browser.await("insurer.example", "round trip", "Witness");
      browser.examine("partners");
      browser.go("/cohorts");
      browser.await(cohort.substring(0, 16));
      browser.examine("cohorts");
      browser.go("/cohorts/" + cohort);
      browser.await("aligned it");
      browser.go("/policy?job=" + asked);
      browser.await("allowed here", "training.levels");
      browser.examine("policy");
      ObjectNode unwanted = TestData.twoParties(50).deepCopy();
      browser.type("textarea", Json.write(unwanted.put("purpose", "marketing")));
      browser.click("form.paste button");
      browser.await("denied here", "would be allowed by", "purposes");
      browser.examine("pasted");
      browser.go("/audit?job=" + job);
      browser.await("job.started");
      browser.examine("audit");
      browser.click("form[action='/audit/verify'] button");
      browser.await("The log is intact");
      browser.examine("verified");
      // What changes is seen without a reload.
      browser.go("/");
      bank.call("job.deny", "job", asked, "reason", "no agreement");
      browser.await("Nothing waits for you");
      browser.click("form[action='/leave'] button");
      browser.await("Signed out");
      browser.go("/jobs");
      browser.await("A way in is needed");
    }
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
    assertThat(all.path("ended").findValuesAsText("id")).contains(job);
    assertThat((System.nanoTime() - began) / 1e9).isLessThan(15);
    assertThat(metrics()).containsEntry("silo_link_up{partner=\"insurer.example\"}", 0.0);
  }
}
