package org.espalier.node.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.math.ec.rfc7748.X25519;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.Calibration;
import org.espalier.wire.Party;

/**
 * How fast this node's machine and its lines are: measured once, about three seconds for the
 * machine, and kept in the file {@code machine.json} for a week.
 */
public final class Machine {
  private static final Duration AGE = Duration.ofDays(7);

  /** What is assumed of a line that was never measured. */
  static final Line ASSUMED = new Line(100e6, 0.5e-3);

  private static final Object LOCK = new Object();

  private final Path file;

  /**
   * @param home of the node
   */
  public Machine(Path home) {
    this.file = home.resolve("machine.json");
  }

  /** Seconds of each kind of work, measured now unless the file has them from within a week. */
  Rates rates() {
    synchronized (LOCK) {
      Optional<Rates> known = known();
      if (known.isEmpty()) {
        ObjectNode all = read();
        all.set("machine", measured());
        write(all);
        known = known();
      }
      return known.orElseThrow();
    }
  }

  /** The same if they were measured within a week. */
  Optional<Rates> known() {
    synchronized (LOCK) {
      JsonNode machine = read().path("machine");
      if (machine.path("processors").asInt() != processors()
          || !machine.path("java").asText().equals(Runtime.version().toString())
          || !recent(machine)) {
        return Optional.empty();
      }
      Map<Work, Double> rates = new EnumMap<>(Work.class);
      for (Work work : Work.values()) {
        JsonNode rate = machine.path("seconds").path(key(work));
        if (rate.isNumber() && rate.asDouble() >= 0) {
          rates.put(work, rate.asDouble());
        }
      }
      return Optional.of(new Rates(rates));
    }
  }

  private static int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  private static String key(Work work) {
    return work.name().toLowerCase(Locale.ROOT);
  }

  private static boolean recent(JsonNode measured) {
    try {
      Instant at = Instant.parse(measured.path("measured").asText());
      return at.plus(AGE).isAfter(Instant.now());
    } catch (DateTimeParseException e) {
      return false;
    }
  }

  private static ObjectNode measured() {
    ObjectNode machine = Json.object();
    machine
        .put("measured", Instant.now().toString())
        .put("processors", processors())
        .put("java", Runtime.version().toString());
    ObjectNode seconds = machine.putObject("seconds");
    Calibration.measure().seconds().forEach((work, value) -> seconds.put(key(work), value));
    seconds.put(key(Work.POINT), point() / processors());
    return machine;
  }

  /** One multiplication on Curve25519, on one processor. */
  private static double point() {
    SecureRandom random = new SecureRandom();
    byte[] scalar = new byte[X25519.SCALAR_SIZE];
    byte[] point = new byte[X25519.POINT_SIZE];
    X25519.generatePrivateKey(random, scalar);
    X25519.generatePublicKey(scalar, 0, point, 0);
    byte[] product = new byte[X25519.POINT_SIZE];
    int warm = 200;
    int calls = 1000;
    long began = 0;
    for (int i = 0; i < warm + calls; i++) {
      if (i == warm) {
        began = System.nanoTime();
      }
      if (X25519.calculateAgreement(scalar, 0, point, 0, product, 0)) {
        System.arraycopy(product, 0, point, 0, point.length);
      }
    }
    return (System.nanoTime() - began) / 1e9 / calls;
  }

  /**
   * Keeps what was measured of the line to a partner.
   *
   * @param send bytes a second to it
   * @param receive bytes a second from it
   */
  public void keep(Party partner, Duration roundTrip, double send, double receive) {
    synchronized (LOCK) {
      ObjectNode known = read();
      known
          .withObject("lines")
          .putObject(partner.name())
          .put("measured", Instant.now().toString())
          .put("round_trip_seconds", roundTrip.toNanos() / 1e9)
          .put("send_bytes_per_second", send)
          .put("receive_bytes_per_second", receive);
      write(known);
    }
  }

  /**
   * The line to a partner as it was last measured, in the direction given.
   *
   * @param sending from this node to the partner
   */
  Optional<Line> line(Party partner, boolean sending) {
    JsonNode line;
    synchronized (LOCK) {
      line = read().path("lines").path(partner.name());
    }
    double rate =
        line.path(sending ? "send_bytes_per_second" : "receive_bytes_per_second").asDouble();
    double roundTrip = line.path("round_trip_seconds").asDouble();
    return rate > 0 && roundTrip > 0 && roundTrip < 3600
        ? Optional.of(new Line(rate, roundTrip / 2))
        : Optional.empty();
  }

  /** What is known; nothing where the file is none of ours. */
  private ObjectNode read() {
    if (!Files.isRegularFile(file)) {
      return Json.object();
    }
    try {
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
