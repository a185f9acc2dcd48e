package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.espalier.node.Build;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.Calibration;
import org.espalier.wire.Party;

/**
 * How fast this node's machine, its lines and, by their own word, its partners' machines are. What
 * was measured or said is kept in the file {@code machine.json} and good for a week; of this
 * machine, as long as processor, Java and Espalier are the same.
 */
public final class Machine {
  private static final Duration AGE = Duration.ofDays(7);

  /** What is assumed of a line that was not measured within a week. */
  static final Line ASSUMED = new Line(100e6, 0.5e-3);

  /** More seconds for a unit of any work are nobody's: a unit is a millisecond at most. */
  private static final double SLOWEST = 100;

  /** Faster lines than any, bytes a second. */
  private static final double FASTEST_LINE = 1e13;

  private static final long MOST_FILE_BYTES = 1 << 20;
  private static final String MACHINE = "machine";
  private static final String LINES = "lines";
  private static final String PARTNERS = "partners";
  private static final String SECONDS = "seconds";
  private static final String MEASURED = "measured";
  private static final String CSV_BYTE = "csv_byte";
  private static final Object LOCK = new Object();

  private final Path file;
  private final Clock clock;

  /**
   * Seconds of each kind of work.
   *
   * @param rates of protocols
   * @param csvByte for a byte of a data set that is read, checked and hashed
   */
  public record Speed(Rates rates, double csvByte) {}

  /** What is known of a line. */
  enum Known {
    MEASURED,
    EXPIRED,
    NEVER
  }

  /**
   * @param home of the node
   */
  public Machine(Path home) {
    this(home, Clock.systemUTC());
  }

  Machine(Path home, Clock clock) {
    this.file = home.resolve("machine.json");
    this.clock = clock;
  }

  // ---- this machine ---------------------------------------------------------------------------

  /**
   * Measured now, which takes some seconds, unless the file has it from within a week and from the
   * same processor, Java and Espalier.
   */
  public Speed speed() {
    synchronized (LOCK) {
      return known().orElseGet(this::measure);
    }
  }

  /** Measured now and kept. */
  public Speed measure() {
    synchronized (LOCK) {
      ObjectNode machine = Json.object().put(MEASURED, clock.instant().toString());
      machine.setAll(fingerprint());
      Speed speed = SpeedTest.run(Calibration.measure(), file.toAbsolutePath().getParent());
      machine.set(SECONDS, seconds(speed));
      ObjectNode all = read();
      all.set(MACHINE, machine);
      write(all);
      return speed;
    }
  }

  /** The same if the file has it. */
  Optional<Speed> known() {
    JsonNode machine = read().path(MACHINE);
    boolean same =
        fingerprint().properties().stream()
            .allMatch(e -> machine.path(e.getKey()).asText().equals(e.getValue().asText()));
    return same && recent(machine) ? speed(machine.path(SECONDS)) : Optional.empty();
  }

  /** Figures of another machine, Java or version are of no use. */
  private static ObjectNode fingerprint() {
    return Json.object()
        .put("processor", processor())
        .put("processors", Runtime.getRuntime().availableProcessors())
        .put("java", Runtime.version().toString())
        .put("version", Build.version());
  }

  /** What Linux calls the processor; its architecture where Linux does not say. */
  private static String processor() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name") && line.indexOf(':') > 0)
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElseGet(() -> System.getProperty("os.arch"));
    } catch (IOException | RuntimeException e) {
      return System.getProperty("os.arch");
    }
  }

  private static ObjectNode seconds(Speed speed) {
    ObjectNode seconds = Json.object();
    speed.rates().seconds().forEach((work, value) -> seconds.put(key(work), value));
    return seconds.put(CSV_BYTE, speed.csvByte());
  }

  /** Every kind of work with a possible figure, or nothing at all. */
  private static Optional<Speed> speed(JsonNode seconds) {
    Map<Work, Double> rates = new EnumMap<>(Work.class);
    for (Work work : Work.values()) {
      if (!possible(seconds.path(key(work)))) {
        return Optional.empty();
      }
      rates.put(work, seconds.path(key(work)).asDouble());
    }
    return possible(seconds.path(CSV_BYTE))
        ? Optional.of(new Speed(new Rates(rates), seconds.path(CSV_BYTE).asDouble()))
        : Optional.empty();
  }

  private static boolean possible(JsonNode seconds) {
    return seconds.isNumber() && seconds.asDouble() >= 0 && seconds.asDouble() < SLOWEST;
  }

  private static String key(Work work) {
    return work.name().toLowerCase(Locale.ROOT);
  }

  /** Within a week and not in the future, where a clock that was wrong may have put it. */
  private boolean recent(JsonNode measured) {
    try {
      Instant at = Instant.parse(measured.path(MEASURED).asText());
      Instant now = clock.instant();
      return !at.isAfter(now) && at.plus(AGE).isAfter(now);
    } catch (DateTimeParseException e) {
      return false;
    }
  }

  // ---- partners' machines ---------------------------------------------------------------------

  /** What a partner's node is told of this machine: how fast it is, if that is known. */
  public ObjectNode told() {
    ObjectNode told = Json.object();
    known().ifPresent(speed -> told.set(SECONDS, seconds(speed)));
    return told;
  }

  /**
   * Keeps what a partner's node says of its machine. Nobody can check it: it has a part in
   * forecasts and in nothing else.
   *
   * @return whether it said something possible of every kind of work
   */
  public boolean claim(Party partner, JsonNode told) {
    Optional<Speed> said = speed(told.path(SECONDS));
    said.ifPresent(
        speed -> {
          ObjectNode claim = Json.object().put(MEASURED, clock.instant().toString());
          claim.set(SECONDS, seconds(speed));
          keep(PARTNERS, partner, claim);
        });
    return said.isPresent();
  }

  /** What a partner said of its machine within a week. */
  Optional<Speed> claimed(Party partner) {
    JsonNode claim = read().path(PARTNERS).path(partner.name());
    return recent(claim) ? speed(claim.path(SECONDS)) : Optional.empty();
  }

  // ---- lines ----------------------------------------------------------------------------------

  /**
   * Keeps what was measured of the line to a partner.
   *
   * @param send bytes a second to it
   * @param receive bytes a second from it
   */
  public void keep(Party partner, Duration roundTrip, double send, double receive) {
    keep(
        LINES,
        partner,
        Json.object()
            .put(MEASURED, clock.instant().toString())
            .put("round_trip_seconds", roundTrip.toNanos() / 1e9)
            .put("send_bytes_per_second", send)
            .put("receive_bytes_per_second", receive));
  }

  /**
   * The line to a partner as it was measured within a week, in the direction given.
   *
   * @param sending from this node to the partner
   */
  Optional<Line> line(Party partner, boolean sending) {
    JsonNode line = read().path(LINES).path(partner.name());
    return recent(line) ? line(line, sending) : Optional.empty();
  }

  /** Whether a line was measured within a week, longer ago, or never. */
  Known known(Party partner) {
    JsonNode line = read().path(LINES).path(partner.name());
    if (line(line, true).isEmpty() || line(line, false).isEmpty()) {
      return Known.NEVER;
    }
    return recent(line) ? Known.MEASURED : Known.EXPIRED;
  }

  private static Optional<Line> line(JsonNode line, boolean sending) {
    double rate =
        line.path(sending ? "send_bytes_per_second" : "receive_bytes_per_second").asDouble();
    double roundTrip = line.path("round_trip_seconds").asDouble();
    return rate > 0 && rate < FASTEST_LINE && roundTrip > 0 && roundTrip < 3600
        ? Optional.of(new Line(rate, roundTrip / 2))
        : Optional.empty();
  }

  // ---- the file -------------------------------------------------------------------------------

  private void keep(String part, Party partner, ObjectNode what) {
    synchronized (LOCK) {
      ObjectNode all = read();
      ObjectNode entries = all.path(part) instanceof ObjectNode known ? known : all.putObject(part);
      entries.set(partner.name(), what);
      write(all);
    }
  }

  /** What is known; nothing where the file is none of ours. */
  private ObjectNode read() {
    try {
      if (!Files.isRegularFile(file) || Files.size(file) > MOST_FILE_BYTES) {
        return Json.object();
      }
      return Json.parse(file.toString(), Files.readString(file)) instanceof ObjectNode known
          ? known
          : Json.object();
    } catch (IOException | Problem e) {
      return Json.object();
    }
  }

  private void write(ObjectNode known) {
    try {
      Path next = file.resolveSibling(file.getFileName() + ".new");
      Files.writeString(next, known.toPrettyString());
      Files.move(next, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.INTERNAL, "cannot write " + file).detail(e.getMessage());
    }
  }
}
