package org.espalier.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The processes of one run, one a party. They speak to the benchmark by lines on standard output
 * and input; closing ends those that still run.
 */
final class Workers implements AutoCloseable {
  /** A run that did not end well, in words. */
  static final class Failed extends RuntimeException {
    Failed(String message) {
      super(message);
    }
  }

  private record Worker(String name, Process process, Thread reader, BlockingQueue<String> lines) {
    /** Has said all that it will ever say, and all of that was taken. */
    boolean silent() {
      return !process.isAlive() && !reader.isAlive() && lines.isEmpty();
    }
  }

  private final List<Worker> workers = new ArrayList<>();
  private final long deadline;
  private final Duration limit;

  Workers(Duration limit) {
    this.limit = limit;
    deadline = System.nanoTime() + limit.toNanos();
  }

  /** How processes are bound to cores. */
  static List<String> pinned(boolean pin, int core, List<String> command) {
    if (!pin) {
      return command;
    }
    List<String> all = new ArrayList<>(List.of("taskset", "-c", String.valueOf(core)));
    all.addAll(command);
    return all;
  }

  /** Whether processes can be bound to two different cores. */
  static boolean canPin() {
    try {
      Process probe =
          new ProcessBuilder("taskset", "-c", "1", "true")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return probe.waitFor() == 0;
    } catch (IOException noSuchProgram) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /**
   * @param errors where standard error goes; null: to the benchmark's own
   * @return the number of the worker in later calls
   */
  int start(String name, List<String> command, Path errors) throws IOException {
    return start(name, command, errors, null);
  }

  /**
   * @param directory where the process works; null: where the benchmark does
   */
  int start(String name, List<String> command, Path errors, Path directory) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    if (directory != null) {
      builder.directory(directory.toFile());
    }
    builder.redirectError(
        errors == null
            ? ProcessBuilder.Redirect.INHERIT
            : ProcessBuilder.Redirect.to(errors.toFile()));
    Process process = builder.start();
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Thread reader = new Thread(() -> readLines(process, lines), "output of " + name);
    reader.setDaemon(true);
    reader.start();
    workers.add(new Worker(name, process, reader, lines));
    return workers.size() - 1;
  }

  private static void readLines(Process process, BlockingQueue<String> lines) {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        lines.add(line);
      }
    } catch (IOException gone) {
      // The process has ended; its exit status says how.
    }
  }

  /**
   * Waits for a line that begins so, and skips others.
   *
   * @return what follows
   * @throws Failed if a process fails or the time limit passes first
   */
  String await(int worker, String prefix) {
    while (true) {
      String line = poll(workers.get(worker).lines);
      if (line != null && line.startsWith(prefix)) {
        return line.substring(prefix.length());
      }
      if (line == null) {
        requireHealthy(worker, prefix);
      }
    }
  }

  /** Writes a line to a worker's standard input. */
  void tell(int worker, String line) {
    try {
      var out = workers.get(worker).process.getOutputStream();
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until all have ended well. */
  void join() {
    for (int w = 0; w < workers.size(); w++) {
      while (workers.get(w).process.isAlive()) {
        poll(workers.get(w).lines);
        requireHealthy(w, null);
      }
      requireHealthy(w, null);
    }
  }

  private static String poll(BlockingQueue<String> lines) {
    try {
      return lines.poll(50, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failed("interrupted");
    }
  }

  private void requireHealthy(int waitingFor, String line) {
    for (Worker worker : workers) {
      if (!worker.process.isAlive() && worker.process.exitValue() != 0) {
        throw new Failed(worker.name + " failed with status " + worker.process.exitValue());
      }
    }
    Worker awaited = workers.get(waitingFor);
    if (line != null && awaited.silent()) {
      throw new Failed(awaited.name + " ended without saying '" + line.trim() + "'");
    }
    if (System.nanoTime() > deadline) {
      throw new Failed("the limit of " + limit.toSeconds() + " s has passed");
    }
  }

  @Override
  public void close() {
    for (Worker worker : workers) {
      worker.process.destroyForcibly();
    }
    for (Worker worker : workers) {
      worker.process.onExit().join();
    }
  }
}
