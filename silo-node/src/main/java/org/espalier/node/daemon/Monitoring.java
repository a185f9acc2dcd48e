package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.espalier.audit.log.AuditLog;
import org.espalier.node.Build;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.data.Datasets;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.job.JobCensus;
import org.espalier.node.link.Links;
import org.espalier.node.metrics.Readings;
import org.espalier.node.policy.Rulebook;
import org.espalier.node.serve.Servings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What monitoring systems may know of a running node. */
record Monitoring(
    SiloHome home,
    Instant started,
    NodeIdentity identity,
    Links links,
    JobCensus census,
    Function<String, Optional<? extends JsonNode>> progress,
    AuditLog log,
    AuditJournal journal,
    Datasets datasets,
    Servings servings) {
  private static final Logger LOG = LoggerFactory.getLogger(Monitoring.class);

  Readings readings() {
    List<Readings.Running> running = new ArrayList<>();
    for (String job : census.running()) {
      progress.apply(job).ifPresent(at -> running.add(new Readings.Running(job, at)));
    }
    long free = -1;
    long size = -1;
    try {
      FileStore disk = Files.getFileStore(home.root());
      free = disk.getUsableSpace();
      size = disk.getTotalSpace();
    } catch (IOException e) {
      LOG.warn("the disk cannot be examined", e);
    }
    return new Readings(
        Build.version(),
        started,
        identity.certificateEnds(),
        readiness(),
        Rulebook.halted(home).isPresent(),
        links.statuses(),
        census.states(),
        census.waitForApproval(),
        running,
        log.size(),
        bytes(home.audit()),
        witnessed(),
        datasets.list().size(),
        free,
        size,
        servings.status());
  }

  /** What must be all right for the node to do work. */
  Map<String, Boolean> readiness() {
    Map<String, Boolean> checks = new LinkedHashMap<>();
    checks.put("audit", journal.writable());
    checks.put("database", census.answers());
    checks.put("links", links.port() > 0);
    return checks;
  }

  private Map<String, Instant> witnessed() {
    Map<String, Instant> times = new TreeMap<>();
    try {
      for (JsonNode partner : Witnesses.view(home).path("partners")) {
        if (partner.hasNonNull("time")) {
          times.put(partner.path("partner").asText(), Instant.parse(partner.path("time").asText()));
        }
      }
    } catch (Problem e) {
      LOG.warn("what witnesses signed cannot be read", e);
    }
    return times;
  }

  private static long bytes(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.mapToLong(Monitoring::size).sum();
    } catch (IOException | UncheckedIOException e) {
      return -1;
    }
  }

  private static long size(Path file) {
    try {
      return Files.isRegularFile(file) ? Files.size(file) : 0;
    } catch (NoSuchFileException moved) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
