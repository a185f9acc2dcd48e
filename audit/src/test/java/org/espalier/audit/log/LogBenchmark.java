package org.espalier.audit.log;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.espalier.audit.Logs;
import org.espalier.audit.event.Event;
import org.espalier.audit.event.EventType;
import org.espalier.audit.export.JobExport;
import org.espalier.audit.verify.Verification;

/** The figures in {@code docs/audit.md}. Takes a folder on the disk to be measured. */
public final class LogBenchmark {
  private LogBenchmark() {}

  public static void main(String[] args) throws Exception {
    Path folder = Files.createTempDirectory(Path.of(args[0]), "audit");
    warmUp(folder.resolve("warm"));
    single(folder.resolve("single"), 3_000);
    for (int threads : new int[] {8, 64}) {
      group(folder.resolve("group" + threads), threads, 20_000 / threads);
    }
    verification(folder.resolve("large"), 100_000);
  }

  private static void warmUp(Path log) throws IOException {
    try (AuditLog writer = Logs.open(log)) {
      Logs.fill(writer, 2_000);
      for (int i = 0; i < 300; i++) {
        event(writer, i);
      }
    }
    Logs.verify(log);
  }

  private static void single(Path log, int count) {
    long[] nanos = new long[count];
    long began = System.nanoTime();
    try (AuditLog writer = Logs.open(log)) {
      for (int i = 0; i < count; i++) {
        nanos[i] = event(writer, i);
      }
    }
    report("1 thread", nanos, System.nanoTime() - began);
  }

  private static void group(Path log, int threads, int each) throws InterruptedException {
    long[] nanos = new long[threads * each];
    long began = System.nanoTime();
    try (AuditLog writer = Logs.open(log)) {
      List<Thread> all = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int from = t * each;
        Thread thread =
            new Thread(
                () -> {
                  for (int i = 0; i < each; i++) {
                    nanos[from + i] = event(writer, i);
                  }
                });
        all.add(thread);
        thread.start();
      }
      for (Thread thread : all) {
        thread.join();
      }
    }
    report(threads + " threads", nanos, System.nanoTime() - began);
  }

  private static long event(AuditLog writer, int i) {
    long began = System.nanoTime();
    writer.fact(EventType.JOB_PROPOSED, e -> e.job("J-" + i % 50, 0, null).purpose("fraud"));
    return System.nanoTime() - began;
  }

  private static void report(String what, long[] nanos, long total) {
    Arrays.sort(nanos);
    System.out.printf(
        "append, %s: %d events, %.0f events/s, median %.2f ms, p99 %.2f ms, max %.1f ms%n",
        what,
        nanos.length,
        nanos.length / (total / 1e9),
        nanos[nanos.length / 2] / 1e6,
        nanos[nanos.length * 99 / 100] / 1e6,
        nanos[nanos.length - 1] / 1e6);
  }

  private static void verification(Path log, int count) throws IOException {
    Bulk.append(log, count);
    try (AuditLog writer = Logs.open(log)) {
      Logs.job(writer, "J-1");
    }
    Random random = new Random(1);
    for (int round = 0; round < 3; round++) {
      long began = System.nanoTime();
      Verification result = Logs.verify(log);
      double seconds = (System.nanoTime() - began) / 1e9;
      if (!result.ok()) {
        throw new IllegalStateException(String.join("\n", result.lines()));
      }
      System.out.printf(
          "verify: %d events in %.2f s, %.0f events/s%n",
          result.events(), seconds, result.events() / seconds);
    }
    long began = System.nanoTime();
    AuditLog writer = Logs.open(log);
    System.out.printf("open: %.2f s%n", (System.nanoTime() - began) / 1e9);
    began = System.nanoTime();
    Path file = log.resolveSibling("J-1-" + random.nextInt(1000) + ".zip");
    JobExport.write(
        writer, "J-1", file, Event.NOTHING_MORE, UnaryOperator.identity(), checkpoint -> null);
    System.out.printf("export of one job: %.2f s%n", (System.nanoTime() - began) / 1e9);
    writer.close();
  }
}
