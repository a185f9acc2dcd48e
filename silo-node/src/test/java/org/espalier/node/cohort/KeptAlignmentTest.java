package org.espalier.node.cohort;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.espalier.psi.store.KeptParts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptAlignmentTest {
  private static final byte[] SUBJECT = new byte[32];

  @TempDir Path folder;

  private static void keep(KeptParts parts, int rule, String part, String content)
      throws IOException {
    parts.keep(rule, part, out -> out.write(content.getBytes(StandardCharsets.UTF_8)));
  }

  private static String read(KeptParts parts, int rule, String part) throws IOException {
    try (DataInputStream in = parts.open(rule, part).orElse(null)) {
      return in == null ? null : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void partsAreKeptForTheirJobAndDataSetUntilAllHaveTheCohort() throws Exception {
    Cohorts cohorts = new Cohorts(folder, new byte[32]);
    List<String> told = new ArrayList<>();
    KeptParts parts = cohorts.begun("J-00000001", SUBJECT, told::add);
    keep(parts, 0, "begun", "scalar");
    keep(parts, 0, "list-1-0", "points");
    keep(parts, 1, "begun", "another");
    keep(cohorts.begun("J-00000002", SUBJECT, told::add), 0, "begun", "of another job");
    assertThat(read(parts, 0, "begun")).isEqualTo("scalar");
    assertThat(read(parts, 0, "own")).isNull();

    byte[] changed = new byte[32];
    changed[0] = 1;
    KeptParts other = cohorts.begun("J-00000001", changed, told::add);
    assertThat(read(other, 0, "begun")).as("another data set").isNull();

    Path begun = folder.resolve("begun");
    Path file = begun.resolve("J-00000001.align-00-begun");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
        .doesNotContain("scalar");
    Files.copy(
        begun.resolve("J-00000002.align-00-begun"), begun.resolve("J-00000001.align-00-own"));
    assertThatThrownBy(() -> read(parts, 0, "own"))
        .as("a file in the place of another")
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was changed or is damaged");

    parts.forget(1);
    assertThat(read(parts, 1, "begun")).isNull();
    assertThat(read(parts, 0, "list-1-0")).isEqualTo("points");
    parts.goesOn(0, 1, 12_288);
    assertThat(told)
        .containsExactly(
            "the alignment of an earlier attempt goes on: 12,288 masked keys of rule 1 are here"
                + " already");

    cohorts.forgetOthers(Set.of("J-00000001"));
    assertThat(read(cohorts.begun("J-00000002", SUBJECT, told::add), 0, "begun")).isNull();
    cohorts.forgetBegun("J-00000001");
    try (var left = Files.list(begun)) {
      assertThat(left).isEmpty();
    }
  }
}
