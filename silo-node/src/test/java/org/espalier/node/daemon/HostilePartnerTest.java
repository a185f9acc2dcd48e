package org.espalier.node.daemon;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.espalier.audit.checkpoint.Checkpoint;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.identity.Invite;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.PartnerBook;
import org.espalier.node.identity.Passphrase;
import org.espalier.node.identity.SpokenWords;
import org.espalier.node.identity.SqlPartnerStore;
import org.espalier.node.job.JobSpec;
import org.espalier.node.link.Links;
import org.espalier.node.link.Refusal;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.espalier.wire.fuzz.Fuzz;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A confirmed partner whose node says what the honest one never would. */
class HostilePartnerTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  @TempDir Path root;
  private TestSilo bank;
  private Store store;
  private Links links;
  private Invite old;

  @BeforeEach
  void enrol() throws Exception {
    bank = TestSilo.create(BANK.name(), root);
    bank.policy("partners: {insurer.example: {match_dry_run: true, match_dry_runs_per_90d: 1}}");
    bank.start();
    bank.dataset("people", TestData.bank(0, 100));
    Path secret = root.resolve("secret");
    Passphrase.generate(secret);
    NodeIdentity identity;
    try (Passphrase passphrase = Passphrase.read(secret)) {
      identity = NodeIdentity.create(root.resolve("keys"), INSURER, passphrase, Clock.systemUTC());
    }
    store = Store.open(Files.createFile(root.resolve("hostile.db")));
    PartnerBook book = new PartnerBook(INSURER, new SqlPartnerStore(store), Clock.systemUTC());
    links =
        Links.start(
            identity,
            book,
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            null,
            TestSilo.LINKS);
    String line = bank.call("partner.invite", "name", INSURER.name()).path("line").asText();
    old = Invite.parse(line);
    SpokenWords words = links.invites().accept(old, PATIENCE).words().orElseThrow();
    book.confirm(BANK, Optional.empty(), Optional.empty());
    bank.call("partner.confirm", "name", INSURER.name(), "words", words.toString());
    for (String method : new String[] {"job.propose", "job.decide", "job.news", "job.abort"}) {
      links.serve(method, (caller, body) -> Json.object());
    }
  }

  @AfterEach
  void stop() {
    links.close();
    store.close();
    bank.close();
  }

  private String refusal(String method, JsonNode body) throws Exception {
    try {
      throw new AssertionError(
          method + " was answered " + links.request(BANK, method, body, PATIENCE));
    } catch (Refusal refusal) {
      return refusal.getMessage();
    }
  }

  private ObjectNode about(String job) {
    String digest = bank.call("job.show", "job", job).path("digest").asText();
    return Json.object().put("job", job).put("spec", digest);
  }

  @Test
  void anotherJobUnderTheSameNameIsRefused() throws Exception {
    String job = bank.propose(TestData.twoParties(50));
    ObjectNode body = about(job).put("spec", "00".repeat(32));
    for (String method : new String[] {"job.ready", "job.start", "job.abort", "job.decision"}) {
      assertThat(refusal(method, body)).contains("mismatched job digest");
    }
    JobSpec other = JobSpec.json("job", TestData.twoParties(51)).aligned("ecdh");
    ObjectNode proposal = Json.object().put("job", job);
    proposal.put("spec", HexFormat.of().formatHex(other.digest()));
    proposal.set("content", other.toJson());
    assertThat(refusal("job.propose", proposal)).contains("mismatched job digest");
    // The digest of the real job on other content.
    proposal.put("spec", about(job).path("spec").asText());
    assertThat(refusal("job.propose", proposal)).contains("mismatched job digest");
    assertThat(state(job)).isEqualTo("PROPOSED");
  }

  private static ObjectNode grounds() {
    return Json.object().put("policy", "0".repeat(64));
  }

  @Test
  void nobodyApprovesInAnothersName() throws Exception {
    String job = bank.propose(TestData.twoParties(50));
    ObjectNode body = about(job);
    ObjectNode decision = body.putObject("decision").put("approved", true);
    decision.put("signature", new byte[64]).set("grounds", grounds());
    assertThat(refusal("job.decide", body)).contains("not signed by insurer.example");
    ObjectNode ready = about(job);
    ready
        .putObject("approvals")
        .putObject("insurer.example")
        .put("approved", true)
        .put("signature", "!!! not base64 !!!")
        .set("grounds", grounds());
    assertThat(refusal("job.ready", ready)).contains("not signed by insurer.example");
    assertThat(refusal("job.start", about(job).put("attempt", 1))).contains("PROPOSED");
    assertThat(state(job)).isEqualTo("PROPOSED");
  }

  @Test
  void nonsenseIsRefusedCountedAndTheNodeGoesOn() throws Exception {
    for (int i = 0; i < 30; i++) {
      assertThat(refusal("job.propose", Json.object().put("job", "../../etc/passwd")))
          .contains("not a job id");
    }
    assertThat(refusal("job.news", Json.object())).contains("no such job");
    assertThat(refusal("job.receipt", Json.parse("x", "[[[1]]]"))).contains("no such job");
    String job = bank.propose(TestData.twoParties(50));
    assertThat(refusal("job.start", about(job).put("attempt", Integer.MAX_VALUE)))
        .contains("impossible attempt");

    JsonNode denied =
        bank.call("audit.tail", TestSilo.args("type", "request.denied")).path("events");
    long proposals = 0;
    for (JsonNode event : denied) {
      assertThat(event.path("partner").path("id").asText()).isEqualTo("insurer.example");
      proposals += event.path("rule").asText().equals("job.propose.refused") ? 1 : 0;
    }
    assertThat(proposals).as("thirty requests, one event until the minute is over").isEqualTo(1);
    bank.stop();
    bank.start();
    for (JsonNode event :
        bank.call("audit.tail", TestSilo.args("type", "request.denied")).path("events")) {
      if (event.path("rule").asText().equals("job.propose.refused")) {
        proposals += event.path("requests").path("count").asLong();
      }
    }
    assertThat(proposals).as("1 + (1 + 29)").isEqualTo(31);
    assertThat(bank.call("job.list").path("jobs").size()).isEqualTo(1);
  }

  @Test
  void whoIsKeptOutIsInTheAuditLog() throws Exception {
    int port = bank.call("status").path("port").asInt();
    try (Socket stranger = new Socket(InetAddress.getLoopbackAddress(), port)) {
      stranger.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(US_ASCII));
      stranger.getOutputStream().flush();
      while (stranger.getInputStream().read() >= 0) {
        // Until the node has hung up.
      }
    }
    JsonNode noTls = denial("tls.handshake");
    assertThat(noTls.has("partner")).as("who a stranger is, nobody knows").isFalse();

    bank.call("partner.revoke", "name", INSURER.name());
    JsonNode revoked = denial("tls.revoked");
    assertThat(revoked.path("partner").path("id").asText()).isEqualTo(INSURER.name());
    assertThat(revoked.path("requests").path("count").asInt()).isPositive();

    bank.call("partner.forget", "name", INSURER.name());
    assertThat(denial("tls.no-partner").has("partner")).isFalse();
    bank.call("partner.invite", "name", INSURER.name());
    assertThat(denial("link.no-partner").has("partner")).isFalse();
    assertThatThrownBy(() -> links.invites().accept(old, PATIENCE)).isInstanceOf(Problem.class);
    denial("enrolment.refused");
  }

  /** The first event about denials under that rule; waits for it. */
  private JsonNode denial(String rule) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      for (JsonNode event :
          bank.call("audit.tail", TestSilo.args("type", "request.denied")).path("events")) {
        if (event.path("rule").asText().equals(rule)) {
          return event;
        }
      }
      assertThat(System.nanoTime()).as("no event " + rule).isLessThan(deadline);
      Thread.sleep(50);
    }
  }

  @Test
  void aProposalThatItsProposerDidNotSignIsNotKept() throws Exception {
    JobSpec spec = JobSpec.json("job", TestData.twoParties(50)).aligned("ecdh");
    ObjectNode proposal = Json.object().put("job", "J-00000001");
    proposal.put("spec", HexFormat.of().formatHex(spec.digest()));
    proposal.set("content", spec.toJson());
    proposal.putObject("approval").set("grounds", grounds());
    assertThat(refusal("job.propose", proposal)).contains("not signed by insurer.example");
    assertThat(bank.call("job.list").path("jobs").size()).isZero();
  }

  private static ObjectNode dryRun(JobSpec spec) {
    ObjectNode body = Json.object().put("dry_run", "D-0123456789abcdef");
    body.put("spec", HexFormat.of().formatHex(spec.digest()));
    body.set("content", spec.toJson());
    return body;
  }

  @Test
  void noMoreDryRunsThanThePolicyAllowsHoweverTheyEnd() throws Exception {
    ObjectNode good = dryRun(JobSpec.json("job", TestData.twoParties(50)));
    for (String method : new String[] {"match.ask", "match.begin", "match.shapes"}) {
      assertThat(refusal(method, Json.parse("x", "[1]"))).contains("not the id of a dry run");
      assertThat(refusal(method, good.deepCopy().put("dry_run", "../../x")))
          .contains("not the id of a dry run");
      assertThat(refusal(method, good.deepCopy().put("spec", "00".repeat(32))))
          .contains("mismatched digest");
      ObjectNode broken = good.deepCopy();
      broken.withObject("content").put("match", "all");
      assertThat(refusal(method, broken)).contains("match");
    }
    assertThat(refusal("match.shapes", good))
        .isEqualTo("the policy of bank.example does not share key shapes with insurer.example");
    ObjectNode wrongKey = (ObjectNode) TestData.twoParties(50);
    wrongKey.set("match", Json.parse("m", "[[{\"column\":\"income\"}]]"));
    assertThat(refusal("match.ask", dryRun(JobSpec.json("job", wrongKey))))
        .contains("no id column income");

    // It begins one and never sends a byte of it: that one counts, and there is no other.
    links.request(BANK, "match.ask", good, PATIENCE);
    links.request(BANK, "match.begin", good, PATIENCE);
    for (String method : new String[] {"match.ask", "match.begin"}) {
      assertThat(refusal(method, good.deepCopy().put("dry_run", "D-0123456789abcdee")))
          .contains(
              "allows dry runs of 1 rule with insurer.example in 90 days, and there have been 1");
      // Nothing is said of the data set to whom no dry run is left.
      assertThat(refusal(method, dryRun(JobSpec.json("job", wrongKey))))
          .contains("allows dry runs of 1 rule");
    }
    JsonNode begun =
        bank.call("audit.tail", TestSilo.args("type", "match.dry-run")).path("events").path(0);
    assertThat(begun.path("actor").toString()).contains("insurer.example");
    assertThat(begun.path("inputs").path(0).path("rows").asText()).isEqualTo("100-199");
  }

  /** With {@code -Despalier.fuzz=N} N times as many. */
  @Test
  @Timeout(value = 2, unit = TimeUnit.HOURS)
  void changedRequestsOfEveryKindAreAnsweredOrRefused() throws Exception {
    String job = bank.propose(TestData.twoParties(50));
    ObjectNode about = about(job).put("attempt", 1).put("serving", "S-00000001");
    ObjectNode question = about.deepCopy().put("have", "0123456789abcdef");
    question.putArray("questions").addObject().put("request", "0".repeat(32)).put("person", 0);
    ObjectNode claims = Json.object().put("job", job).put("after", 1).put("seen", 1);
    NoteSigner log =
        NoteSigner.of(INSURER + "/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
    String head = Checkpoint.sign(log, 1, new byte[32]).note();
    ObjectNode shown = Json.object().put("log", log.vkey()).put("request", "old 0\n\n" + head);
    ObjectNode dryRun = dryRun(JobSpec.json("job", TestData.twoParties(50)));
    Map<String, ObjectNode> bodies = new TreeMap<>();
    for (String method :
        new String[] {"job.decision", "job.state", "job.receipts", "machine.speed"}) {
      bodies.put(method, about);
    }
    for (String method : new String[] {"serve.ask", "serve.seed", "serve.status"}) {
      bodies.put(method, question);
    }
    for (String method : new String[] {"match.ask", "match.begin", "match.shapes"}) {
      bodies.put(method, dryRun);
    }
    for (String method : new String[] {"witness.key", "witness.add", "witness.newest"}) {
      bodies.put(method, shown);
    }
    bodies.put(Reconciling.CLAIMS, claims.put("log", "bank.example/silo/audit/1"));
    for (Map.Entry<String, ObjectNode> body : bodies.entrySet()) {
      Fuzz.of(body.getKey(), Problem.class, Refused.class)
          .text()
          .allocating(16 << 20, 1 << 10)
          .refused(
              20,
              List.of(Json.write(body.getValue()).getBytes(UTF_8)),
              changed -> {
                JsonNode said = Json.parse("request", new String(changed, UTF_8));
                try {
                  links.request(BANK, body.getKey(), said, PATIENCE);
                } catch (Refusal refusal) {
                  assertThat(refusal.code()).isNotEqualTo(Refusal.INTERNAL);
                  throw new Refused(refusal.getMessage());
                } catch (IllegalArgumentException unsendable) {
                  throw new Refused(unsendable.getMessage());
                }
              });
    }
    assertThat(bank.call("job.list").path("jobs").size()).isEqualTo(1);
  }

  /** A request that was not sent, or not answered. */
  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1;

    Refused(String message) {
      super(message);
    }
  }

  private String state(String job) {
    return bank.call("job.list").path("jobs").findParents("id").stream()
        .filter(found -> found.path("id").asText().equals(job))
        .map(found -> found.path("state").asText())
        .findFirst()
        .orElseThrow();
  }
}
