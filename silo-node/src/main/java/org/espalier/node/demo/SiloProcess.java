package org.espalier.node.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.node.control.ControlClient;
import org.espalier.wire.Party;

/** A running node of the demonstration. */
record SiloProcess(Party party, SiloHome home, Process process) implements AutoCloseable {
  private static final Duration STARTING = Duration.ofSeconds(30);
  private static final Duration STOPPING = Duration.ofSeconds(10);
  private static final int LAST_LINES = 5;

  /** A port on loopback that nobody listened on a moment ago. */
  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Waits until the node answers.
   *
   * @throws Problem with the last lines that the node printed, if it ends or stays silent
   */
  void awaitReady() throws InterruptedException {
    ControlClient client = new ControlClient(home);
    long deadline = System.nanoTime() + STARTING.toNanos();
    while (!client.isRunning()) {
      boolean late = System.nanoTime() > deadline;
      if (late || process.waitFor(50, TimeUnit.MILLISECONDS)) {
        throw Problem.of(
                Problem.Kind.NODE_DOWN,
                late
                    ? "the node did not answer within " + STARTING.toSeconds() + " s"
                    : "the node ended at once with exit code " + process.exitValue())
            .at(party)
            .detail(lastLines());
      }
    }
  }

  private String lastLines() {
    List<String> lines = new ArrayList<>();
    for (Path file : List.of(home.console(), home.log())) {
      if (Files.isRegularFile(file)) {
        lines.addAll(Json.text(file).lines().toList());
      }
    }
    return String.join(" | ", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
  }

  /** Asks the process to end, without waiting for it. */
  void terminate() {
    process.destroy();
  }

  /** Ends the process, by force if it does not end within some seconds. */
  @Override
  public void close() {
    terminate();
    try {
      if (process.waitFor(STOPPING.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    process.destroyForcibly();
  }
}
