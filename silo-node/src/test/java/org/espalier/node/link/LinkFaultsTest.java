package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.espalier.node.config.Json;
import org.espalier.wire.Duplex;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a link makes of networks that cut, stall and delay. */
@Timeout(60)
class LinkFaultsTest {
  @TempDir Path folder;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  @Test
  void losesAndDoublesNothingWhenConnectionsAreCut() throws Exception {
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      AtomicInteger counted = new AtomicInteger();
      a.links.serve(
          "count", (caller, body) -> Json.object().put("asked", counted.incrementAndGet()));
      Future<Duplex> there = threads.submit(() -> b.open(a, "bulk"));
      try (Duplex left = a.open(b, "bulk");
          Duplex right = there.get()) {
        int bytes = 12_000_000;
        Future<byte[]> sentLeft = threads.submit(() -> write(left, bytes, 1));
        Future<byte[]> sentRight = threads.submit(() -> write(right, bytes, 2));
        Future<byte[]> gotLeft = threads.submit(() -> read(left, bytes));
        Future<byte[]> gotRight = threads.submit(() -> read(right, bytes));
        Random when = new Random(3);
        int cuts = 0;
        while (!gotLeft.isDone() || !gotRight.isDone()) {
          TestNode.pause(10 + when.nextInt(60));
          if (cuts < 12) {
            int before = relay.accepted();
            relay.cut();
            cuts++;
            TestNode.await("dialled anew", () -> relay.accepted() > before);
          }
        }
        assertThat(gotRight.get()).isEqualTo(sentLeft.get());
        assertThat(gotLeft.get()).isEqualTo(sentRight.get());
        assertThat(cuts).isGreaterThan(2);
        assertThat(relay.accepted()).isGreaterThan(cuts);
      }
      for (int i = 1; i <= 20; i++) {
        assertThat(
                b.links
                    .request(a.party, "count", Json.object(), TestNode.SOON)
                    .path("asked")
                    .asInt())
            .isEqualTo(i);
        if (i % 7 == 0) {
          int before = relay.accepted();
          relay.cut();
          TestNode.await("dialled anew", () -> relay.accepted() > before);
        }
      }
    }
  }

  /** A job that takes all memory makes any thread fail; links survive the job. */
  @Test
  void anErrorOfTheSenderCostsTheSessionAndNotTheLink() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.listening(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      b.links.serve("ask", (caller, body) -> Json.object().put("answer", 1));
      a.awaitLink(b);
      Link link = a.links.find(b.party).orElseThrow();
      CountDownLatch failed = new CountDownLatch(1);
      link.sendControl(
          new Outbox.ControlMessage(
              0,
              new byte[] {1},
              () -> {
                failed.countDown();
                throw new OutOfMemoryError("as a job causes one");
              }));
      failed.await();
      TestNode.await(
          "an answer",
          () -> {
            try {
              return a.links
                  .request(b.party, "ask", Json.object(), Duration.ofSeconds(2))
                  .has("answer");
            } catch (IOException | TimeoutException | Refusal sessionEnded) {
              return false;
            }
          });
    }
  }

  @Test
  void anErrorIsNotTheLastAttemptToDial() throws Exception {
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    ClientResources clients = ClientResources.start();
    Link link =
        new Link(
            new Link.Node(
                new Party("a.example"),
                new byte[Frames.ID],
                TestNode.quick(),
                Clock.systemUTC(),
                timer,
                Map.of(),
                (partner, rule) -> {}),
            new Party("b.example"),
            URI.create("https://127.0.0.1:1"));
    AtomicInteger attempts = new AtomicInteger();
    Dialler dialler =
        new Dialler(
            link,
            () -> {
              if (attempts.incrementAndGet() == 1) {
                throw new OutOfMemoryError("as a job causes one");
              }
              throw new IllegalStateException("as a bug does");
            },
            clients);
    dialler.start();
    TestNode.await("dialled again", () -> attempts.get() >= 3);
    var unused = link.close("the test is over");
    dialler.stop();
    dialler.awaitEnd(TestNode.SOON);
    clients.stop();
    timer.shutdownNow();
  }

  private static byte[] write(Duplex to, int bytes, long seed) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    Random random = new Random(seed);
    for (int left = bytes; left > 0; ) {
      byte[] piece = new byte[Math.min(left, 1 + random.nextInt(200_000))];
      random.nextBytes(piece);
      digest.update(piece);
      to.write(piece, 0, piece.length);
      left -= piece.length;
    }
    return digest.digest();
  }

  private static byte[] read(Duplex from, int bytes) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    byte[] piece = new byte[50_000];
    for (int left = bytes; left > 0; ) {
      int n = Math.min(left, piece.length);
      from.read(piece, 0, n, Duration.ofSeconds(20));
      digest.update(piece, 0, n);
      left -= n;
    }
    return digest.digest();
  }

  @Test
  void aStalledLinkIsNoticedAndStreamsFailAtTheLivenessDeadline() throws Exception {
    LinkSettings settings =
        TestNode.quick().withLiveness(Duration.ofMillis(100), Duration.ofMillis(1600));
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", settings);
        TestNode b = TestNode.dialling(folder, "b.example", settings);
        TestNode c = TestNode.listening(folder, "c.example", settings)) {
      a.partnerWith(b);
      a.partnerWith(c);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex here = a.open(b, "s");
      Duplex other = there.get();
      relay.stall(true);
      long begin = System.nanoTime();
      assertThatThrownBy(() -> here.read(new byte[1], 0, 1, Duration.ofSeconds(20)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("no news from b.example for 1600 ms");
      Duration took = Duration.ofNanos(System.nanoTime() - begin);
      assertThat(took).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(6));
      assertThatThrownBy(() -> other.read(new byte[1], 0, 1, Duration.ofSeconds(20)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("a.example");
      assertThat(a.links.status(b.party).connected()).isFalse();
      assertThat(a.links.status(b.party).problem().orElseThrow()).isNotEmpty();
      // The other partner noticed nothing, and once the stall is over the link works again.
      assertThat(a.connected(c)).isTrue();
      relay.stall(false);
      relay.cut();
      a.awaitLink(b);
      Future<Duplex> again = threads.submit(() -> b.open(a, "s"));
      try (Duplex fresh = a.open(b, "s");
          Duplex mate = again.get()) {
        fresh.write(new byte[] {7}, 0, 1);
        byte[] got = new byte[1];
        mate.read(got, 0, 1, TestNode.SOON);
        assertThat(got[0]).isEqualTo((byte) 7);
      }
    }
  }

  @Test
  void aShortStallIsBridgedByANewConnection() throws Exception {
    LinkSettings settings =
        TestNode.quick().withLiveness(Duration.ofMillis(200), Duration.ofSeconds(12));
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", settings);
        TestNode b = TestNode.dialling(folder, "b.example", settings)) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex here = a.open(b, "s");
      Duplex other = there.get();
      relay.stall(true);
      here.write(new byte[] {1, 2, 3}, 0, 3);
      TestNode.pause(300);
      relay.cut();
      relay.stall(false);
      byte[] got = new byte[3];
      other.read(got, 0, 3, TestNode.SOON);
      assertThat(got).containsExactly(1, 2, 3);
    }
  }

  @Test
  void worksOverASlowLine() throws Exception {
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      relay.delay(20);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      try (Duplex here = a.open(b, "s");
          Duplex other = there.get()) {
        Future<byte[]> sent = threads.submit(() -> write(here, 500_000, 5));
        assertThat(read(other, 500_000)).isEqualTo(sent.get());
      }
      TestNode.await(
          "a round trip of the delayed line",
          () -> a.links.status(b.party).rtt().orElse(Duration.ZERO).toMillis() >= 40);
      assertThat(a.connected(b)).isTrue();
    }
  }

  @Test
  void aWriterGivesUpWhenNothingIsTaken() throws Exception {
    LinkSettings settings = TestNode.quick().withWritePatience(Duration.ofMillis(400));
    try (TestNode a = TestNode.listening(folder, "a.example", settings);
        TestNode b = TestNode.listening(folder, "b.example", settings)) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex here = a.open(b, "s");
      there.get();
      assertThatThrownBy(() -> here.write(new byte[5 << 20], 0, 5 << 20))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("b.example has taken nothing from stream s");
    }
  }

  @Test
  void aRestartedPartnerIsNamedAndLinkedAgain() throws Exception {
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex here = a.open(b, "s");
      there.get();
      Future<Duplex> waiting = threads.submit(() -> a.open(b, "later"));
      b.links.close();
      TestNode.await("b gone", () -> !a.connected(b));
      b.start();
      assertThatThrownBy(() -> here.read(new byte[1], 0, 1, TestNode.SOON))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the node of b.example is stopping");
      // Who waited for a stream goes on waiting across the restart.
      try (Duplex later = b.open(a, "later");
          Duplex mate = waiting.get(10, TimeUnit.SECONDS)) {
        later.write(new byte[] {9}, 0, 1);
        byte[] got = new byte[1];
        mate.read(got, 0, 1, TestNode.SOON);
        assertThat(got[0]).isEqualTo((byte) 9);
      }
    }
  }

  @Test
  void aPartnerThatCrashedIsNamedAsSoonAsItIsBack() throws Exception {
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      Duplex here = a.open(b, "s");
      there.get();
      relay.refuse(true);
      relay.cut(); // no farewell comes through
      b.links.close();
      relay.refuse(false);
      b.start();
      assertThatThrownBy(() -> here.read(new byte[1], 0, 1, TestNode.SOON))
          .isInstanceOf(IOException.class)
          .hasMessage("the node of b.example was restarted");
    }
  }

  @Test
  void requestsWaitForALinkAndFailWhenTheAnswerIsLost() throws Exception {
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      a.links.serve("echo", (caller, body) -> body);
      relay.refuse(true);
      relay.cut();
      TestNode.await("link down", () -> !b.connected(a));
      Future<?> asking =
          threads.submit(() -> b.links.request(a.party, "echo", Json.object(), TestNode.SOON));
      TestNode.pause(100);
      assertThat(asking.isDone()).isFalse();
      assertThat(b.links.status(a.party).state()).isEqualTo(LinkStatus.State.DIALLING);
      TestNode.await("a reason", () -> b.links.status(a.party).problem().isPresent());
      relay.refuse(false);
      assertThat(asking.get(10, TimeUnit.SECONDS)).isEqualTo(Json.object());
    }
  }

  /** Both dial each other all the time and are cut all the time. */
  @Test
  void bothMayDialAtOnce() throws Exception {
    try (Relay toA = new Relay();
        Relay toB = new Relay();
        TestNode a = TestNode.behind(toA, folder, "a.example", TestNode.quick());
        TestNode b = TestNode.behind(toB, folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      Future<Duplex> there = threads.submit(() -> b.open(a, "s"));
      try (Duplex here = a.open(b, "s");
          Duplex other = there.get()) {
        byte[] got = new byte[4];
        for (int round = 0; round < 12; round++) {
          for (Duplex[] way : List.of(new Duplex[] {here, other}, new Duplex[] {other, here})) {
            way[0].write(ByteBuffer.allocate(4).putInt(round).array(), 0, 4);
            way[1].read(got, 0, 4, TestNode.SOON);
            assertThat(ByteBuffer.wrap(got).getInt()).isEqualTo(round);
          }
          toA.cut();
          toB.cut();
        }
      }
      // Where only one direction works, that one is used.
      toB.refuse(true);
      toA.cut();
      toB.cut();
      a.awaitLink(b);
      toB.refuse(false);
      toA.refuse(true);
      toA.cut();
      toB.cut();
      TestNode.await("dialled the other way", () -> a.connected(b) && b.connected(a));
    }
  }

  /** A dial into a black hole must not keep the partner's own dial out. */
  @Test
  void aHangingDialDoesNotKeepThePartnerOut() throws Exception {
    LinkSettings patient =
        new LinkSettings(
            "test 1",
            Duration.ofMillis(200),
            Duration.ofSeconds(4),
            Duration.ofSeconds(20),
            1 << 20,
            2 << 20,
            Duration.ofSeconds(30),
            Duration.ofMillis(20),
            Duration.ofMillis(200),
            null,
            ProtocolRange.SPOKEN);
    try (Relay toA = new Relay();
        Relay toB = new Relay();
        TestNode a = TestNode.behind(toA, folder, "a.example", patient);
        TestNode b = TestNode.behind(toB, folder, "b.example", patient)) {
      toB.stall(true);
      a.partnerWith(b);
      a.awaitLink(b);
      b.awaitLink(a);
    }
  }

  @Test
  void aPartnerThatClosesAtOnceIsNotDialledAtFullSpeed() throws Exception {
    LinkSettings settings =
        TestNode.quick().withBackoff(Duration.ofMillis(100), Duration.ofMillis(400));
    try (Relay relay = new Relay();
        TestNode a = TestNode.behind(relay, folder, "a.example", settings);
        TestNode b = TestNode.dialling(folder, "b.example", settings)) {
      a.partnerWith(b);
      a.awaitLink(b);
      int before = relay.accepted();
      long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
      while (System.nanoTime() < end) {
        if (b.connected(a)) {
          relay.cut();
        }
        TestNode.pause(5);
      }
      assertThat(relay.accepted() - before).isBetween(2, 12);
    }
  }

  @Test
  void patienceForAStreamIsKeptWhileTheLinkIsDown() throws Exception {
    try (TestNode a = TestNode.listening(folder, "a.example", TestNode.quick());
        TestNode b = TestNode.dialling(folder, "b.example", TestNode.quick())) {
      a.partnerWith(b);
      b.links.close();
      long begin = System.nanoTime();
      assertThatThrownBy(() -> a.links.open(b.party, "s", Duration.ofMillis(300)))
          .isInstanceOf(TimeoutException.class);
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(3));
    }
  }
}
