package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.store.Store;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Which dry runs one node takes part in; its partner is played by the test. */
@Timeout(60)
class DryRunsTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static final JobSpec SPEC =
      JobSpec.yaml(
          "job.yaml",
          """
          name: risk
          purpose: research
          label: {party: bank.example, column: bad}
          parties: {bank.example: {dataset: people}, insurer.example: {dataset: people}}
          match: [[{column: id}]]
          """);

  private static final String OPEN =
      """
      partners: {bank.example: {roles: [label], match_dry_run: true, share_key_shapes: true}}
      purposes: {research: {}}
      datasets: {people: {purposes: [research], keys: [id]}}
      """;

  @TempDir Path folder;
  private Store store;
  private SiloHome home;
  private Rulebook rules;
  private DryRuns dryRuns;
  private final List<String> journal = new CopyOnWriteArrayList<>();
  private final CountDownLatch reading = new CountDownLatch(1);

  /** A partner that comes and then says nothing, until this side closes. */
  private final class Silent implements Duplex {
    private final CountDownLatch closed = new CountDownLatch(1);

    @Override
    public void write(byte[] bytes, int offset, int length) {}

    @Override
    public void read(byte[] target, int offset, int length, Duration patience) throws IOException {
      reading.countDown();
      try {
        closed.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      throw new IOException("closed");
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  private final class Log extends UnaskedJournal {
    @Override
    public Act intent(String type, ObjectNode facts) {
      journal.add(type);
      return new Act() {
        @Override
        public void ok(ObjectNode more) {
          journal.add(type + " ok");
        }

        @Override
        public void failed(String reason, ObjectNode more) {
          journal.add(type + " " + reason);
        }
      };
    }
  }

  @BeforeEach
  void start() throws IOException {
    store = Store.open(folder.resolve("silo.db"));
    Datasets datasets = new Datasets(store, new byte[32]);
    StringBuilder people = new StringBuilder("id,income\n");
    for (int i = 0; i < 200; i++) {
      people.append("p%03d,%d\n".formatted(i, i));
    }
    datasets.add(
        "people",
        Files.writeString(folder.resolve("people.csv"), people),
        new TableSchema(
            List.of(
                new TableSchema.Column("id", ColumnType.ID),
                new TableSchema.Column("income", ColumnType.NUMBER)),
            null));
    home = new SiloHome(folder.resolve("home"));
    Files.createDirectories(home.root());
    Files.writeString(home.policy(), OPEN);
    rules = new Rulebook(home);
    FakePeers peers =
        new FakePeers(INSURER) {
          @Override
          public Duplex open(Party partner, String stream, Duration patience) {
            return new Silent();
          }
        };
    dryRuns =
        new DryRuns(
            new JobRun.Context(
                peers,
                new Jobs(store),
                null,
                null,
                null,
                datasets,
                new Log(),
                new SiloConfig(INSURER, "127.0.0.1:1", null, null, Duration.ofMinutes(1), null),
                rules,
                folder,
                folder),
            (since, partner) -> 0);
  }

  @AfterEach
  void stop() {
    dryRuns.close();
    store.close();
  }

  private JsonNode said(String method) {
    ObjectNode body = Json.object().put("dry_run", "D-0123456789abcdef");
    body.put("spec", HexFormat.of().formatHex(SPEC.digest()));
    body.set("content", SPEC.toJson());
    return dryRuns.partnerMethods().get(method).answer(BANK, body);
  }

  private void refused(String what) {
    for (String method : List.of("match.ask", "match.begin", "match.shapes")) {
      assertThatThrownBy(() -> said(method))
          .as(method)
          .isInstanceOf(Problem.class)
          .hasMessageStartingWith(what);
    }
    assertThatThrownBy(() -> dryRuns.run(SPEC)).hasMessageStartingWith(what);
    assertThat(journal).isEmpty();
  }

  private void policy(String change) {
    ObjectNode policy = Json.yaml("open", OPEN, ObjectNode.class);
    String[] parts = change.split("\\|", 2);
    ObjectNode at =
        parts[0].startsWith("/partners/")
            ? (ObjectNode) policy.path("partners").path(BANK.name())
            : policy.withObject(parts[0]);
    at.setAll(Json.yaml("change", parts[1], ObjectNode.class));
    String text = Json.toYaml(policy);
    rules.apply(new Rulebook.InForce(Rulebook.parse("policy", text), Rulebook.digest(text)));
  }

  @Test
  void whatIsDeniedToAJobIsDeniedToADryRunAsWell() {
    Map<String, String> denying = new LinkedHashMap<>();
    denying.put("partners.bank.example.until", "/partners/|{until: 2020-01-01}");
    denying.put("partners.bank.example.roles", "/partners/|{roles: [feature]}");
    denying.put("purposes.research.until", "/purposes/research|{until: 2020-01-01}");
    denying.put("datasets.people.purposes", "/datasets/people|{purposes: [marketing]}");
    denying.put("datasets.people.keys", "/datasets/people|{keys: [national_id]}");
    denying.forEach(
        (rule, change) -> {
          policy(change);
          refused("the policy of insurer.example denies the dry run: " + rule + ": ");
        });
    rules.apply(
        new Rulebook.InForce(
            Rulebook.parse("policy", OPEN.replace("people:", "others:")), "0".repeat(64)));
    refused("the policy of insurer.example denies the dry run: datasets.people: ");
    rules.apply(rules.onDisk());
    assertThat(said("match.ask").path("dry_run").asText()).isEqualTo("D-0123456789abcdef");
    assertThatThrownBy(() -> said("match.shapes")).hasMessageStartingWith("no such dry run");
  }

  @Test
  void aHaltedNodeTakesPartInNone() {
    Rulebook.halt(home, "incident 2031");
    refused("insurer.example is halted: nothing is done there");
    Rulebook.resume(home);
    assertThat(said("match.ask").has("dry_run")).isTrue();
  }

  @Test
  void aHaltEndsOneThatHasBegun() throws Exception {
    CompletableFuture<Void> run = CompletableFuture.runAsync(() -> dryRuns.run(SPEC));
    assertThat(reading.await(30, TimeUnit.SECONDS)).isTrue();
    Rulebook.halt(home, "incident 2031");
    dryRuns.haltAll();
    assertThatThrownBy(() -> run.get(30, TimeUnit.SECONDS)).hasCauseInstanceOf(Problem.class);
    assertThat(journal).containsExactly("match.dry-run", "match.dry-run failed");
  }
}
