package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.Intent;
import org.espalier.audit.log.LogSettings;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;

/**
 * The audit log on the disk of this folder: durable appends one after the other and of many threads
 * at once, beside a bare write that the disk is made to keep, and the verification of what was
 * written.
 */
final class AuditBenchmark {
  private static final String ORIGIN = "bank.example/silo/audit/1";
  private static final String DIGEST = EventBuilder.sha256(new byte[] {1});

  /** Like an event. */
  private static final int BYTES = 500;

  private static final double APPEND_MILLIS = 10;
  private static final double APPENDS = 1000;
  private static final double VERIFIED = 100_000;
  private static final int ROUNDS = 5;

  /**
   * @param single appends one after the other
   * @param events of the log that is verified
   */
  record Settings(int single, int events, int threads) {}

  /** Times in milliseconds. */
  record Appends(
      String what, int threads, int events, double perSecond, double p50, double p99, double max) {}

  /**
   * @param perCoreSecond events for a second of the thread that checks
   */
  record Verified(long events, double seconds, double perSecond, double perCoreSecond) {}

  private AuditBenchmark() {}

  /**
   * @return whether the goals of appends and verification are met
   */
  static boolean run(Settings settings, Path folder, boolean asJson, PrintStream out)
      throws IOException {
    Machine machine = Machine.now();
    PrintStream shown = asJson ? System.err : out;
    shown.println(machine);
    SiloProcesses.fresh(folder);
    NoteSigner signer = NoteSigner.of(ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
    List<Appends> appends = new ArrayList<>();
    List<Verified> verified = new ArrayList<>();
    Path log = folder.resolve("log");
    try (AuditLog writer = open(folder.resolve("warm"), signer)) {
      append("warm-up", writer, settings.threads(), settings.single());
    }
    appends.add(bare(folder.resolve("bare"), settings.single()));
    try (AuditLog writer = open(log, signer)) {
      appends.add(append("one after the other", writer, 1, settings.single()));
      appends.add(append("at once", writer, settings.threads(), settings.events()));
    }
    appends.forEach(one -> shown.println(text(one)));
    for (int round = 0; round < ROUNDS; round++) {
      verified.add(verify(log, TrustedKey.parse(signer.vkey())));
      shown.println(text(verified.get(round)));
    }
    List<Limit> limits =
        List.of(
            new Limit("p99 of a durable append, ms", APPEND_MILLIS, appends.get(1).p99()),
            // Of rates the least is asked for, hence seconds an event.
            new Limit(
                "ms an event, many at once", 1000 / APPENDS, 1000 / appends.get(2).perSecond()),
            new Limit(
                "µs a verified event on a core, the median round",
                1e6 / VERIFIED,
                1e6 / median(verified)));
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "audit");
      json.set("machine", mapper.valueToTree(machine));
      json.set("appends", mapper.valueToTree(appends));
      json.set("verified", mapper.valueToTree(verified));
      json.set("limits", mapper.valueToTree(limits));
      out.println(json.toPrettyString());
    } else {
      limits.forEach(
          limit ->
              out.printf(
                  Locale.ROOT,
                  "%s: %.2f of %.2f%n",
                  limit.what(),
                  limit.measured(),
                  limit.limit()));
    }
    return limits.stream().allMatch(Limit::met);
  }

  private static AuditLog open(Path folder, NoteSigner signer) {
    return AuditLog.open(
        new LogSettings(folder, Clock.systemUTC(), 64 << 10, Duration.ofSeconds(30)), signer);
  }

  /** What the disk takes for a write alone. */
  private static Appends bare(Path file, int count) throws IOException {
    long[] nanos = new long[count];
    long start = System.nanoTime();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (int i = 0; i < count; i++) {
        long began = System.nanoTime();
        int written = channel.write(ByteBuffer.allocate(BYTES));
        channel.force(false);
        nanos[i] = System.nanoTime() - began;
        if (written != BYTES) {
          throw new IOException("the disk is full");
        }
      }
    }
    return appends("bare write", 1, nanos, System.nanoTime() - start);
  }

  private static Appends append(String what, AuditLog writer, int threads, int count) {
    long[] nanos = new long[count];
    AtomicReference<RuntimeException> failed = new AtomicReference<>();
    List<Thread> all = new ArrayList<>();
    long start = System.nanoTime();
    for (int t = 0; t < threads; t++) {
      int first = t;
      Thread thread =
          new Thread(
              () -> {
                try {
                  for (int i = first; i < count; i += threads) {
                    long began = System.nanoTime();
                    event(writer, i);
                    nanos[i] = System.nanoTime() - began;
                  }
                } catch (RuntimeException e) {
                  failed.compareAndSet(null, e);
                }
              });
      all.add(thread);
      thread.start();
    }
    try {
      for (Thread thread : all) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    long took = System.nanoTime() - start;
    if (failed.get() != null) {
      throw failed.get();
    }
    return appends(what, threads, nanos, took);
  }

  /** As a job leaves them: one of four is the intent of a phase with what it is to run. */
  private static void event(AuditLog writer, int i) {
    String job = "J-%08x".formatted(i % 500);
    if (i % 4 != 0) {
      writer.fact(EventType.JOB_PROPOSED, e -> e.job(job, 0, DIGEST).purpose("fraud"));
      return;
    }
    Intent phase =
        writer.intent(
            EventType.PHASE_STARTED,
            e ->
                e.job(job, 1, DIGEST)
                    .step("train")
                    .protocol("glm", "1", "subspace", Map.of("l2", "0.1", "passes", 15)));
    phase.ok(e -> e.transcripts(Map.of("clinic.example", DIGEST)).traffic(1000, 2000));
  }

  private static Appends appends(String what, int threads, long[] nanos, long took) {
    Arrays.sort(nanos);
    return new Appends(
        what,
        threads,
        nanos.length,
        Math.round(nanos.length / (took / 1e9)),
        ScoreLoad.quantile(nanos, 0.5),
        ScoreLoad.quantile(nanos, 0.99),
        ScoreLoad.quantile(nanos, 1));
  }

  private static Verified verify(Path log, TrustedKey key) throws IOException {
    var thread = ManagementFactory.getThreadMXBean();
    long wall = System.nanoTime();
    long core = thread.getCurrentThreadCpuTime();
    Verification result = Verifier.trusting(key).verify(log);
    double coreSeconds = (thread.getCurrentThreadCpuTime() - core) / 1e9;
    double seconds = (System.nanoTime() - wall) / 1e9;
    if (!result.ok()) {
      throw new Workers.Failed(String.join("\n", result.lines()));
    }
    return new Verified(
        result.events(),
        seconds,
        Math.round(result.events() / seconds),
        Math.round(result.events() / coreSeconds));
  }

  private static double median(List<Verified> rounds) {
    return rounds.stream().mapToDouble(Verified::perCoreSecond).sorted().toArray()[ROUNDS / 2];
  }

  private static String text(Appends one) {
    return String.format(
        Locale.ROOT,
        "%-20s %3d threads, %6d events: %6.0f a second, p50 %.2f ms, p99 %.2f ms, max %.1f ms",
        one.what(),
        one.threads(),
        one.events(),
        one.perSecond(),
        one.p50(),
        one.p99(),
        one.max());
  }

  private static String text(Verified one) {
    return String.format(
        Locale.ROOT,
        "verified %d events in %.2f s, %.0f a second, %.0f a second of a core",
        one.events(),
        one.seconds(),
        one.perSecond(),
        one.perCoreSecond());
  }
}
