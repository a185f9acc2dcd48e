package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.zip.Deflater;
import javax.net.ssl.SSLContext;
import org.espalier.node.config.Json;
import org.espalier.wire.Duplex;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A confirmed partner that breaks every rule of the link, while another one works on. */
@Timeout(60)
class HostilePartnerTest {
  @TempDir Path folder;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private TestNode victim;
  private TestNode honest;
  private TestNode hostile;
  private long dials;

  @BeforeEach
  void start() {
    victim = TestNode.listening(folder, "a.example", TestNode.quick());
    honest = TestNode.dialling(folder, "b.example", TestNode.quick());
    hostile = TestNode.dialling(folder, "c.example", TestNode.quick());
    victim.partnerWith(honest);
    victim.partnerWith(hostile);
    hostile.links.close();
    TestNode.await("only the raw partner speaks", () -> !victim.connected(hostile));
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
    victim.close();
    honest.close();
    hostile.close();
  }

  private RawPartner greeted() throws Exception {
    awaitPenalty();
    return RawPartner.greeted(hostile, victim, ++dials);
  }

  /** After a violation the partner is kept out for two seconds. */
  private void awaitPenalty() throws Exception {
    while (true) {
      try (RawPartner probe = RawPartner.connect(hostile, victim)) {
        probe.send(RawPartner.hello(++dials));
        try {
          probe.next(Incoming.Welcome.class);
          return;
        } catch (AssertionError refused) {
          assertThat(probe.end()).contains("broke the protocol a moment ago");
        }
      }
      TestNode.pause(50);
    }
  }

  private void theOtherIsServed() throws Exception {
    Future<Duplex> there = threads.submit(() -> honest.open(victim, "check"));
    try (Duplex here = victim.open(honest, "check");
        Duplex mate = there.get(10, TimeUnit.SECONDS)) {
      here.write(new byte[] {4}, 0, 1);
      byte[] got = new byte[1];
      mate.read(got, 0, 1, TestNode.SOON);
      assertThat(got[0]).isEqualTo((byte) 4);
    }
  }

  @Test
  void breakingTheProtocolEndsTheConnectionWithAReason() throws Exception {
    Map<String, Consumer<RawPartner>> attacks = new LinkedHashMap<>();
    attacks.put("frame 3 after frame 0", raw -> raw.send(numbered(Frames.credit(1, 5), 3)));
    attacks.put(
        "frame 1 after frame 1",
        raw -> {
          raw.sendNext(open(1, "x"));
          raw.send(numbered(open(2, "y"), 1)); // replayed number
        });
    attacks.put("sequence number 0", raw -> raw.send(Frames.credit(1, 5)));
    attacks.put("frame type 99", raw -> raw.send(new byte[] {99}));
    attacks.put("type needs 1 bytes", raw -> raw.send(new byte[0]));
    attacks.put("acknowledges frame 77 of", raw -> raw.send(Frames.ack(77)));
    attacks.put("greets twice", raw -> raw.send(RawPartner.hello(9)));
    attacks.put(
        "stream 5 was never opened", raw -> raw.sendNext(Frames.data(5, new byte[9], 0, 9)));
    attacks.put("credit: stream 5", raw -> raw.sendNext(Frames.credit(5, 9)));
    attacks.put("closes stream 5, never opened", raw -> raw.sendNext(Frames.close(5)));
    attacks.put(
        "opens stream x twice",
        raw -> {
          raw.sendNext(open(1, "x"));
          raw.sendNext(open(2, "x"));
        });
    attacks.put(
        "stream number 1 is not new",
        raw -> {
          raw.sendNext(open(1, "x"));
          raw.sendNext(open(1, "y"));
        });
    attacks.put("stream name", raw -> raw.sendNext(open(1, "../etc/passwd ")));
    attacks.put("as if it were the other party", raw -> raw.sendNext(Frames.open(1, 1, 9, "x")));
    attacks.put(
        "opens more than 256 streams",
        raw -> {
          for (int i = 1; i <= 257; i++) {
            raw.sendNext(open(i, "s" + i));
          }
        });
    attacks.put("control JSON", raw -> raw.sendNext(control("{\"a\":1,\"a\":2}")));
    attacks.put("control JSON: ", raw -> raw.sendNext(control("[".repeat(100) + "]".repeat(100))));
    attacks.put("number beyond all bounds", raw -> raw.sendNext(control("1e999999")));
    attacks.put("answers a request that was never made", raw -> raw.sendNext(answer(99)));
    attacks.put(
        "control message of more than",
        raw -> {
          byte[] piece = new byte[Frames.CHUNK * 2];
          for (int i = 0; i < 18; i++) {
            raw.sendNext(Frames.control(piece, 0, Frames.CHUNK));
          }
        });
    attacks.put("sends text", raw -> raw.sendText("x"));
    attacks.put("WebSocket: ", raw -> raw.send(new byte[Frames.MAX + 1]));
    for (Map.Entry<String, Consumer<RawPartner>> attack : attacks.entrySet()) {
      try (RawPartner raw = greeted()) {
        attack.getValue().accept(raw);
        String expected = attack.getKey().replace("credit: stream 5", "stream 5 was never opened");
        if (!expected.startsWith("WebSocket")) {
          assertThat(raw.end()).as(attack.getKey()).startsWith("4002 ").contains(expected.trim());
        } else {
          assertThat(raw.end()).startsWith("1009");
        }
      }
    }
    theOtherIsServed();
    assertThat(victim.connected(honest)).isTrue();
  }

  private static byte[] open(int stream, String name) {
    return Frames.open(stream, 0, 1000, name);
  }

  private static byte[] numbered(byte[] frame, long seq) {
    Frames.number(frame, seq);
    return frame;
  }

  private static byte[] control(String json) {
    byte[] whole = ControlMessages.request(1, "m", Json.object());
    byte[] text = json.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    byte[] message = Arrays.copyOf(whole, whole.length - 6 + 4 + text.length);
    java.nio.ByteBuffer.wrap(message)
        .putInt(whole.length - 6, text.length)
        .put(whole.length - 2, text);
    return Frames.control(message, 0, message.length);
  }

  private static byte[] answer(long id) {
    byte[] message = ControlMessages.answer(id, Json.object());
    return Frames.control(message, 0, message.length);
  }

  /** By hand: a client that was refused the extension does not send what this one does. */
  @Test
  void nothingIsDecompressed() throws Exception {
    SSLContext proper = hostile.identity.clientContext(victim.party, victim.identity.fingerprint());
    try (Socket socket =
        proper
            .getSocketFactory()
            .createSocket(InetAddress.getLoopbackAddress(), victim.links.port())) {
      socket.setSoTimeout(10_000);
      OutputStream out = socket.getOutputStream();
      out.write(
          ("GET "
                  + LinkServer.PATH
                  + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                  + "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: "
                  + Frames.PROTOCOL
                  + "\r\n\r\n")
              .getBytes(StandardCharsets.US_ASCII));
      InputStream in = socket.getInputStream();
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        head.append((char) in.read());
      }
      assertThat(head.toString())
          .startsWith("HTTP/1.1 101 ")
          .doesNotContainIgnoringCase("Sec-WebSocket-Extensions");
      byte[] bomb = bomb();
      ByteBuffer frame = ByteBuffer.allocate(8 + bomb.length);
      frame.put((byte) 0xc2); // final, RSV1: compressed, binary
      frame.put((byte) (0x80 | 126)).putShort((short) bomb.length);
      frame.putInt(0).put(bomb); // a mask that changes nothing
      out.write(frame.array());
      assertThat(in.read()).as("a close frame").isEqualTo(0x88);
      int length = in.read();
      byte[] why = in.readNBytes(length);
      assertThat(ByteBuffer.wrap(why).getShort()).as("protocol error").isEqualTo((short) 1002);
      assertThat(in.read()).isNegative();
    }
    theOtherIsServed();
  }

  /** Eight million zeros. */
  private static byte[] bomb() {
    Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
    deflater.setInput(new byte[8_000_000]);
    deflater.finish();
    byte[] packed = new byte[1 << 15];
    int length = deflater.deflate(packed);
    assertThat(deflater.finished()).isTrue();
    deflater.end();
    return Arrays.copyOf(packed, length);
  }

  @Test
  void windowsAndPairsAreHeld() throws Exception {
    // The victim's name comes first: it pairs, the raw partner announces.
    try (RawPartner raw = greeted()) {
      Future<Duplex> opening = threads.submit(() -> victim.open(hostile, "s"));
      raw.sendNext(open(1, "s"));
      Incoming.Open answer = raw.next(Incoming.Open.class);
      assertThat(answer.matches()).isEqualTo(1);
      Duplex stream = opening.get(10, TimeUnit.SECONDS);
      // One byte at a time, then more than the window.
      for (int i = 0; i < 10_000; i++) {
        raw.sendNext(Frames.data(answer.stream(), new byte[] {(byte) i}, 0, 1));
      }
      byte[] got = new byte[10_000];
      stream.read(got, 0, got.length, TestNode.SOON);
      for (int i = 0; i < got.length; i++) {
        assertThat(got[i]).isEqualTo((byte) i);
      }
      byte[] chunk = new byte[Frames.CHUNK];
      for (int sent = 0; sent <= TestNode.quick().window(); sent += chunk.length) {
        raw.sendNext(Frames.data(answer.stream(), chunk, 0, chunk.length));
      }
      assertThat(raw.end()).startsWith("4002 more data than the window of stream s allows");
      byte[] rest = new byte[Frames.CHUNK];
      assertThatThrownBy(
              () -> {
                while (true) {
                  stream.read(rest, 0, rest.length, TestNode.SOON);
                }
              })
          .isInstanceOf(IOException.class)
          .hasMessageContaining("c.example broke the link protocol");
    }
    try (RawPartner raw = greeted()) {
      Future<Duplex> opening = threads.submit(() -> victim.open(hostile, "s"));
      raw.sendNext(open(1, "s"));
      Incoming.Open answer = raw.next(Incoming.Open.class);
      opening.get(10, TimeUnit.SECONDS);
      raw.sendNext(Frames.credit(answer.stream(), LinkSettings.MAX_WINDOW));
      assertThat(raw.end()).startsWith("4002 too much credit for stream s");
    }
    theOtherIsServed();
  }

  @Test
  void greetingsAreHeld() throws Exception {
    awaitPenalty();
    // Speaks before it greets.
    try (RawPartner raw = RawPartner.connect(hostile, victim)) {
      raw.send(Frames.ack(1));
      assertThat(raw.end()).startsWith("4002 does not begin with a greeting");
    }
    awaitPenalty();
    // Says nothing.
    try (RawPartner raw = RawPartner.connect(hostile, victim)) {
      assertThat(raw.end()).startsWith("4001 no hello frame in time");
    }
    // Many say nothing: beyond eight, they are refused at once.
    RawPartner[] silent = new RawPartner[10];
    for (int i = 0; i < silent.length; i++) {
      silent[i] = RawPartner.connect(hostile, victim);
    }
    assertThat(silent[9].end()).startsWith("4001 too many connections that say nothing");
    for (RawPartner raw : silent) {
      raw.close();
    }
    // An older hello must not take the place of a newer connection.
    try (RawPartner newer = RawPartner.greeted(hostile, victim, 1000);
        RawPartner older = RawPartner.connect(hostile, victim)) {
      older.send(RawPartner.hello(999));
      assertThat(older.end()).startsWith("4001 a newer connection was agreed");
      newer.send(Frames.ping(5));
      assertThat(newer.next(Incoming.Pong.class).nonce()).isEqualTo(5);
      // A newer one does.
      try (RawPartner newest = RawPartner.greeted(hostile, victim, 1001)) {
        assertThat(newer.end()).startsWith("4003 replaced by a newer connection");
        newest.send(Frames.ping(6));
        assertThat(newest.next(Incoming.Pong.class).nonce()).isEqualTo(6);
      }
    }
    // Another version of the protocol.
    assertThatThrownBy(() -> new RawPartner(hostile, victim, "espalier-link.v9"))
        .hasMessageContaining("400");
    theOtherIsServed();
  }

  @Test
  void garbageOfAllKindsIsSurvived() throws Exception {
    Random random = new Random(11);
    for (int round = 0; round < 4; round++) {
      try (RawPartner raw = greeted()) {
        for (int i = 0; i < 50; i++) {
          byte[] junk = new byte[random.nextInt(300)];
          random.nextBytes(junk);
          if (junk.length > 0) {
            junk[0] = (byte) (random.nextBoolean() ? random.nextInt(24) : junk[0]);
          }
          raw.send(junk);
        }
        assertThat(raw.end()).startsWith("4002");
      }
    }
    theOtherIsServed();
  }

  @Test
  void aFloodOfRequestsIsRefusedAndTheOtherPartnerAnswered() throws Exception {
    CountDownLatch release = serveSlowly();
    try (RawPartner raw = greeted()) {
      for (int i = 1; i <= 200; i++) {
        byte[] message = ControlMessages.request(i, "work", Json.object());
        raw.sendNext(Frames.control(message, 0, message.length));
      }
      honest.links.request(victim.party, "work", Json.object(), TestNode.SOON);
      for (int i = 0; i < 136; i++) { // 8 at work and 56 in the queue are taken
        requireBusy(raw.next(Incoming.Control.class));
      }
      release.countDown();
      for (int i = 0; i < 64; i++) {
        requireAnswer(raw.next(Incoming.Control.class));
      }
    }
  }

  @Test
  void largeRequestsAtOnceAreBoundedInMemory() throws Exception {
    CountDownLatch release = serveSlowly();
    try (RawPartner raw = greeted()) {
      String large = "x".repeat(1_000_000);
      for (int i = 1; i <= 8; i++) {
        byte[] message = ControlMessages.request(i, "work", Json.object().put("l", large));
        for (int at = 0; at < message.length; at += Frames.CHUNK) {
          raw.sendNext(Frames.control(message, at, Math.min(Frames.CHUNK, message.length - at)));
        }
      }
      for (int i = 0; i < 4; i++) {
        requireBusy(raw.next(Incoming.Control.class));
      }
      release.countDown();
      for (int i = 0; i < 4; i++) {
        requireAnswer(raw.next(Incoming.Control.class));
      }
    }
  }

  /** The hostile partner's requests take until the latch opens. */
  private CountDownLatch serveSlowly() {
    CountDownLatch release = new CountDownLatch(1);
    victim.links.serve(
        "work",
        (caller, body) -> {
          try {
            if (caller.equals(hostile.party)) {
              release.await();
            }
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return Json.object();
        });
    return release;
  }

  private static void requireBusy(Incoming.Control message) {
    assertThat(ControlMessages.decode(message.piece()))
        .isInstanceOfSatisfying(
            ControlMessages.Refused.class,
            refused -> assertThat(refused.refusal().code()).isEqualTo(Refusal.BUSY));
  }

  private static void requireAnswer(Incoming.Control message) {
    assertThat(ControlMessages.decode(message.piece())).isInstanceOf(ControlMessages.Answer.class);
  }
}
