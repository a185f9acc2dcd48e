package org.espalier.node.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.data.CsvFile;
import org.espalier.node.data.TableSchema;
import org.espalier.node.identity.EnrolmentRequest;
import org.espalier.node.identity.Fingerprint;
import org.espalier.node.identity.Invite;
import org.espalier.node.job.JobSpec;
import org.espalier.node.policy.Rulebook;
import org.espalier.protocols.glm.PassStore;
import org.espalier.wire.Encoder;
import org.espalier.wire.Party;
import org.espalier.wire.fuzz.Fuzz;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files and lines that come from others or that others may have changed, with changes. With {@code
 * -Despalier.fuzz=N} N times as many.
 */
class FuzzTest {
  private static final Path EXAMPLES = Path.of("../configs/examples");

  /** A document becomes a tree and records. */
  private static final long DOCUMENT = 8 << 20;

  @TempDir Path folder;

  private static byte[] example(String name) throws IOException {
    return Files.readAllBytes(EXAMPLES.resolve(name));
  }

  private static void documents(int inputs, String name, Fuzz.Reader reader) throws IOException {
    double refused =
        Fuzz.of(name, Problem.class)
            .text()
            .allocating(DOCUMENT, 1 << 10)
            .refused(inputs, List.of(example(name)), reader);
    assertThat(refused).as(name).isBetween(0.05, 0.98);
  }

  private static void job(byte[] text) {
    JobSpec spec = JobSpec.yaml("job.yaml", new String(text, UTF_8));
    JsonNode sent = spec.toJson();
    assertThat(JobSpec.json("job", Json.parse("job", Json.write(sent))).digest())
        .isEqualTo(spec.digest());
  }

  @Test
  void changedDocumentsAreReadOrRefused() throws Exception {
    documents(150, "job.yaml", FuzzTest::job);
    documents(50, "predict.yaml", FuzzTest::job);
    documents(50, "serve.yaml", FuzzTest::job);
    documents(100, "policy.yaml", text -> Rulebook.parse("policy", new String(text, UTF_8)));
    documents(
        100,
        "silo.yaml",
        text -> {
          SiloConfig config = Json.yaml("silo.yaml", new String(text, UTF_8), SiloConfig.class);
          assertThat(config.port()).isBetween(0, 65535);
          assertThat(config.host()).isNotBlank();
        });
    documents(
        100,
        "loans.schema.yaml",
        text -> Json.yaml("schema", new String(text, UTF_8), TableSchema.class).features());
  }

  @Test
  void changedTablesAreReadOrRefused() throws Exception {
    byte[] table =
        """
        id,income,region,bad
        a-1,12.5,north,0
        "b,2",-3e2,"so""uth",1
        \u00fc-3,,,0
        d-4,7,east,1
        """
            .getBytes(UTF_8);
    TableSchema schema =
        Json.yaml(
            "schema",
            """
            columns:
              - {name: id, type: id}
              - {name: income, type: number}
              - {name: region, type: category}
              - {name: bad, type: label}
            """,
            TableSchema.class);
    Path file = folder.resolve("table.csv");
    double refused =
        Fuzz.of("table", Problem.class)
            .text()
            .allocating(4 << 20, 1 << 10)
            .refused(
                600,
                List.of(table),
                changed -> {
                  Files.write(file, changed);
                  new CsvFile("table", file, schema)
                      .read((row, values) -> assertThat(values).hasSize(4));
                });
    assertThat(refused).isBetween(0.1, 0.98);
  }

  @Test
  void changedInvitationsAndEnrolmentsAreRefused() {
    Invite invite =
        new Invite(
            URI.create("https://a.example:9443"),
            new Party("a.example"),
            new Party("b.example"),
            new Fingerprint(new byte[32]),
            new byte[16],
            Instant.ofEpochSecond(2_000_000_000));
    Fuzz.of("invitation", IllegalArgumentException.class)
        .text()
        .refused(
            1000,
            List.of(invite.line().getBytes(UTF_8)),
            changed -> {
              Invite read = Invite.parse(new String(changed, UTF_8));
              assertThat(Invite.parse(read.line())).isEqualTo(read);
              assertThat(read.toString()).isNotBlank();
            });
    byte[] request =
        new Encoder().putRaw(new byte[16], 0, 16).putString("https://b.example:9443").toByteArray();
    Fuzz.of("enrolment", IllegalArgumentException.class)
        .refused(1000, List.of(request), EnrolmentRequest::decode);
  }

  /** Files of the own home, which somebody with the machine's account may have changed. */
  @Test
  void keptPassesThatWereChangedAreNotTaken() throws Exception {
    Cohorts cohorts = new Cohorts(folder, new byte[32]);
    PassStore store = cohorts.passes("J-00000001", new byte[32]);
    double[] vector = {1, 2};
    store.keep(1, new PassStore.Kept(vector, vector, vector, vector));
    Path file = folder.resolve("passes").resolve("J-00000001.pass-0001");
    byte[] sealed = Files.readAllBytes(file);
    List<byte[]> taken = new ArrayList<>();
    Fuzz.of("kept pass")
        .allocating(1 << 20, 64)
        .refused(
            200,
            List.of(sealed),
            changed -> {
              Files.write(file, changed);
              if (!store.kept().isEmpty()) {
                taken.add(changed);
              }
            });
    assertThat(taken).allMatch(bytes -> java.util.Arrays.equals(bytes, sealed));
  }
}
