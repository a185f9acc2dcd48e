package org.espalier.node.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.espalier.node.config.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command itself, in a process of its own, with nodes that are processes of their own. */
@Timeout(value = 240, unit = TimeUnit.SECONDS)
class DemoEndToEndTest {
  private static final Path CONFIGS = Path.of("..", "configs").toAbsolutePath().normalize();
  private static final Pattern NODE = Pattern.compile("runs as process (\\d+)");
  private static final double AUC_TOLERANCE = 5e-4;
  private static final double LOSS_TOLERANCE = 1e-3;
  private static final double WEIGHT_TOLERANCE = 1e-2;

  /** Everything that the demo writes, because it is the temporary folder of its process. */
  @TempDir Path temporary;

  @TempDir Path folder;

  private Process started;

  private record Ended(int exitCode, String out, String err) {
    JsonNode json() {
      return Json.parse("standard output", out);
    }
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  private void start(String... args) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:TieredStopAtLevel=1");
    command.add("-Djava.io.tmpdir=" + temporary);
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "org.espalier.node.cli.Silo"));
    command.add("demo");
    command.addAll(List.of(args));
    started =
        new ProcessBuilder(command)
            .redirectOutput(file("out").toFile())
            .redirectError(file("err").toFile())
            .start();
  }

  private Ended end() throws IOException, InterruptedException {
    int exitCode = started.waitFor();
    return new Ended(exitCode, Files.readString(file("out")), Files.readString(file("err")));
  }

  private Ended run(String... args) throws IOException, InterruptedException {
    start(args);
    return end();
  }

  @AfterEach
  void endWhatATestLeft() throws IOException {
    List<ProcessHandle> left = nodes();
    left.forEach(ProcessHandle::destroyForcibly);
    left.forEach(node -> node.onExit().join()); // they would write where the test cleans up
    started.destroyForcibly();
  }

  /** The nodes that the demo said it started and that still run. */
  private List<ProcessHandle> nodes() throws IOException {
    return NODE.matcher(Files.readString(file("err")))
        .results()
        .map(match -> ProcessHandle.of(Long.parseLong(match.group(1))))
        .flatMap(Optional::stream)
        .filter(ProcessHandle::isAlive)
        .toList();
  }

  private void assertNothingLeft() throws IOException {
    assertThat(nodes()).isEmpty();
    try (Stream<Path> left = Files.list(temporary)) {
      assertThat(left.filter(path -> path.getFileName().toString().startsWith("silo-demo-")))
          .isEmpty();
    }
  }

  private static void assertSameAsCentralised(JsonNode result) {
    double federated = result.at("/metrics/federated/auc").asDouble(-1);
    double centralised = result.at("/metrics/centralised/auc").asDouble(-2);
    // Among few people the AUC moves in steps: two of them in another order are one step.
    double rows = result.at("/evaluated/rows").asDouble();
    double positives = result.at("/evaluated/positives").asDouble();
    double step = 1 / (positives * (rows - positives));
    assertThat(Math.abs(federated - centralised))
        .isLessThanOrEqualTo(Math.max(AUC_TOLERANCE, 3 * step));
    assertThat(
            Math.abs(
                result.at("/metrics/federated/logLoss").asDouble(-1)
                    - result.at("/metrics/centralised/logLoss").asDouble(-2)))
        .isLessThanOrEqualTo(LOSS_TOLERANCE);
    assertThat(result.path("relativeWeightDifference").asDouble(1))
        .isBetween(0.0, WEIGHT_TOLERANCE);
    assertThat(result.path("maxWeightDifference").asDouble(1)).isPositive();
    assertThat(result.path("converged").asBoolean()).isTrue();
  }

  @Test
  void threeNodesTrainTheModelThatAllDataWouldGive() throws Exception {
    Ended demo = run("--json", "--keep");

    assertThat(demo.exitCode()).as(demo.err()).isZero();
    JsonNode result = demo.json();
    assertThat(result.path("parties"))
        .extracting(JsonNode::asText)
        .containsExactly("bank", "insurer", "telecom");
    assertThat(result.path("intersection").asInt()).isEqualTo(716);
    assertThat(result.path("level").asText()).isEqualTo("sealed");
    assertThat(result.path("passes").asInt()).isBetween(2, 200);
    assertThat(result.at("/evaluated/heldOut").asBoolean()).isTrue();
    assertSameAsCentralised(result);
    for (String model : List.of("federated", "centralised", "labelPartyAlone")) {
      JsonNode metrics = result.path("metrics").path(model);
      assertThat(metrics.path("auc").asDouble()).isBetween(0.5, 1.0);
      assertThat(metrics.path("ks").asDouble()).isBetween(0.0, 1.0);
      assertThat(metrics.path("logLoss").asDouble()).isBetween(0.1, 0.7);
    }
    assertThat(result.at("/metrics/federated/logLoss").asDouble())
        .isLessThan(result.at("/metrics/labelPartyAlone/logLoss").asDouble());
    double total = result.at("/seconds/total").asDouble();
    assertThat(result.at("/seconds/align").asDouble()).isBetween(0.001, total);
    assertThat(result.at("/seconds/train").asDouble()).isBetween(0.001, total);
    long sent = 0;
    long received = 0;
    for (JsonNode party : result.path("parties")) {
      JsonNode bytes = result.path("bytes").path(party.asText());
      assertThat(bytes.path("sent").asLong()).isGreaterThan(10_000);
      sent += bytes.path("sent").asLong();
      received += bytes.path("received").asLong();
      assertThat(result.path("peakMemoryBytes").path(party.asText()).asLong())
          .isGreaterThan(10 << 20);
    }
    assertThat(received).isEqualTo(sent);
    assertThat(result.path("learned"))
        .extracting(fact -> fact.path("learner").asText())
        .contains("bank", "insurer", "telecom", "every party");
    assertThat(learnedBy("bank", result)).contains("of the features: nothing while training");
    assertThat(learnedBy("telecom", result))
        .contains("of the outcome and of others' features: nothing while training")
        .doesNotContain("gradient");
    assertThat(result.path("predictions").asInt()).isEqualTo(37);
    assertThat(result.path("auditVerified").asBoolean()).isTrue();
    assertThat(NODE.matcher(demo.err()).results()).hasSize(3);
    assertThat(demo.err())
        .contains(
            "bank$ silo init",
            "insurer$ silo policy apply",
            "insurer$ silo job approve",
            "--as privacy_officer",
            "telecom$ silo audit verify");
    assertNoSecretIsWrittenDown();
  }

  /**
   * Logs, databases, results and what was printed hold no passphrase, no private key and nobody's
   * identifier or name; the files that exist to hold them are left out.
   */
  private void assertNoSecretIsWrittenDown() throws Exception {
    Set<String> secrets = new TreeSet<>();
    List<Path> written = new ArrayList<>(List.of(file("out"), file("err")));
    try (Stream<Path> all = Files.walk(temporary)) {
      written.addAll(all.filter(Files::isRegularFile).toList());
    }
    List<Path> passphrases = written.stream().filter(f -> f.endsWith("passphrase")).toList();
    assertThat(passphrases).hasSize(3);
    for (Path passphrase : passphrases) {
      String secret = Files.readString(passphrase).strip();
      secrets.add(secret);
      for (Path keys : written) {
        if (keys.startsWith(passphrase.resolveSibling("keys")) && keys.toString().endsWith("p12")) {
          secrets.addAll(privateKeys(keys, secret));
        }
      }
    }
    assertThat(secrets).as("passphrases and keys").hasSizeGreaterThanOrEqualTo(3 + 3 * 2);
    for (String party : List.of("bank", "insurer", "telecom")) {
      List<String> people = Files.readAllLines(CONFIGS.resolve("demo/" + party + ".csv"));
      for (String person : people.subList(1, people.size())) {
        String[] values = person.split(",", -1);
        secrets.add(values[0]);
        secrets.add(values[0].replaceAll("[^0-9]", "")); // as match keys normalise it
        secrets.add(values[1]);
      }
    }
    assertThat(secrets).hasSizeGreaterThan(4000);
    written.removeAll(passphrases);
    written.removeIf(
        f -> f.toString().endsWith(".csv")); // the data, and scores that were asked for
    assertThat(written.stream().map(f -> f.getFileName().toString()))
        .contains("node.log", "node.out", "silo.db", "out", "err");
    for (Path file : written) {
      // A word at a time: each secret is one, or letters and digits with one mark between them.
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      Matcher word = Pattern.compile("[A-Za-z0-9+/=_-]{6,}(?: [0-9]{4} [0-9]{4})?").matcher(text);
      while (word.find()) {
        assertThat(secrets.contains(word.group())).as("a secret in %s", file).isFalse();
      }
      secrets.stream()
          .filter(secret -> secret.length() > 30)
          .forEach(key -> assertThat(text.contains(key)).as("a key in %s", file).isFalse());
    }
  }

  /** Their encodings as raw bytes, in hexadecimal and in base 64. */
  private static List<String> privateKeys(Path file, String passphrase) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, passphrase.toCharArray());
    }
    List<String> forms = new ArrayList<>();
    for (String alias : Collections.list(store.aliases())) {
      byte[] key = store.getKey(alias, passphrase.toCharArray()).getEncoded();
      byte[] tail = Arrays.copyOfRange(key, key.length - 32, key.length);
      forms.add(new String(tail, StandardCharsets.ISO_8859_1));
      forms.add(HexFormat.of().formatHex(tail));
      forms.add(Base64.getEncoder().encodeToString(tail));
    }
    return forms;
  }

  private static String learnedBy(String party, JsonNode result) {
    StringBuilder texts = new StringBuilder();
    for (JsonNode fact : result.path("learned")) {
      if (fact.path("learner").asText().equals(party)) {
        texts.append(fact.path("text").asText()).append('\n');
      }
    }
    return texts.toString();
  }

  @Test
  void aFolderWithoutSchemasIsPlayedToo() throws Exception {
    Ended demo = run("--scenario", CONFIGS.resolve("scenario-example").toString(), "--json");

    assertThat(demo.exitCode()).as(demo.err()).isZero();
    JsonNode result = demo.json();
    assertThat(result.path("labelParty").asText()).isEqualTo("clinic");
    assertThat(result.path("intersection").asInt()).isEqualTo(457);
    assertSameAsCentralised(result);
    assertThat(result.has("predictions")).isFalse();
    assertThat(result.path("auditVerified").asBoolean()).isTrue();
    assertNothingLeft();
  }

  @Test
  void aMissingColumnNamesThePartyAndStartsNothing() throws Exception {
    Path scenario = Files.createDirectory(folder.resolve("scenario"));
    for (String name : List.of("job.yaml", "clinic.csv", "laboratory.csv")) {
      String text = Files.readString(CONFIGS.resolve("scenario-example").resolve(name));
      Files.writeString(
          scenario.resolve(name),
          name.equals("laboratory.csv") ? text.replaceFirst("case_id", "case_number") : text);
    }

    Ended demo = run("--scenario", scenario.toString(), "--json");

    assertThat(demo.exitCode()).isEqualTo(4);
    assertThat(demo.json().at("/error/party").asText()).isEqualTo("laboratory");
    assertThat(demo.json().at("/error/what").asText()).contains("laboratory.csv", "case_id");
    assertThat(demo.err()).contains("laboratory").doesNotContain("silo init");
    assertNothingLeft();
  }

  @Test
  void anInterruptedDemoCleansUp() throws Exception {
    start();
    while (nodes().size() < 3) {
      assertThat(started.isAlive()).as("the demo runs").isTrue();
      Thread.sleep(100);
    }

    started.destroy();
    Ended demo = end();

    assertThat(demo.exitCode()).isNotZero();
    assertThat(demo.err()).doesNotContain("silo audit verify");
    assertNothingLeft();
  }
}
