package org.espalier.node.link;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Measures a link. Round trips by empty requests; bandwidth by one stream per direction, timed by
 * the receiver from the arrival of the first piece to that of the last.
 */
final class LinkProbe {
  private static final Logger LOG = LoggerFactory.getLogger(LinkProbe.class);
  private static final String ECHO = Names.RESERVED + "echo";
  private static final String PROBE = Names.RESERVED + "probe";
  private static final int ROUNDS = 5;
  private static final int PIECE = 64 << 10;
  private static final int MIN = 2 * PIECE;
  private static final int MAX = 64 << 20;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Links links;
  private final Set<Party> busy = ConcurrentHashMap.newKeySet();

  private LinkProbe(Links links) {
    this.links = links;
  }

  /** Lets partners measure. */
  static void serve(Links links) {
    LinkProbe probe = new LinkProbe(links);
    links.serveOwn(ECHO, (caller, body) -> JsonNodeFactory.instance.objectNode());
    links.serveOwn(PROBE, probe::begin);
  }

  private JsonNode begin(Party caller, JsonNode body) throws Refusal {
    int bytes = body.path("bytes").asInt();
    if (bytes < MIN || bytes > MAX) {
      throw new Refusal("malformed", "bytes must be " + MIN + " to " + MAX);
    }
    if (!busy.add(caller)) {
      throw new Refusal(Refusal.BUSY, "a measurement is under way");
    }
    Link.daemon("probe-" + caller, () -> answer(caller, bytes)).start();
    return JsonNodeFactory.instance.objectNode();
  }

  private void answer(Party caller, int bytes) {
    try (Duplex stream = links.openOwn(caller, stream(caller), PATIENCE)) {
      long nanos = receive(stream, bytes, PATIENCE);
      stream.write(ByteBuffer.allocate(Long.BYTES).putLong(nanos).array(), 0, Long.BYTES);
      send(stream, bytes);
      stream.read(new byte[1], 0, 1, PATIENCE);
    } catch (IOException | TimeoutException | RuntimeException e) {
      LOG.info("the measurement that {} began broke off: {}", caller, e.getMessage());
    } finally {
      busy.remove(caller);
    }
  }

  static ProbeResult run(Links links, Party partner, int bytes, Duration timeout)
      throws Refusal, IOException, TimeoutException {
    if (bytes < MIN || bytes > MAX) {
      throw new IllegalArgumentException("bytes must be " + MIN + " to " + MAX);
    }
    long rtt = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long begin = System.nanoTime();
      links.request(partner, ECHO, JsonNodeFactory.instance.objectNode(), timeout);
      rtt = Math.min(rtt, System.nanoTime() - begin);
    }
    JsonNode wanted = JsonNodeFactory.instance.objectNode().put("bytes", bytes);
    links.request(partner, PROBE, wanted, timeout);
    try (Duplex stream = links.openOwn(partner, stream(links.self()), timeout)) {
      send(stream, bytes);
      byte[] theirs = new byte[Long.BYTES];
      stream.read(theirs, 0, theirs.length, timeout);
      long up = ByteBuffer.wrap(theirs).getLong();
      long down = receive(stream, bytes, timeout);
      stream.write(new byte[1], 0, 1);
      return new ProbeResult(
          Duration.ofNanos(rtt), bytes, perSecond(bytes, up), perSecond(bytes, down));
    }
  }

  /** Both sides may measure at once. */
  private static String stream(Party asking) {
    return PROBE + "/" + asking;
  }

  private static void send(Duplex stream, int bytes) throws IOException {
    byte[] piece = new byte[PIECE];
    for (int left = bytes; left > 0; left -= PIECE) {
      stream.write(piece, 0, Math.min(left, PIECE));
    }
  }

  private static long receive(Duplex stream, int bytes, Duration patience)
      throws IOException, TimeoutException {
    byte[] piece = new byte[PIECE];
    stream.read(piece, 0, PIECE, patience);
    long begin = System.nanoTime();
    for (int left = bytes - PIECE; left > 0; left -= PIECE) {
      stream.read(piece, 0, Math.min(left, PIECE), patience);
    }
    return System.nanoTime() - begin;
  }

  private static double perSecond(int bytes, long nanos) {
    return (bytes - PIECE) * 1e9 / Math.max(1, nanos);
  }
}
