package org.espalier.psi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.espalier.psi.keys.KeySource;
import org.espalier.wire.memory.MemoryNetwork;

/** An alignment of two parties in a process with little heap. */
public final class SmallHeap {
  private SmallHeap() {}

  /** Rows that are computed when they are read. */
  public record Generated(int rows, int from) implements KeySource {
    @Override
    public void scan(List<String> columns, RowVisitor visitor) {
      String[] value = new String[1];
      for (int row = 0; row < rows; row++) {
        value[0] = "person number " + (from + row);
        visitor.row(row, value);
      }
    }
  }

  /**
   * Runs a program that calls {@link #child}.
   *
   * @param common how many people both have
   */
  public static void check(Class<?> program, int megabytes, int common, Path folder)
      throws Exception {
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + megabytes + "m",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                program.getName(),
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
    assertThat(said).contains("aligned " + common);
  }

  /**
   * The child process.
   *
   * @param shift by which a person's row is higher at the first party
   */
  public static void child(Parties run, int shift, String folder) throws Exception {
    run.network = new MemoryNetwork();
    List<Alignment> alignments = run.succeed(new File(folder).toPath());
    int[] here = alignments.get(0).rows();
    int[] there = alignments.get(1).rows();
    for (int i = 0; i < here.length; i++) {
      if (here[i] != there[i] + shift) {
        throw new IllegalStateException("place " + i + " holds two people");
      }
    }
    System.out.println("aligned " + here.length);
  }
}
