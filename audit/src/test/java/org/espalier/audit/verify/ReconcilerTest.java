package org.espalier.audit.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.espalier.audit.Logs;
import org.espalier.audit.MemoryFolder;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.Intent;
import org.espalier.audit.log.LogReader;
import org.espalier.audit.merkle.ProofBuilder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attack 27: a party leaves out its half, or writes another. */
class ReconcilerTest {
  private static final String JOB = "J-1a2b3c4d";
  private static final String SPEC = digest(1);
  private static final NoteSigner BANK = signer("bank.example");
  private static final NoteSigner CLINIC = signer("clinic.example");

  /** What one party did and wrote down; each may be left out or be another. */
  private record Half(
      String self,
      String partner,
      String spec,
      boolean decision,
      boolean training,
      String conversation,
      boolean receipt,
      boolean end,
      long statedSize) {
    static Half of(String self, String partner) {
      return new Half(self, partner, SPEC, true, true, digest(7), true, true, 1);
    }

    Half spec(String other) {
      return new Half(
          self, partner, other, decision, training, conversation, receipt, end, statedSize);
    }

    Half without(String what) {
      return new Half(
          self,
          partner,
          spec,
          decision && !what.equals("decision"),
          training && !what.equals("training"),
          conversation,
          receipt && !what.equals("receipt"),
          end && !what.equals("end"),
          statedSize);
    }

    Half conversation(String other) {
      return new Half(self, partner, spec, decision, training, other, receipt, end, statedSize);
    }

    Half stated(long size) {
      return new Half(self, partner, spec, decision, training, conversation, receipt, end, size);
    }

    /** The bank proposes, the clinic approves, both run. */
    void write(AuditLog log) {
      boolean bank = self.equals("bank.example");
      Actor actor =
          bank
              ? Actor.of(Actor.Kind.HUMAN, Logs.PERSON, "unix-socket")
              : Actor.of(Actor.Kind.PARTNER, partner, "mtls");
      log.intent(EventType.JOB_PROPOSED, e -> e.job(JOB, 0, spec).actor(actor))
          .ok(e -> e.job(JOB, 0, spec));
      if (decision) {
        log.fact(
            EventType.JOB_APPROVED,
            e -> e.job(JOB, 0, spec).approval("clinic.example", "approve", "c2lnbmF0dXJl"));
      }
      Intent run = log.intent(EventType.JOB_STARTED, e -> e.job(JOB, 1, spec));
      for (String step : List.of("align", "train")) {
        if (step.equals("align") || training) {
          log.intent(EventType.PHASE_STARTED, e -> e.job(JOB, 1, spec).step(step))
              .ok(
                  e ->
                      e.transcripts(
                              Map.of(
                                  partner,
                                  step.equals("align") ? digest(5) : conversation,
                                  "third.example",
                                  digest(99)))
                          .traffic(1, 2));
        }
      }
      if (receipt) {
        log.fact(
            EventType.RECEIPT,
            e ->
                e.job(JOB, 1, spec)
                    .partner(partner, null, null)
                    .receipt(digest(bank ? 11 : 12))
                    .peerCheckpoint(
                        partner + "/silo/audit/1",
                        statedSize,
                        "5DW4TfNcxk3vikWCS3kdonoLKnVGRaDH83HiUs8+GPs="));
      }
      if (end) {
        run.ok();
      }
    }
  }

  private static final Half MINE = Half.of("bank.example", "clinic.example");
  private static final Half THEIRS = Half.of("clinic.example", "bank.example");

  @TempDir(factory = MemoryFolder.class)
  Path root;

  private Path folder;
  private int runs;

  private static NoteSigner signer(String party) {
    return NoteSigner.of(party + "/silo/audit/1", NoteSigner.Use.LOG, NoteSigner.generateKeys());
  }

  private static String digest(int seed) {
    return EventBuilder.sha256(new byte[] {(byte) seed});
  }

  private static TrustedKey key(NoteSigner signer) {
    return TrustedKey.parse(signer.vkey());
  }

  @BeforeEach
  void freshFolder() {
    folder = root.resolve("run" + runs++);
    folder.toFile().mkdirs();
  }

  private Path export(Half half, NoteSigner signer) throws IOException {
    Path file = folder.resolve(half.self + ".zip");
    Path directory = folder.resolve(half.self);
    try (AuditLog log = AuditLog.open(Logs.settings(directory), signer)) {
      half.write(log);
      JobExport.write(
          log,
          JOB,
          file,
          Event.NOTHING_MORE,
          UnaryOperator.identity(),
          checkpoint -> null,
          JobExport.Partners.NONE);
    }
    return file;
  }

  private Reconciliation reconcile(Half mine, Half theirs) throws IOException {
    freshFolder();
    return Reconciler.bundles(
        export(mine, BANK), key(BANK), export(theirs, CLINIC), key(CLINIC), Clock.systemUTC());
  }

  @Test
  void twoHonestHalvesAgree() throws IOException {
    Reconciliation result = reconcile(MINE, THEIRS);
    assertThat(result.differences()).isEmpty();
    assertThat(result.remarks()).isEmpty();
    assertThat(result.verdict()).isEqualTo(Verdict.OK);
    // Proposal, decision, attempt, two phases, receipts.
    assertThat(result.compared()).isEqualTo(6);
    assertThat(result.jobs()).isEqualTo(1);
  }

  @Test
  void whatOnePartyLeftOutIsNamedWithPartyAndEvent() throws IOException {
    for (String what : List.of("decision", "training", "receipt")) {
      for (boolean here : new boolean[] {true, false}) {
        Reconciliation result =
            reconcile(here ? MINE.without(what) : MINE, here ? THEIRS : THEIRS.without(what));
        assertThat(result.verdict()).as(what).isEqualTo(Verdict.TRUNCATED);
        assertThat(result.differences().get(0).party())
            .as(what)
            .isEqualTo(here ? "bank.example" : "clinic.example");
        assertThat(result.differences().get(0).seq()).as(what).isNotNegative();
      }
    }
    Reconciliation training = reconcile(MINE, THEIRS.without("training"));
    assertThat(training.differences()).hasSize(1);
    assertThat(training.differences().get(0).text())
        .isEqualTo(
            "the phase train of attempt 1 (event 7 of bank.example, ok) is not in the log of"
                + " clinic.example");
    assertThat(training.toJson().at("/differences/0/seq").asLong()).isEqualTo(7);
  }

  @Test
  void anotherConversationOrSpecificationIsNamed() throws IOException {
    Reconciliation conversation = reconcile(MINE, THEIRS.conversation(digest(8)));
    assertThat(conversation.verdict()).isEqualTo(Verdict.ALTERED);
    assertThat(conversation.differences()).hasSize(1);
    assertThat(conversation.lines().get(1)).contains("phase train", digest(7), digest(8));
    Reconciliation spec = reconcile(MINE, THEIRS.spec(digest(2)));
    assertThat(spec.verdict()).isEqualTo(Verdict.ALTERED);
    assertThat(spec.differences().get(0).text()).contains("specification", SPEC, digest(2));
  }

  @Test
  void anEndThatIsMissingIsARemarkWhileItIsYoung() throws IOException {
    Path mine = export(MINE, BANK);
    Path theirs = export(THEIRS.without("end").without("receipt"), CLINIC);
    Reconciliation now =
        Reconciler.bundles(mine, key(BANK), theirs, key(CLINIC), Clock.systemUTC());
    assertThat(now.verdict()).isEqualTo(Verdict.OK);
    assertThat(now.remarks()).anyMatch(r -> r.contains("still under way"));
    Clock later = Clock.offset(Clock.systemUTC(), Duration.ofHours(1));
    Reconciliation then = Reconciler.bundles(mine, key(BANK), theirs, key(CLINIC), later);
    assertThat(then.verdict()).isEqualTo(Verdict.TRUNCATED);
    assertThat(then.differences()).hasSize(2);
  }

  @Test
  void aLogIsNoShorterThanItsOwnerSaid() throws IOException {
    Reconciliation result = reconcile(MINE.stated(5000), THEIRS);
    assertThat(result.verdict()).isEqualTo(Verdict.TRUNCATED);
    assertThat(result.differences().get(0).text()).contains("had 5000 events");
  }

  @Test
  void exportsAreVerifiedFirst() throws IOException {
    Path mine = export(MINE, BANK);
    Path theirs = export(THEIRS, CLINIC);
    Clock clock = Clock.systemUTC();
    assertThat(Reconciler.bundles(mine, key(BANK), mine, key(CLINIC), clock).verdict())
        .isEqualTo(Verdict.KEY_NOT_TRUSTED);
    assertThat(Reconciler.bundles(mine, key(BANK), theirs, key(signer("clinic.example")), clock))
        .extracting(Reconciliation::verdict)
        .isEqualTo(Verdict.KEY_NOT_TRUSTED);
    assertThatThrownBy(() -> Reconciler.bundles(mine, key(BANK), mine, key(BANK), clock))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** What comes over a line is hostile. */
  @Test
  void claimsAreTakenOnlyWithTheirProofs() throws IOException {
    Path directory = folder.resolve("log");
    List<Claim> claims;
    List<ObjectNode> told = new ArrayList<>();
    TreeHead head;
    try (AuditLog log = AuditLog.open(Logs.settings(directory), CLINIC)) {
      THEIRS.write(log);
      head = TreeHead.checkpoint(log.checkpoint().note().getBytes(StandardCharsets.UTF_8));
      LogReader reader = log.reader();
      Claims read = new Claims("bank.example");
      for (long seq = 0; seq < reader.size(); seq++) {
        read.add(seq, reader.event(seq).json());
      }
      claims = read.all();
      ProofBuilder proofs = new ProofBuilder(reader);
      for (Claim claim : claims) {
        told.add(
            ProvenClaims.toJson(
                claim,
                reader.event(claim.seq()).bytes(),
                proofs.inclusion(claim.seq(), head.size())));
      }
    }
    var array = EventRules.MAPPER.createArrayNode().addAll(told);
    assertThat(ProvenClaims.read(array, head))
        .usingRecursiveComparison()
        .ignoringFields("stated")
        .isEqualTo(claims);
    assertThat(array.toString()).doesNotContain("third.example");
    for (int i = 0; i < array.size(); i++) {
      for (String field : List.of("seq", "attempt", "kind", "spec", "value", "outcome", "proof")) {
        boolean bound = told.get(i).has("event") || List.of("seq", "kind", "proof").contains(field);
        if (!bound || told.get(i).path(field).asText("x").isEmpty()) {
          continue;
        }
        var forged = array.deepCopy();
        var one = (ObjectNode) forged.get(i);
        switch (field) {
          case "seq", "attempt" -> one.put(field, one.path(field).asLong() + 1);
          case "kind" -> one.put(field, "gossip");
          case "outcome" -> one.put(field, "failed");
          case "proof" -> one.withArray("proof").remove(0);
          default -> one.put(field, digest(77));
        }
        if (field.equals("outcome") && claims.get(i).kind() == Claim.Kind.RECEIPT) {
          continue; // has none in its event
        }
        assertThatThrownBy(() -> ProvenClaims.read(forged, head))
            .as(claims.get(i).words() + " " + field)
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
    for (String nonsense :
        List.of(
            "{}", "[1]", "[{\"seq\":-1}]", "[{\"seq\":1e9}]", "[{\"seq\":3,\"kind\":\"phase\"}]")) {
      assertThatThrownBy(() -> ProvenClaims.read(EventRules.MAPPER.readTree(nonsense), head))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
