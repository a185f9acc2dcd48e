package org.espalier.node.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.espalier.node.link.LinkStatus;

/**
 * The node's metrics. Everything but the times of appends is read when it is asked for. Values of
 * labels are bounded: partners are those in this node's own book, states and phases are the
 * program's own words, jobs are named only while they run, and of what a partner says of itself
 * only short versions in plain letters are shown, and few of them.
 */
public final class NodeMetrics {
  /** Jobs that run are named in labels, so many at most. */
  static final int MAX_RUNNING = 32;

  /** Versions of one partner that have labels of their own, until the node is started again. */
  static final int MAX_VERSIONS = 8;

  private static final double MILLI = 1e-3;
  private static final double NANO = 1e-9;
  private static final String PLAIN_VERSION = "[0-9A-Za-z.+_-]{1,32}";
  private static final String PLAIN_WORD = "[a-z0-9._-]{1,32}";
  private static final String OTHER = "other";

  private final Supplier<Readings> readings;
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Histogram appends;

  /** By partner, what it said first. */
  private final Map<String, Set<String>> versions = new HashMap<>();

  /**
   * @param readings taken at each scrape, by its thread
   */
  public NodeMetrics(Supplier<Readings> readings) {
    this.readings = readings;
    this.appends =
        Histogram.builder()
            .name("silo_audit_append_seconds")
            .help("Time until an event of the audit log was durable.")
            .classicOnly()
            .classicUpperBounds(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
            .register(registry);
    JvmMetrics.builder().register(registry);
    registry.register(this::collect);
  }

  /** Takes how long an append to the audit log took. */
  public void appended(long nanos) {
    appends.observe(nanos * NANO);
  }

  /** All metrics in Prometheus' text format. */
  public byte[] text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 14);
    try {
      PrometheusTextFormatWriter.create()
          .write(out, registry.scrape(), EscapingScheme.UNDERSCORE_ESCAPING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private MetricSnapshots collect() {
    Readings now = readings.get();
    Families all = new Families();
    all.gauge("silo_build_info", "The program.").add(1, "version", now.version());
    all.gauge("silo_start_time_seconds", "When the node was started, Unix time.")
        .add(unix(now.started()));
    all.gauge("silo_certificate_expiry_timestamp_seconds", "When the TLS certificate ends.")
        .add(unix(now.certificateEnds()));
    all.gauge("silo_datasets", "Data sets registered here.").add(now.datasets());
    all.gauge("silo_disk_free_bytes", "What the node may still write in its folder.")
        .add((double) now.diskFree());
    all.gauge("silo_disk_size_bytes", "Size of the file system with the node's folder.")
        .add((double) now.diskSize());
    Gauge ready = all.gauge("silo_ready", "1 where what the node needs for work is all right.");
    now.ready().forEach((check, fine) -> ready.add(fine ? 1 : 0, "check", check));
    all.gauge("silo_halted", "1 while silo halt holds everything up.").add(now.halted() ? 1 : 0);
    links(all, now.links());
    jobs(all, now);
    audit(all, now);
    scoring(all, now.scoring());
    return new MetricSnapshots(all.snapshots());
  }

  private void links(Families all, List<LinkStatus> links) {
    Gauge up = all.gauge("silo_link_up", "1 where the link with a confirmed partner works.");
    Gauge since =
        all.gauge(
            "silo_link_state_changed_timestamp_seconds", "When the link came into its state.");
    Gauge news = all.gauge("silo_link_last_news_age_seconds", "Age of the last thing heard.");
    Gauge rtt = all.gauge("silo_link_round_trip_seconds", "The latest round trip, with queues.");
    Gauge skew =
        all.gauge("silo_link_clock_skew_seconds", "The partner's clock minus this node's.");
    Gauge version = all.gauge("silo_link_peer_info", "The partner's program.");
    Gauge protocol = all.gauge("silo_link_protocol", "The protocol version that was agreed.");
    Counter sent = all.counter("silo_link_sent_bytes", "Sent to a partner, without TLS.");
    Counter received =
        all.counter("silo_link_received_bytes", "Received from a partner, without TLS.");
    for (LinkStatus link : links) {
      String partner = link.partner().name();
      up.add(link.connected() ? 1 : 0, "partner", partner);
      since.add(unix(link.since()), "partner", partner);
      link.lastNews().ifPresent(age -> news.add(seconds(age), "partner", partner));
      link.rtt().ifPresent(trip -> rtt.add(seconds(trip), "partner", partner));
      link.clockSkew().ifPresent(by -> skew.add(seconds(by), "partner", partner));
      link.peerVersion()
          .ifPresent(said -> version.add(1, "partner", partner, "version", version(partner, said)));
      link.protocol().ifPresent(number -> protocol.add(number, "partner", partner));
      sent.add((double) link.bytesSent(), "partner", partner);
      received.add((double) link.bytesReceived(), "partner", partner);
    }
  }

  /** A partner may say another version with each connection, and each one would be a series. */
  private synchronized String version(String partner, String said) {
    if (!said.matches(PLAIN_VERSION)) {
      return OTHER;
    }
    Set<String> known = versions.computeIfAbsent(partner, p -> new HashSet<>());
    boolean shown = known.contains(said) || (known.size() < MAX_VERSIONS && known.add(said));
    return shown ? said : OTHER;
  }

  private static void jobs(Families all, Readings now) {
    Gauge states = all.gauge("silo_jobs", "Jobs by state.");
    now.jobs().forEach((state, count) -> states.add(count, "state", state));
    all.gauge("silo_jobs_waiting_for_approval", "Proposals on which this node has not decided.")
        .add(now.waitForApproval());
    Gauge progress =
        all.gauge("silo_job_phase_progress_ratio", "How much of its present step is done.");
    Gauge eta = all.gauge("silo_job_eta_seconds", "Estimated time to the end of the step.");
    Gauge elapsed = all.gauge("silo_job_elapsed_seconds", "Time since the attempt began.");
    Gauge news = all.gauge("silo_job_partner_news_age_seconds", "Age of a partner's last news.");
    now.running().stream()
        .limit(MAX_RUNNING)
        .forEach(
            running -> {
              JsonNode at = running.progress();
              String job = running.job();
              String phase = word(at.path("phase").asText());
              double total = at.path("total").asDouble(-1);
              progress.add(
                  total > 0 ? Math.min(1, at.path("done").asDouble() / total) : 0,
                  "job",
                  job,
                  "phase",
                  phase);
              elapsed.add(at.path("elapsed_seconds").asDouble(), "job", job);
              if (at.path("eta_seconds").isNumber()) {
                eta.add(at.path("eta_seconds").asDouble(), "job", job);
              }
              at.path("partners")
                  .properties()
                  .forEach(
                      partner ->
                          news.add(
                              partner.getValue().path("news_age_seconds").asDouble(),
                              "job",
                              job,
                              "partner",
                              partner.getKey()));
            });
  }

  private static void audit(Families all, Readings now) {
    all.counter("silo_audit_events", "Durable events of the audit log.")
        .add((double) now.auditEvents());
    all.gauge("silo_audit_log_bytes", "Size of the audit log's folder.")
        .add((double) now.auditBytes());
    Gauge witnessed =
        all.gauge(
            "silo_audit_witnessed_timestamp_seconds",
            "When a partner last signed how far this node's log has come.");
    now.witnessed().forEach((partner, at) -> witnessed.add(unix(at), "partner", partner));
  }

  private static void scoring(Families all, JsonNode scoring) {
    all.gauge("silo_servings", "Models that are served here.")
        .add(scoring.path("serving").asDouble());
    Counter requests = all.counter("silo_scoring_requests", "Requests for scores by outcome.");
    for (Map.Entry<String, JsonNode> outcome : scoring.path("requests").properties()) {
      requests.add(outcome.getValue().asDouble(), "outcome", word(outcome.getKey()));
    }
    List<Double> bounds = new ArrayList<>();
    List<Long> counts = new ArrayList<>();
    long before = 0;
    for (JsonNode bucket : scoring.path("latency_ms").path("buckets")) {
      JsonNode bound = bucket.path("le");
      bounds.add(bound.isNumber() ? bound.asDouble() * MILLI : Double.POSITIVE_INFINITY);
      counts.add(bucket.path("count").asLong() - before);
      before = bucket.path("count").asLong();
    }
    if (!bounds.isEmpty()) {
      all.add(
          HistogramSnapshot.builder()
              .name("silo_scoring_request_seconds")
              .help("Time to the answer of a request for scores.")
              .dataPoint(
                  HistogramDataPointSnapshot.builder()
                      .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, counts))
                      .sum(scoring.path("latency_ms").path("sum").asDouble() * MILLI)
                      .build())
              .build());
    }
  }

  private static String word(String said) {
    return said.matches(PLAIN_WORD) ? said : OTHER;
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() * NANO;
  }

  private static double unix(Instant instant) {
    return instant.toEpochMilli() * MILLI;
  }

  /** What one scrape is made of. */
  private static final class Families {
    private final List<Supplier<MetricSnapshot>> made = new ArrayList<>();

    Gauge gauge(String name, String help) {
      Gauge gauge = new Gauge(GaugeSnapshot.builder().name(name).help(help));
      made.add(gauge.family::build);
      return gauge;
    }

    Counter counter(String name, String help) {
      Counter counter = new Counter(CounterSnapshot.builder().name(name).help(help));
      made.add(counter.family::build);
      return counter;
    }

    void add(HistogramSnapshot histogram) {
      made.add(() -> histogram);
    }

    List<MetricSnapshot> snapshots() {
      List<MetricSnapshot> all = new ArrayList<>();
      made.forEach(family -> all.add(family.get()));
      return all;
    }
  }

  private record Gauge(GaugeSnapshot.Builder family) {
    void add(double value, String... labels) {
      family.dataPoint(
          GaugeDataPointSnapshot.builder().value(value).labels(Labels.of(labels)).build());
    }
  }

  private record Counter(CounterSnapshot.Builder family) {
    void add(double value, String... labels) {
      family.dataPoint(
          CounterDataPointSnapshot.builder()
              .value(Math.max(0, value))
              .labels(Labels.of(labels))
              .build());
    }
  }
}
