package org.espalier.node.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;
import org.espalier.audit.verify.WitnessPolicy;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.job.JobService.PartnerMethod;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

/** Partners' nodes sign how far each other's logs have come. */
class WitnessedLogsTest extends TwoSilos {
  private static final ObjectNode NOW = Json.object().put("now", true);

  private static JsonNode partner(TestSilo silo, ObjectNode args) {
    return silo.call("audit.witness", args).path("partners").path(0);
  }

  /** Asked until both links stand. */
  private static JsonNode witnessed(TestSilo silo) throws InterruptedException {
    JsonNode partner = partner(silo, NOW);
    for (int i = 0; i < 100 && partner.path("problem").asText().equals("not connected"); i++) {
      Thread.sleep(50);
      partner = partner(silo, NOW);
    }
    return partner;
  }

  private Verifier auditor() {
    return Verifier.trusting(TrustedKey.parse(NodeHome.auditKey(bank.home)));
  }

  private Verifier withWitness() throws IOException {
    JsonNode view = NodeHome.witnesses(bank.home);
    String key = view.at("/partners/0/key").asText();
    String policy = "log %s\nwitness w %s\nquorum w\n".formatted(view.path("log").asText(), key);
    // Two hours later, so that nothing is too young to have been seen.
    return auditor()
        .witnessed(
            WitnessPolicy.parse(policy.getBytes(StandardCharsets.UTF_8)), Duration.ofHours(1))
        .at(Clock.offset(Clock.systemUTC(), Duration.ofHours(2)));
  }

  @Test
  void aPartnerSignsAndAVerifierAsksForIt() throws Exception {
    JsonNode partner = witnessed(bank);
    assertThat(partner.path("problem").asText()).isEmpty();
    assertThat(partner.path("key").asText()).startsWith("insurer.example/silo/witness+");
    bank.call("audit.witness", NOW);
    assertThat(withWitness().verify(bank.home.audit()).exitCode()).isZero();
    assertThat(insurer.call("audit.witness").at("/logs/0/log").asText())
        .isEqualTo("bank.example/silo/audit/1");

    // What happens while the partner is away is not seen.
    insurer.stop();
    bank.call("audit.tail");
    bank.stop();
    Verification alone = withWitness().verify(bank.home.audit());
    assertThat(alone.exitCode()).isEqualTo(12);
    assertThat(auditor().verify(bank.home.audit()).exitCode()).isZero();

    insurer.start();
    bank.start();
    assertThat(witnessed(bank).path("problem").asText()).isEmpty();
    assertThat(withWitness().verify(bank.home.audit()).exitCode()).isZero();
  }

  @Test
  void aCheckpointIsShownByItselfAndAnExportCarriesSignatures() throws Exception {
    witnessed(bank);
    long before = partner(bank, Json.object()).path("size").asLong();
    bank.call("audit.tail");
    bank.call("audit.checkpoint");
    for (int i = 0; i < 200 && partner(bank, Json.object()).path("size").asLong() == before; i++) {
      Thread.sleep(25);
    }
    assertThat(partner(bank, Json.object()).path("size").asLong()).isGreaterThan(before);

    bank.dataset("people", TestData.bank(0, 100));
    insurer.dataset("people", TestData.insurer(0, 100));
    String job = bank.propose(TestData.twoParties(10));
    Path file = bank.export(job, root.resolve("job.zip"));
    assertThat(withWitness().verify(file).exitCode()).isZero();
  }

  /** The owner of a log puts an old copy back and goes on with it, with the true key. */
  @Test
  void anOldCopyOfALogIsNotSignedAndAnAuditorIsTold() throws Exception {
    witnessed(bank);
    bank.stop();
    Path copy = root.resolve("copy");
    copy(bank.home.audit(), copy);
    bank.start();
    for (int i = 0; i < 12; i++) {
      bank.call("audit.tail");
    }
    assertThat(witnessed(bank).path("problem").asText()).isEmpty();
    bank.stop();
    delete(bank.home.audit());
    copy(copy, bank.home.audit());
    bank.start();

    assertThat(witnessed(bank).path("problem").asText()).contains("was an old copy put back?");
    assertThat(bank.call("doctor").toString())
        .contains("\"name\":\"insurer.example as witness\",\"level\":\"fail\"");
    String note = insurer.call("audit.witness").at("/logs/0/checkpoint").asText();
    Verifier told = auditor().against(List.of(note.getBytes(StandardCharsets.UTF_8)));
    assertThat(told.verify(bank.home.audit()).exitCode()).isEqualTo(11);
    assertThat(auditor().verify(bank.home.audit()).exitCode()).isZero();

    // Longer than before, it contradicts what was seen: evidence stays at the witness.
    for (int i = 0; i < 30; i++) {
      bank.call("audit.tail");
    }
    assertThat(witnessed(bank).path("problem").asText()).contains("not the beginning");
    assertThat(told.verify(bank.home.audit()).exitCode()).isEqualTo(13);
    JsonNode fork =
        Json.parse(
            "fork", Files.readString(insurer.home.witness().resolve("forks/bank.example.json")));
    assertThat(fork.path("schema").asText()).isEqualTo("espalier.audit-fork/1");
    assertThat(insurer.call("audit.tail", Json.object().put("count", 50)).toString())
        .contains("witness.add.two-histories");

    recovered();
    insurer.call("audit.forget-witness", "partner", "bank.example");
    assertThat(witnessed(bank).path("problem").asText()).isEmpty();
    assertThat(insurer.refusal("audit.forget-witness", TestSilo.args("partner", "nobody")).kind())
        .isEqualTo(Problem.Kind.NOT_FOUND);
  }

  /** Attack 22: what was put back is frozen, and another log begins that says so. */
  private void recovered() throws Exception {
    JsonNode asked = bank.call("audit.recover");
    assertThat(asked.path("behind").asBoolean()).isTrue();
    assertThat(asked.at("/partners/0/problem").asText()).contains("not in this log");
    List<String> two = List.of("op-1", "op-2");
    assertThatThrownBy(() -> NodeHome.recover(bank.home, List.of(), "disk.lost", two))
        .hasMessageContaining("a node runs in");
    assertThat(insurer.call("audit.recover").path("behind").asBoolean()).isFalse();
    bank.stop();
    for (List<String> wrong : List.of(List.of("op-1"), List.of("op-1", "op-1"))) {
      assertThatThrownBy(() -> NodeHome.recover(bank.home, List.of(), "disk.lost", wrong))
          .hasMessageContaining("two different operators");
    }
    Verifier old = auditor();
    JsonNode begun = NodeHome.recover(bank.home, List.of(), "disk.lost", two);
    assertThat(begun.path("origin").asText()).isEqualTo("bank.example/silo/audit/2");
    assertThat(begun.at("/witnessed/size").asLong()).isPositive();
    // Nothing more can be signed under the old name.
    assertThat(NodeHome.auditKey(bank.home)).startsWith("bank.example/silo/audit/2+");
    assertThat(old.verify(bank.home.frozenAudit(1)).exitCode()).isZero();
    assertThatThrownBy(() -> NodeHome.recover(bank.home, List.of(), "disk.lost", two))
        .hasMessageContaining("nobody is known to have seen more");

    Files.createDirectory(bank.home.nextAudit());
    assertThatThrownBy(() -> bank.start()).hasMessageContaining("not in its place");
    Files.delete(bank.home.nextAudit());
    bank.start();
    assertThat(witnessed(bank).path("problem").asText()).isEmpty();
    assertThat(auditor().verify(bank.home.audit()).exitCode()).isZero();
    assertThat(bank.call("audit.recover").path("behind").asBoolean()).isFalse();
    assertThat(insurer.call("audit.witness").path("logs").findValuesAsText("log"))
        .containsExactly("bank.example/silo/audit/1", "bank.example/silo/audit/2");
    // That what was put back contradicts what was signed is said for ever.
    assertThat(insurer.call("audit.reconcile").at("/results/0/exit_code").asInt()).isEqualTo(13);
  }

  /** Attack 12: a key that was rotated out signs. */
  @Test
  void aRotatedKeyNamesItsSuccessorAndSignsNothingMore() throws Exception {
    bank.dataset("people", TestData.bank(0, 100));
    insurer.dataset("people", TestData.insurer(0, 100));
    witnessed(bank);
    String job = bank.propose(TestData.twoParties(10));
    insurer.call("job.approve", "job", job);
    bank.stop();
    NoteSigner stolen = AuditKeys.open(bank.home);
    Verifier before = auditor();
    JsonNode rotated = NodeHome.rotate(bank.home, List.of("op-1", "op-2"));
    assertThat(rotated.path("origin").asText()).isEqualTo("bank.example/silo/audit/2");
    Path frozen = bank.home.frozenAudit(1);
    assertThat(before.verify(frozen).exitCode()).isZero();
    LogReader old = LogReader.open(frozen);
    JsonNode last = old.event(old.size() - 2).json();
    assertThat(last.path("type").asText()).isEqualTo("key.rotate");
    assertThat(last.path("after").asText())
        .isEqualTo(
            EventBuilder.sha256(rotated.path("key").asText().getBytes(StandardCharsets.UTF_8)));
    Verification now = auditor().verify(bank.home.audit());
    assertThat(now.exitCode()).isZero();
    assertThat(now.remarks().toString())
        .contains("which ended here after " + old.size() + " events");

    bank.start();
    assertThat(witnessed(bank).path("problem").asText()).isEmpty();
    // The job is in the old log, and told of with its proofs.
    JsonNode reconciled = insurer.call("audit.reconcile").at("/results/0");
    assertThat(reconciled.path("exit_code").asInt(-1)).as(reconciled.toString()).isZero();
    assertThat(reconciled.path("jobs").asInt()).isEqualTo(1);
    assertThat(witnessed(insurer).path("problem").asText()).isEmpty();
    assertThat(bank.call("audit.reconcile").at("/results/0/exit_code").asInt(-1)).isZero();
    bank.stop();

    // The thief of the old key signs a checkpoint of the new log, or more of the old one.
    Path checkpoint = bank.home.audit().resolve("checkpoint");
    String note = Files.readString(checkpoint);
    Files.writeString(checkpoint, stolen.note(note.substring(0, note.indexOf("\n\n") + 1)));
    assertThat(auditor().verify(bank.home.audit()).exitCode()).isEqualTo(10);
    assertThat(before.verify(bank.home.audit()).exitCode()).isEqualTo(14);
  }

  @Test
  void aPartnerCanHaveItsOwnLogWitnessedOnly() throws Exception {
    AtomicInteger forks = new AtomicInteger();
    NoteSigner signer =
        NoteSigner.of(
            "insurer.example/silo/witness", NoteSigner.Use.WITNESS, NoteSigner.generateKeys());
    bank.stop();
    PartnerMethod add =
        new WitnessRequests(insurer.home, signer, party -> forks.incrementAndGet())
            .partnerMethods()
            .get(WitnessRequests.ADD);
    String log = NodeHome.auditKey(bank.home);
    Party other = new Party("other.example");
    assertThatThrownBy(() -> add.answer(other, TestSilo.args("log", log, "request", "old 0\n\n")))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("its own log");
    assertThatThrownBy(() -> add.answer(bank.party, TestSilo.args("log", "x", "request", "")))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("not the key of a log");
    assertThatThrownBy(() -> add.answer(bank.party, Json.object())).isInstanceOf(Problem.class);
    for (String request :
        List.of("", "old 0\n\n", "old -1\n\nx", "old 0\n\n" + "x".repeat(100_000))) {
      assertThat(
              add.answer(bank.party, TestSilo.args("log", log, "request", request))
                  .path("status")
                  .asInt())
          .isEqualTo(400);
    }
    // Its own key, another log's checkpoint.
    String note = Files.readString(insurer.home.audit().resolve("checkpoint"));
    assertThat(
            add.answer(bank.party, TestSilo.args("log", log, "request", "old 0\n\n" + note))
                .path("status")
                .asInt())
        .isEqualTo(403);
    assertThat(forks).hasValue(0);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
