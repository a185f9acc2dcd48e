package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.espalier.psi.Alignment;
import org.espalier.psi.keys.KeySource;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two parties with 200,000 rows each in one heap: four bins each, nothing of an object per element.
 */
class MemoryTest {
  private static final int ROWS = 200_000;
  private static final int COMMON = 50_000;

  @TempDir Path folder;

  @Test
  @Timeout(300)
  void twoHundredThousandRowsInAHeapOf96Megabytes() throws Exception {
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx96m",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                MemoryTest.class.getName(),
                Files.createDirectory(folder.resolve("lists")).toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(280, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    String said = Files.readString(output, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as(said).isZero();
    assertThat(said).contains("aligned " + COMMON);
  }

  /** Rows that are computed when they are read. */
  private record Generated(int from) implements KeySource {
    @Override
    public int rows() {
      return ROWS;
    }

    @Override
    public void scan(List<String> columns, RowVisitor visitor) {
      String[] value = new String[1];
      for (int row = 0; row < ROWS; row++) {
        value[0] = "person number " + (from + row);
        visitor.row(row, value);
      }
    }
  }

  /** The child process. */
  public static void main(String[] args) throws Exception {
    Run run = new Run(new Generated(0), new Generated(ROWS - COMMON));
    run.network = new MemoryNetwork();
    List<Alignment> alignments = run.succeed(new File(args[0]).toPath());
    int[] here = alignments.get(0).rows();
    int[] there = alignments.get(1).rows();
    for (int i = 0; i < here.length; i++) {
      if (here[i] != there[i] + ROWS - COMMON) {
        throw new IllegalStateException("place " + i + " holds two people");
      }
    }
    System.out.println("aligned " + here.length);
  }
}
