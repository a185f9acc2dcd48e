package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Channel;
import org.espalier.wire.Duplex;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.MessageType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a link offers while nothing is wrong. */
@Timeout(60)
class LinksTest {
  private static final int BLOB = 5_000_000;
  private static final int BLOBS = 10;

  @TempDir Path folder;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  record Blob(byte[] bytes) implements Message {
    static final MessageType<Blob> TYPE =
        new MessageType<>(7, "blob", in -> new Blob(in.getBytes("bytes", BLOB)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(bytes);
    }
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  @Test
  void carriesFiftyMegabytesEachWayAtOnce() throws Exception {
    LinkSettings settings = LinkSettings.defaults("test 1");
    try (TestNode a = TestNode.listening(folder, "a.example", settings);
        TestNode b = TestNode.listening(folder, "b.example", settings)) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "job/1/align"));
      try (Channel left = channel(a, b, a.open(b, "job/1/align"));
          Channel right = channel(b, a, there.get())) {
        long begin = System.nanoTime();
        List<Future<Void>> work =
            List.of(
                threads.submit(() -> send(left, 1)),
                threads.submit(() -> send(right, 2)),
                threads.submit(() -> receive(left, 2)),
                threads.submit(() -> receive(right, 1)));
        for (Future<Void> part : work) {
          part.get(50, TimeUnit.SECONDS);
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        System.out.printf(
            "link: 50 MB each way at once in %.2f s, %.0f MB/s in all%n", seconds, 100 / seconds);
        assertThat(left.transcript()).isEqualTo(right.transcript());
        assertThat(left.traffic().bytesSent()).isEqualTo(right.traffic().bytesReceived());
      }
      ProbeResult measured = a.links.probe(b.party, 16 << 20, TestNode.SOON);
      System.out.println("link: " + measured);
      assertThat(measured.sendBytesPerSecond()).isGreaterThan(1e6);
      assertThat(measured.receiveBytesPerSecond()).isGreaterThan(1e6);
      assertThat(measured.rtt()).isPositive().isLessThan(Duration.ofSeconds(1));
    }
  }

  private static Channel channel(TestNode self, TestNode peer, Duplex stream) {
    return new MessageChannel(self.party, peer.party, stream, Duration.ofSeconds(20));
  }

  private static byte[] blob(int seed, int number) {
    byte[] bytes = new byte[BLOB];
    new Random(1000L * seed + number).nextBytes(bytes);
    return bytes;
  }

  private static Void send(Channel to, int seed) {
    for (int i = 0; i < BLOBS; i++) {
      to.send(new Blob(blob(seed, i)));
    }
    return null;
  }

  private static Void receive(Channel from, int seed) {
    for (int i = 0; i < BLOBS; i++) {
      assertThat(from.receive(Blob.TYPE, BLOB + 4).bytes()).isEqualTo(blob(seed, i));
    }
    return null;
  }

  @Test
  void threeNodesAskAnswerAndRefuse() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.listening(folder, "b.example", TestNode.quick());
        TestNode c = TestNode.dialling(folder, "c.example", TestNode.quick())) {
      a.partnerWith(b);
      a.partnerWith(c);
      b.partnerWith(c);
      for (TestNode node : List.of(a, b, c)) {
        node.links.serve(
            "whoami",
            (caller, body) -> {
              if (body.path("rude").asBoolean()) {
                throw new Refusal("rude", "ask nicely, " + caller);
              }
              if (body.path("broken").asBoolean()) {
                throw new IllegalStateException("secret detail");
              }
              return Json.object().put("caller", caller.name()).set("echo", body);
            });
      }
      for (TestNode asking : List.of(a, b, c)) {
        for (TestNode asked : List.of(a, b, c)) {
          if (asking == asked) {
            continue;
          }
          JsonNode body = Json.parse("test", "{\"x\": 0.12345678901234567890123}");
          JsonNode answer = asking.links.request(asked.party, "whoami", body, TestNode.SOON);
          assertThat(answer.path("caller").asText()).isEqualTo(asking.party.name());
          assertThat(answer.path("echo")).isEqualTo(body);
        }
      }
      assertThatThrownBy(() -> a.links.request(c.party, "whoami", rude("rude"), TestNode.SOON))
          .isInstanceOfSatisfying(
              Refusal.class,
              refusal -> {
                assertThat(refusal.code()).isEqualTo("rude");
                assertThat(refusal).hasMessage("ask nicely, a.example");
              });
      assertThatThrownBy(() -> a.links.request(c.party, "whoami", rude("broken"), TestNode.SOON))
          .isInstanceOfSatisfying(
              Refusal.class,
              refusal -> {
                assertThat(refusal.code()).isEqualTo(Refusal.INTERNAL);
                assertThat(refusal).message().doesNotContain("secret");
              });
      assertThatThrownBy(() -> a.links.request(c.party, "nothing", Json.object(), TestNode.SOON))
          .isInstanceOfSatisfying(
              Refusal.class,
              refusal -> assertThat(refusal.code()).isEqualTo(Refusal.UNKNOWN_METHOD));
      assertThatThrownBy(
              () ->
                  a.links.request(
                      c.party,
                      "whoami",
                      Json.object().put("long", "x".repeat(2 << 20)),
                      TestNode.SOON))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("fit one message");
      assertThatThrownBy(() -> a.links.serve("link/echo", (caller, body) -> body))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(a.links.statuses())
          .extracting(LinkStatus::partner)
          .containsExactly(b.party, c.party);
      TestNode.await("clock skew", () -> a.links.status(b.party).clockSkew().isPresent());
      LinkStatus status = a.links.status(b.party);
      assertThat(status.clockSkew().orElseThrow())
          .isBetween(Duration.ofSeconds(-1), Duration.ofSeconds(1));
      assertThat(status.rtt()).isPresent();
      assertThat(status.peerVersion()).contains("test 1");
      assertThat(status.problem()).isEmpty();
    }
  }

  private static JsonNode rude(String how) {
    return Json.object().put(how, true);
  }

  @Test
  void pairsStreamsByNameWhateverTheOrder() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.listening(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      List<Future<Void>> work = new ArrayList<>();
      Random order = new Random(1);
      for (int i = 0; i < 60; i++) {
        String name = "job/" + i;
        int mine = i;
        long early = order.nextInt(100);
        long late = order.nextInt(100);
        work.add(threads.submit(() -> swap(a, b, name, mine, -mine, early)));
        work.add(threads.submit(() -> swap(b, a, name, -mine, mine, late)));
      }
      for (Future<Void> part : work) {
        part.get(20, TimeUnit.SECONDS);
      }
    }
  }

  private static Void swap(
      TestNode self, TestNode peer, String name, int mine, int theirs, long wait)
      throws IOException, TimeoutException {
    TestNode.pause(wait);
    try (Duplex stream = self.open(peer, name)) {
      stream.write(new byte[] {(byte) mine}, 0, 1);
      byte[] got = new byte[1];
      stream.read(got, 0, 1, TestNode.SOON);
      assertThat(got[0]).isEqualTo((byte) theirs);
    }
    return null;
  }

  /** One side gives up and tries again all the time while the other begins. */
  @Test
  void givingUpAndTryingAgainNeverPairsWithAnEarlierAttempt() throws Exception {
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      a.awaitLink(b);
      relay.delay(3);
      for (TestNode impatient : List.of(a, b)) {
        TestNode patient = impatient == a ? b : a;
        for (int round = 0; round < 8; round++) {
          String name = "round/" + impatient.party + "/" + round;
          Future<Void> calm = threads.submit(() -> greetUntilHeard(patient, impatient, name));
          Duplex hasty = null;
          for (int patience = 2; hasty == null; patience++) {
            try {
              hasty = impatient.links.open(patient.party, name, Duration.ofMillis(patience));
            } catch (TimeoutException e) {
              // Again.
            }
          }
          byte[] got = new byte[3];
          hasty.read(got, 0, 3, TestNode.SOON);
          assertThat(got).containsExactly(1, 2, 3);
          hasty.write(new byte[1], 0, 1);
          calm.get();
          hasty.close();
        }
      }
      assertThat(a.connected(b)).isTrue();
      assertThat(relay.accepted()).as("connections, one for enrolment").isEqualTo(2);
    }
  }

  /** Whoever was paired with an attempt that was given up is told by the end of the stream. */
  private static Void greetUntilHeard(TestNode self, TestNode peer, String name)
      throws TimeoutException {
    while (true) {
      try (Duplex stream = self.open(peer, name)) {
        stream.write(new byte[] {1, 2, 3}, 0, 3);
        stream.read(new byte[1], 0, 1, TestNode.SOON);
        return null;
      } catch (IOException ended) {
        // Again.
      }
    }
  }

  @Test
  void aWriterWaitsForASlowReader() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.listening(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "slow"));
      try (Duplex writing = a.open(b, "slow");
          Duplex reading = there.get()) {
        java.util.concurrent.atomic.AtomicLong written =
            new java.util.concurrent.atomic.AtomicLong();
        byte[] piece = new byte[100_000];
        Future<Void> writer =
            threads.submit(
                () -> {
                  for (int i = 0; i < 100; i++) {
                    writing.write(piece, 0, piece.length);
                    written.addAndGet(piece.length);
                  }
                  return null;
                });
        TestNode.pause(500);
        long stuck = written.get();
        TestNode.pause(300);
        int bound = TestNode.quick().window() + 10 * Frames.CHUNK; // window and send queue
        assertThat(stuck).isEqualTo(written.get()).isBetween(500_000L, (long) bound);
        // Another stream is not held up.
        Future<Duplex> other = threads.submit(() -> b.open(a, "quick"));
        try (Duplex quick = a.open(b, "quick")) {
          quick.write(new byte[] {5}, 0, 1);
          byte[] got = new byte[1];
          other.get().read(got, 0, 1, TestNode.SOON);
          assertThat(got[0]).isEqualTo((byte) 5);
        }
        byte[] target = new byte[piece.length];
        for (int i = 0; i < 100; i++) {
          reading.read(target, 0, target.length, TestNode.SOON);
        }
        writer.get(10, TimeUnit.SECONDS);
        assertThatThrownBy(() -> reading.read(target, 0, 1, Duration.ofMillis(50)))
            .isInstanceOf(TimeoutException.class);
      }
    }
  }

  @Test
  void closingEndsBothSidesAfterWhatWasWritten() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.listening(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex writing = a.open(b, "s");
      Duplex reading = there.get();
      writing.write(new byte[300_000], 0, 300_000);
      writing.close();
      reading.read(new byte[300_000], 0, 300_000, TestNode.SOON);
      assertThatThrownBy(() -> reading.read(new byte[1], 0, 1, TestNode.SOON))
          .isInstanceOf(IOException.class)
          .hasMessage("a.example has closed stream s");
      assertThatThrownBy(() -> reading.write(new byte[1], 0, 1)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> writing.write(new byte[1], 0, 1)).hasMessage("stream s is closed");
      reading.close();
    }
  }

  @Test
  void saysWhatIsMissingWhereThereIsNoLink() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      assertThatThrownBy(() -> a.links.open(b.party, "s", TestNode.SOON))
          .isInstanceOf(Problem.class)
          .hasMessage("b.example is no partner of a.example");
      a.partnerWith(b);
      a.awaitLink(b);
      assertThatThrownBy(() -> a.links.open(b.party, "s", Duration.ofMillis(100)))
          .isInstanceOf(TimeoutException.class)
          .hasMessageContaining("has not opened stream s within 100 ms (connected");
      CountDownLatch asked = new CountDownLatch(1);
      a.links.serve(
          "slow",
          (caller, body) -> {
            await(asked);
            return body;
          });
      assertThatThrownBy(
              () -> b.links.request(a.party, "slow", Json.object(), Duration.ofMillis(100)))
          .isInstanceOf(TimeoutException.class)
          .hasMessageContaining("no answer from a.example to slow within 100 ms");
      asked.countDown();
      // The late answer must not meet the closing connection: its failure would be what a
      // remembers.
      for (int i = 0; i < 5; i++) {
        b.links.request(a.party, "slow", Json.object(), TestNode.SOON);
      }
      b.links.close();
      TestNode.await("b is gone", () -> !a.connected(b));
      assertThat(a.links.status(b.party).problem().orElseThrow()).contains("b.example is stopping");
      assertThat(a.links.status(b.party).state()).isEqualTo(LinkStatus.State.WAITING);
      assertThatThrownBy(() -> a.links.open(b.party, "s", Duration.ofMillis(100)))
          .hasMessageContaining("b.example must dial");
    }
  }

  @Test
  void stoppingFailsWhatWaits() throws Exception {
    CountDownLatch serving = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.listening(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      b.links.serve(
          "slow",
          (caller, body) -> {
            serving.countDown();
            await(stopped);
            return body;
          });
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex here = a.open(b, "s");
      Callable<Void> read =
          () -> {
            here.read(new byte[1], 0, 1, Duration.ofMinutes(1));
            return null;
          };
      Future<Void> reader = threads.submit(read);
      Future<Duplex> opening = threads.submit(() -> a.open(b, "t"));
      Future<JsonNode> asking =
          threads.submit(() -> a.links.request(b.party, "slow", Json.object(), TestNode.SOON));
      await(serving);
      long begin = System.nanoTime();
      a.links.close();
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(3));
      for (Future<?> waiting : List.of(reader, opening, asking)) {
        assertThatThrownBy(() -> waiting.get(5, TimeUnit.SECONDS))
            .hasRootCauseInstanceOf(IOException.class)
            .hasMessageContaining("is stopping");
      }
      assertThatThrownBy(() -> there.get().read(new byte[1], 0, 1, TestNode.SOON))
          .isInstanceOf(IOException.class);
    } finally {
      stopped.countDown();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
