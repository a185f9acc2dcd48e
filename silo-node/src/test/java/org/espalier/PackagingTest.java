package org.espalier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
