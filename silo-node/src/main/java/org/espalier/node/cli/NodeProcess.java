package org.espalier.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.MemorySize;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlClient;

/** A node in a Java virtual machine of its own, which outlives the command that starts it. */
public final class NodeProcess {
  private static final Duration POLL = Duration.ofMillis(50);
  private static final int TAIL_BYTES = 4096;
  private static final String WHAT = "silo: ";
  private static final String WHY = "why:";
  private static final String NEXT = "next:";

  private NodeProcess() {}

  /**
   * Starts a node on this process's class path; what the virtual machine prints goes to {@link
   * SiloHome#console()}.
   *
   * @param env {@code SILO_HEAP} is the largest heap, such as {@code 4g}, whatever silo.yaml says
   *     of memory; {@code SILO_JAVA_OPTS} more options of Java, separated by spaces
   */
  public static Process spawn(SiloHome home, Map<String, String> env) throws IOException {
    List<String> command = new ArrayList<>();
    // A session of its own: closing the terminal or Ctrl-C must not reach the node.
    for (String setsid : List.of("/usr/bin/setsid", "/bin/setsid")) {
      if (command.isEmpty() && Files.isExecutable(Path.of(setsid))) {
        command.add(setsid);
      }
    }
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:-UsePerfData"); // else Java changes into a folder below /tmp
    String heap = env.getOrDefault("SILO_HEAP", "").strip();
    MemorySize memory = home.exists() ? home.load().memory() : null;
    if (!heap.isEmpty()) {
      command.add("-Xmx" + heap);
    } else if (memory != null) {
      command.add("-Xmx" + memory.heap());
    }
    if (Runtime.version().feature() >= 22) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    for (String option : env.getOrDefault("SILO_JAVA_OPTS", "").strip().split("\\s+", -1)) {
      if (!option.isEmpty()) {
        command.add(option);
      }
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Silo.class.getName()));
    command.addAll(List.of("node", "start", "--home", home.root().toString()));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectOutput(home.console().toFile())
        .start();
  }

  /**
   * Waits until the node answers.
   *
   * @return its status
   * @throws Problem with the node's last words if it ends or stays silent
   */
  public static JsonNode await(Process process, SiloHome home, Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    ControlClient client = new ControlClient(home);
    while (process.isAlive() && System.nanoTime() < deadline) {
      if (client.isRunning()) {
        return client.call("status", Json.object(), event -> {});
      }
      try {
        Thread.sleep(POLL.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw Problem.wrongState("interrupted while the node was starting").because(e);
      }
    }
    if (process.isAlive()) {
      throw Problem.of(
              Problem.Kind.NODE_DOWN,
              "the node did not answer within " + patience.toSeconds() + " s")
          .detail(String.join(" | ", lastWords(home)))
          .next("less " + home.log());
    }
    throw ended(process.exitValue(), lastWords(home), home);
  }

  /** What {@link Console#problem} printed in the node's process, as the problem that it was. */
  private static Problem ended(int exitCode, List<String> words, SiloHome home) {
    String what = "the node ended while it was starting (exit code " + exitCode + ")";
    Problem problem =
        Problem.of(Problem.Kind.NODE_DOWN, what)
            .detail(words.isEmpty() ? "it said nothing" : String.join(" | ", words))
            .next("less " + home.log());
    for (Problem.Kind kind : Problem.Kind.values()) {
      int said = words.size() - 1;
      while (said >= 0 && !words.get(said).startsWith(WHAT)) {
        said--;
      }
      if (kind.exitCode() == exitCode && said >= 0) {
        problem =
            Problem.of(kind, words.get(said).substring(WHAT.length()) + "; the node did not start")
                .next("less " + home.log());
        for (String line : words.subList(said + 1, words.size())) {
          problem = line.startsWith(WHY) ? problem.detail(after(WHY, line)) : problem;
          problem = line.startsWith(NEXT) ? problem.next(after(NEXT, line)) : problem;
        }
      }
    }
    return problem;
  }

  private static String after(String mark, String line) {
    return line.substring(mark.length()).strip();
  }

  /** The last lines that the node's process printed. */
  private static List<String> lastWords(SiloHome home) {
    try (InputStream in = Files.newInputStream(home.console())) {
      long size = Files.size(home.console());
      in.skipNBytes(Math.max(0, size - TAIL_BYTES));
      String text = new String(in.readNBytes(TAIL_BYTES), StandardCharsets.UTF_8);
      List<String> lines = text.lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
      return lines.subList(Math.max(0, lines.size() - 3), lines.size());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
