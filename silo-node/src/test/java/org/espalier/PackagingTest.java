package org.espalier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files by which a node becomes a service. */
class PackagingTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Path UNIT = ROOT.resolve("configs/systemd/silo.service");
  private static final Path ANALYZE = Path.of("/usr/bin/systemd-analyze");

  @TempDir Path folder;

  private String analyze(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(ANALYZE.toString()));
    command.addAll(List.of(args));
    Path said = folder.resolve("said");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    String text = Files.readString(said, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as(text).isZero();
    return text;
  }

  @Test
  void systemdTakesTheUnitAndFindsItHardened() throws Exception {
    assumeTrue(Files.isExecutable(ANALYZE), "needs systemd-analyze: apt-get install systemd");
    String unit = Files.readString(UNIT);
    assertThat(unit).contains("ExecStart=/opt/espalier/bin/silo node start\n", "User=silo\n");
    // The program is where it is installed, which is not here.
    Path here = folder.resolve("silo.service");
    Files.writeString(here, unit.replace("/opt/espalier/bin/silo node start", "/bin/true"));
    assertThat(analyze("verify", here.toString())).doesNotContain("silo.service");
    analyze("security", "--offline=true", "--no-pager", "--threshold=20", here.toString());
  }

  /** As {@code node start --background} takes it; the unit and the container start it this way. */
  @Test
  void aNodeInTheForegroundHasTheHeapOfItsConfiguration() throws Exception {
    Files.createDirectories(folder.resolve("bin"));
    Files.createDirectories(folder.resolve("lib"));
    Path program = folder.resolve("bin/silo");
    Files.copy(Path.of("src/dist/bin/silo"), program);
    Path java = folder.resolve("bin/java");
    Files.writeString(java, "#!/bin/sh\necho \"$@\"\n");
    assertThat(java.toFile().setExecutable(true)).isTrue();
    for (String[] size :
        new String[][] {
          {"memory: 4GiB # of 16", "-Xmx3072m"},
          {"memory: \"768 MiB\"", "-Xmx576m"},
          {"name: bank.example", ""},
        }) {
      Files.writeString(folder.resolve("silo.yaml"), size[0] + "\n");
      assertThat(heap(program, Map.of())).isEqualTo(size[1]);
      assertThat(heap(program, Map.of("SILO_HEAP", "1g"))).isEqualTo("-Xmx1g");
    }
  }

  private String heap(Path program, Map<String, String> more) throws Exception {
    ProcessBuilder command =
        new ProcessBuilder("bash", program.toString(), "node", "start", "--home=" + folder);
    command.environment().remove("SILO_HEAP");
    command.environment().putAll(more);
    command.environment().put("JAVA_HOME", folder.toString());
    Process process = command.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    return Arrays.stream(said.split(" ", -1))
        .filter(option -> option.startsWith("-Xmx"))
        .findFirst()
        .orElse("");
  }

  @Test
  void theContainerHasNoPrivilegesAndRunsWhatTheUnitRuns() throws IOException {
    List<String> lines = Files.readAllLines(ROOT.resolve("Containerfile"));
    int user = lines.indexOf("USER 64242");
    assertThat(user).isPositive();
    assertThat(lines.subList(user, lines.size()))
        .contains("ENTRYPOINT [\"silo\"]", "CMD [\"node\", \"start\"]")
        .noneMatch(line -> line.startsWith("RUN ") || line.startsWith("USER root"));
    assertThat(lines).filteredOn(line -> line.startsWith("FROM ")).hasSize(2);
  }
}
