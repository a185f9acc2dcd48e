package org.espalier.audit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.audit.event.Actor;
import org.espalier.audit.event.EventBuilder;
import org.espalier.audit.event.EventType;
import org.espalier.audit.log.AuditLog;
import org.espalier.audit.log.Intent;
import org.espalier.audit.log.LogSettings;
import org.espalier.audit.log.LoggedEvent;
import org.espalier.audit.verify.TrustedKey;
import org.espalier.audit.verify.Verification;
import org.espalier.audit.verify.Verifier;

/** Logs for tests. */
public final class Logs {
  public static final String ORIGIN = "hospital-a.example/silo/audit/1";
  public static final NoteSigner SIGNER =
      NoteSigner.of(ORIGIN, NoteSigner.Use.LOG, NoteSigner.generateKeys());
  public static final TrustedKey KEY = TrustedKey.parse(SIGNER.vkey());

  /** What stands for a person. */
  public static final String PERSON = "hmac-sha256:" + "7".repeat(64);

  private static final String DIGEST = EventBuilder.sha256(new byte[] {1});

  private Logs() {}

  public static LogSettings settings(Path directory) {
    return new LogSettings(directory, Clock.systemUTC(), 64 << 10, Duration.ofSeconds(30));
  }

  public static AuditLog open(Path directory) {
    return AuditLog.open(settings(directory), SIGNER);
  }

  public static Verification verify(Path path) {
    return verify(path, null);
  }

  public static Verification verify(Path path, Path state) {
    try {
      Verifier verifier = Verifier.trusting(KEY);
      return (state == null ? verifier : verifier.remembering(state)).verify(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One job from proposal to receipt: 12 events. */
  public static void job(AuditLog log, String id) {
    log.fact(
        EventType.JOB_PROPOSED,
        e -> e.job(id, 0, DIGEST).actor(Actor.of(Actor.Kind.HUMAN, PERSON, "unix-socket")));
    log.fact(
        EventType.JOB_APPROVED,
        e -> e.job(id, 0, DIGEST).personApproval(PERSON, "approved", "c2ln"));
    try (Intent run = log.intent(EventType.JOB_STARTED, e -> e.job(id, 1, DIGEST))) {
      for (String step : new String[] {"align", "train"}) {
        Intent phase =
            log.intent(
                EventType.PHASE_STARTED,
                e ->
                    e.job(id, 1, DIGEST)
                        .step(step)
                        .protocol("glm", "1", "bfgs", Map.of("l2", "0.1", "passes", 15)));
        phase.ok(e -> e.transcripts(Map.of("bank-b", DIGEST)).traffic(1000, 2000));
      }
      log.intent(
              EventType.REVEAL,
              e ->
                  e.job(id, 1, DIGEST)
                      .output("model_slice", DIGEST, "100-199", 12, List.of("bank-b"))
                      .recipients(List.of("bank-b")))
          .ok();
      run.ok();
    }
    log.fact(
        EventType.RECEIPT,
        e -> e.job(id, 1, DIGEST).partner("bank-b", DIGEST, "DE").receipt(DIGEST));
    log.fact(
        EventType.REQUEST_DENIED,
        e -> e.rule("partner.unknown").requests(3, 60_000).job(id, 0, null));
  }

  /** Appends {@code count} events from a few threads at once. */
  public static void fill(AuditLog log, int count) {
    ExecutorService pool = Executors.newFixedThreadPool(Math.min(count, 32));
    try {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        all.add(pool.submit(() -> log.fact(EventType.NODE_STOPPED, e -> e.reason("test"))));
      }
      for (Future<?> one : all) {
        one.get();
      }
    } catch (Exception e) {
      throw new AssertionError(e);
    } finally {
      pool.shutdownNow();
    }
  }

  /** Removes what can be removed before an index. */
  public static AuditLog.Pruned prune(AuditLog log, long before, Predicate<LoggedEvent> stays)
      throws IOException {
    return log.prune(before, stays, e -> e.reason("retention.expired"));
  }

  /** A random history: jobs, single events, checkpoints, restarts, acts left open, pruning. */
  public static long honest(Path directory, Random random) throws IOException {
    int runs = 1 + random.nextInt(3);
    for (int run = 0; run < runs; run++) {
      try (AuditLog log = open(directory)) {
        log.concludeInterrupted();
        log.fact(EventType.NODE_STARTED, e -> e.node("hospital-a", DIGEST, DIGEST, null));
        int steps = random.nextInt(6);
        for (int step = 0; step < steps; step++) {
          switch (random.nextInt(6)) {
            case 0 -> job(log, "J-" + random.nextInt(1000));
            case 1 -> log.checkpoint();
            case 2 -> fill(log, 1 + random.nextInt(random.nextInt(10) == 0 ? 600 : 20));
            case 3 -> prune(log, log.size(), event -> event.job().isEmpty());
            case 4 ->
                log.intent(
                    EventType.COMMAND,
                    e ->
                        e.actor(Actor.of(Actor.Kind.HUMAN, PERSON, "unix-socket"))
                            .command("job run", Map.of("job", "J-1")));
            default -> log.fact(EventType.NODE_STOPPED, e -> e.reason("test"));
          }
        }
        if (random.nextBoolean()) {
          log.checkpoint();
        }
      }
    }
    try (AuditLog log = open(directory)) {
      return log.size();
    }
  }

  public static Path copy(Path from, Path to) {
    try {
      Files.walkFileTree(
          from,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes a)
                throws IOException {
              Files.createDirectories(to.resolve(from.relativize(folder).toString()));
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes a) throws IOException {
              Files.copy(
                  file,
                  to.resolve(from.relativize(file).toString()),
                  StandardCopyOption.REPLACE_EXISTING);
              return FileVisitResult.CONTINUE;
            }
          });
      return to;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void delete(Path directory) throws IOException {
    try (var all = Files.walk(directory)) {
      List<Path> paths = new ArrayList<>(all.toList());
      for (int i = paths.size() - 1; i >= 0; i--) {
        Files.delete(paths.get(i));
      }
    }
  }

  /** The files of an archive by name, in its order. */
  public static Map<String, byte[]> unzip(Path archive) throws IOException {
    Map<String, byte[]> content = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(archive.toFile())) {
      for (ZipEntry entry : Collections.list(zip.entries())) {
        try (var in = zip.getInputStream(entry)) {
          content.put(entry.getName(), in.readAllBytes());
        }
      }
    }
    return content;
  }

  /** Makes an archive of these. */
  public static Path zip(Map<String, byte[]> content, Path archive) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(archive))) {
      for (Map.Entry<String, byte[]> entry : content.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    }
    return archive;
  }

  public static List<Path> files(Path directory) throws IOException {
    try (var all = Files.walk(directory)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }
}
