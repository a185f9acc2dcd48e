package org.espalier.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HexFormat;
import org.espalier.node.Problem;
import org.espalier.node.job.JobSpec;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonTest {
  @TempDir Path folder;

  private static SiloConfig config(String text) {
    return Json.yaml("silo.yaml", text, SiloConfig.class);
  }

  @Test
  void readsAConfiguration() {
    SiloConfig config =
        config(
            """
            name: a.example
            listen: "[::1]:9443"
            url: https://silo.a.example
            patience: PT30S
            """);
    assertThat(config.name()).isEqualTo(new Party("a.example"));
    assertThat(config.host()).isEqualTo("::1");
    assertThat(config.port()).isEqualTo(9443);
    assertThat(config.patience()).isEqualTo(Duration.ofSeconds(30));
    assertThat(config.rendezvous()).isEqualTo(Duration.ofMinutes(1));
    assertThat(config("name: a\nlisten: h:1\n").url()).isEqualTo(URI.create("https://h:1"));
  }

  private static void refused(String text, String... parts) {
    assertThatThrownBy(() -> config(text)).isInstanceOf(Problem.class).message().contains(parts);
  }

  @Test
  void everyNetworkIsNoAddressThatPartnersCanDial() {
    for (String host : new String[] {"0.0.0.0", "\"[::]", "0", "\"[0:0:0:0:0:0:0:0]"}) {
      String end = host.startsWith("\"") ? ":1\"\n" : ":1\n";
      refused("name: a\nlisten: " + host + end, "url is needed", "cannot dial");
      assertThat(config("name: a\nurl: https://h\nlisten: " + host + end).url().getHost())
          .isEqualTo("h");
    }
    refused("name: a\nlisten: 0.0.0.0:1\nurl: https://0.0.0.0:1\n", "cannot dial 0.0.0.0");
    assertThat(config("name: a\nlisten: 10.0.0.0:1\n").port()).isEqualTo(1);
    assertThat(config("name: a\nlisten: \"[::1]:1\"\n").port()).isEqualTo(1);
  }

  @Test
  void aMistypedKeyOfAJobIsNamedAndNotTheOneThatIsMissing() throws Exception {
    String job =
        """
        name: n
        purpose: p
        label: {party: a, column: bad}
        parties:
          a: {dataset: x}
          b: {dataset: y}
        match: [[{column: {a: i, b: j}, normalise: [digits]}]]
        training: {level: gradients, accept: [span]}
        """;
    assertThat(JobSpec.yaml("job.yaml", job).name()).isEqualTo("n");
    String[][] mistakes = {
      {"label:", "lable:", "line 3: unknown key 'lable'; known keys: kind, name, purpose, label"},
      {"column: bad", "colum: bad", "line 3: unknown key 'colum' (label.colum); known keys: party"},
      {
        "{dataset: y}", "{data: y}", "line 6: unknown key 'data' (parties.b.data); known keys: data"
      },
      {"normalise:", "normalize:", "line 7: unknown key 'normalize' (match.0.0.normalize)"},
      {"training:", "trainings:", "line 8: unknown key 'trainings'; known keys"},
      {"[span]", "span", "line 8: training.accept: a list such as [a, b] is expected"},
      {
        "{level: gradients, accept: [span]}",
        "[x]",
        "line 8: training: a map of keys and values is expected"
      },
      {"accept: [span]", "max_passes: many", "training.max_passes: 'many' is not a whole number"},
      {"accept: [span]", "tolerance: 5%", "training.tolerance: '5%' is not a number"},
      {"name: n\n", "", "job.yaml: name is 1 to 63 letters"},
    };
    for (String[] mistake : mistakes) {
      String text = job.replace(mistake[0], mistake[1]);
      assertThatThrownBy(() -> JobSpec.yaml("job.yaml", text))
          .isInstanceOf(Problem.class)
          .hasMessageContaining(mistake[2])
          .hasMessageNotContaining("java");
    }
  }

  @Test
  void namesTheKeyAndTheLine() {
    refused(
        "name: a\nlisten: h:1\nlistne: x\n",
        "silo.yaml line 3: unknown key 'listne'",
        "known keys:",
        "patience");
    refused("name: a\nname: b\nlisten: h:1\n", "silo.yaml line 2", "name");
    refused("name: A_B\nlisten: h:1\n", "silo.yaml line 1", "name", "party name must match");
    refused("listen: h:1\n", "name is missing");
    refused("name: a\n", "listen is missing");
    refused("name: a\nlisten: h\n", "listen must be host:port, not 'h'");
    refused("name: a\nlisten: h:70000\n", "listen must be host:port");
    refused("name: a\nlisten: h:1\nurl: http://h\n", "url must be https://host[:port]");
    refused("name: a\nlisten: h:1\nurl: https://h/path\n", "url must be https://host[:port]");
    refused("name: a\nlisten: h:1\npatience: soon\n", "silo.yaml line 3", "patience");
    refused("name: a\nlisten: h:1\npatience: PT1S\n", "patience must be from PT10S to PT24H");
    refused("nam: a\nlisten: h:1\n", "silo.yaml line 1: unknown key 'nam'; known keys: name");
    refused("name: a\nlisten: h:1\npatience: soon\n", "'soon' is not a duration such as PT10M");
    refused("name: [\n", "silo.yaml line");
    refused("", "silo.yaml");
    refused("name: a\nlisten: h:1\n---\nname: b\n", "silo.yaml");
  }

  @Test
  void theDigestDependsOnTheContentOnly() {
    JsonNode one =
        Json.parse(
            "x", "{\"b\": [1.50, 1e3, 0.0, -0], \"a\": {\"y\": null, \"x\": \"\\u00e9\\n\"}}");
    JsonNode two = Json.parse("x", "{\"a\":{\"x\":\"é\\n\",\"y\":null},\"b\":[1.5,1000,0,0e5]}");
    assertThat(new String(Json.canonical(one), StandardCharsets.UTF_8))
        .isEqualTo("{\"a\":{\"x\":\"é\\n\",\"y\":null},\"b\":[1.5,1000,0,0]}");
    assertThat(Json.digest(one)).isEqualTo(Json.digest(two));
    assertThat(HexFormat.of().formatHex(Json.digest(Json.parse("x", "{\"a\":[1.0e-6,true,{}]}"))))
        .as("changes only with a new version of every signed document")
        .isEqualTo(hex("{\"a\":[0.000001,true,{}]}"));
    assertThat(Json.digest(Json.parse("x", "[1,2]")))
        .isNotEqualTo(Json.digest(Json.parse("x", "[2,1]")));
    assertThat(Json.digest(Json.parse("x", "[\"1\"]")))
        .isNotEqualTo(Json.digest(Json.parse("x", "[1]")));
    assertThat(Json.canonical(Json.parse("x", "4.9e-324"))).hasSize(327);
    // Encoded with a question mark it would have the digest of another text.
    assertThatThrownBy(() -> Json.canonical(Json.parse("x", "{\"a\": \"b\\ud800\"}")))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("half of a character");
    assertThat(Json.canonical(Json.parse("x", "\"\\ud83d\\ude00\""))).hasSize(6);
    assertThatThrownBy(() -> Json.canonical(Json.parse("x", "[1e999999999]")))
        .isInstanceOf(Problem.class)
        .hasMessage("a number has more than 400 digits");
  }

  private static String hex(String canonical) {
    return HexFormat.of()
        .formatHex(Digests.sha256().digest(canonical.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void jsonIsReadStrictly() {
    for (String bad :
        new String[] {"{\"a\":1,\"a\":2}", "{} {}", "[1,]", "{a:1}", "[1\n]]", "NaN", "'x'"}) {
      assertThatThrownBy(() -> Json.parse("document", bad))
          .as(bad)
          .isInstanceOf(Problem.class)
          .hasMessageStartingWith("document line ");
    }
    assertThatThrownBy(() -> Json.parse("document", "[".repeat(100)))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("nesting depth");
    assertThat(Json.parse("x", "0.1234567890123456789").decimalValue().toString())
        .isEqualTo("0.1234567890123456789");
  }

  @Test
  void theHomeIsPrivate() throws Exception {
    SiloHome home = new SiloHome(folder.resolve("home"));
    assertThatThrownBy(home::load).hasMessageStartingWith("no node in ");
    SiloHome.createFolder(home.root());
    SiloHome.createFile(home.config(), "name: a\nlisten: h:1\n".getBytes(StandardCharsets.UTF_8));
    assertThat(home.load().name().name()).isEqualTo("a");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home.root())))
        .isEqualTo("rwx------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home.config())))
        .isEqualTo("rw-------");
    assertThatThrownBy(() -> SiloHome.createFile(home.config(), new byte[0]))
        .isInstanceOf(java.nio.file.FileAlreadyExistsException.class);
    Files.write(home.config(), new byte[] {'n', (byte) 0xff});
    assertThatThrownBy(home::load).hasMessageContaining("as UTF-8 text");
  }

  @Test
  void aFileThatCannotBeReadIsSaidToBeSoAndWhy() throws IOException {
    Path none = folder.resolve("none");
    assertThatThrownBy(() -> Json.text(none)).hasMessage("no file " + none);
    Path loop = Files.createSymbolicLink(folder.resolve("loop"), folder.resolve("loop"));
    assertThatThrownBy(() -> Json.text(loop))
        .isInstanceOfSatisfying(
            Problem.class,
            problem -> {
              assertThat(problem.what()).isEqualTo("cannot read " + loop);
              assertThat(problem.detail().orElse("")).contains("symbolic links");
            });
    // Tests may run as root, to whom nothing is denied.
    Problem denied = Json.unreadable(none, new AccessDeniedException(none.toString()));
    assertThat(denied.what()).isEqualTo("cannot read " + none);
    assertThat(denied.detail().orElse(""))
        .startsWith("the account " + System.getProperty("user.name") + " may not read it");
    assertThat(denied.next()).contains("ls -ld " + folder + " " + none);
  }
}
