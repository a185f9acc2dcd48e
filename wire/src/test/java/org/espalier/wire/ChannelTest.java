package org.espalier.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

class ChannelTest {
  private static final Party A = new Party("a.example");
  private static final Party B = new Party("b.example");

  record Blob(byte[] bytes) implements Message {
    static final MessageType<Blob> TYPE =
        new MessageType<>(7, "blob", in -> new Blob(in.getBytes("bytes", 1 << 24)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(bytes);
    }
  }

  record Other() implements Message {
    static final MessageType<Other> TYPE = new MessageType<>(8, "other", in -> new Other());

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {}
  }

  @Test
  void carriesMessagesLargerThanTheWindowAndAgreesOnTheTranscript() {
    byte[] large = new byte[9 << 20];
    new Random(1).nextBytes(large);
    try (MemoryNetwork net = new MemoryNetwork(true, Duration.ofSeconds(20))) {
      Channel a = net.channel(A, B);
      Channel b = net.channel(B, A);
      CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> a.send(new Blob(large)));
      assertThat(b.receive(Blob.TYPE, 10 << 20).bytes()).isEqualTo(large);
      sender.join();
      b.send(new Other());
      a.receive(Other.TYPE, 0);
      assertThat(a.transcript()).isEqualTo(b.transcript());
      assertThat(a.traffic().bytesSent()).isEqualTo(b.traffic().bytesReceived());
      assertThat(net.recorded(A, B)).hasSize(large.length + 10);
    }
  }

  @Test
  void refusesAnUnexpectedTypeAndTellsThePeer() {
    try (MemoryNetwork net = new MemoryNetwork()) {
      net.channel(A, B).send(new Other());
      assertThatThrownBy(() -> net.channel(B, A).receive(Blob.TYPE, 100))
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessage("a.example broke the protocol: sent message type 8 where blob was expected");
      assertThatThrownBy(() -> net.channel(A, B).receive(Blob.TYPE, 100))
          .isInstanceOf(WireException.PeerAborted.class)
          .hasMessageContaining("where blob was expected");
    }
  }

  @Test
  void refusesAnOversizedMessageBeforeItIsAllocated() {
    try (MemoryNetwork net = new MemoryNetwork()) {
      net.channel(A, B).send(new Blob(new byte[1000]));
      assertThatThrownBy(() -> net.channel(B, A).receive(Blob.TYPE, 100))
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessageContaining("blob of 1004 bytes, at most 100 agreed");
    }
  }

  @Test
  void aFailedSendReportsWhyThePeerStopped() {
    try (MemoryNetwork net = new MemoryNetwork()) {
      net.channel(B, A).abort("label column is missing");
      assertThatThrownBy(() -> net.channel(A, B).send(new Other()))
          .isInstanceOf(WireException.PeerAborted.class)
          .hasMessage("b.example stopped: label column is missing");
    }
  }

  /** One thread sends while another receives: both hear the reason, whoever meets it first. */
  @Test
  void aSenderBesideAReceiverHearsTheReasonToo() throws Exception {
    for (int round = 0; round < 50; round++) {
      try (MemoryNetwork net = new MemoryNetwork()) {
        Channel a = net.channel(A, B);
        CompletableFuture<Throwable> receiver =
            CompletableFuture.supplyAsync(() -> catchThrowable(() -> a.receive(Blob.TYPE, 2000)));
        net.channel(B, A).abort("label column is missing");
        assertThatThrownBy(() -> a.send(new Other()))
            .isInstanceOf(WireException.PeerAborted.class)
            .hasMessageContaining("label column is missing");
        assertThat(receiver.get(10, TimeUnit.SECONDS)).isInstanceOf(WireException.class);
      }
    }
  }

  /** What is unread after a violation begins inside a frame and must not be taken for a reason. */
  @Test
  void aSendAfterAViolationDoesNotInventAReason() {
    try (MemoryNetwork net = new MemoryNetwork()) {
      net.channel(B, A).send(new Blob(new byte[1000]));
      Channel a = net.channel(A, B);
      assertThatThrownBy(() -> a.receive(Other.TYPE, 2000))
          .isInstanceOf(WireException.ProtocolViolation.class);
      assertThatThrownBy(() -> a.send(new Other()))
          .isInstanceOf(WireException.PeerUnavailable.class);
    }
  }

  @Test
  void aCutLinkFailsBothSides() {
    try (MemoryNetwork net = new MemoryNetwork().with(A, B, Faults.cutAfter(500))) {
      assertThatThrownBy(() -> net.channel(A, B).send(new Blob(new byte[1000])))
          .isInstanceOf(WireException.PeerUnavailable.class);
      assertThatThrownBy(() -> net.channel(B, A).receive(Blob.TYPE, 2000))
          .isInstanceOf(WireException.PeerUnavailable.class)
          .hasMessageContaining("while waiting for blob");
    }
  }

  @Test
  void aSilentPeerIsATimeoutNotAHang() {
    try (MemoryNetwork net =
        new MemoryNetwork(false, Duration.ofMillis(100)).with(A, B, Faults.stallAfter(20))) {
      net.channel(A, B).send(new Blob(new byte[1000]));
      assertThatThrownBy(() -> net.channel(B, A).receive(Blob.TYPE, 2000))
          .isInstanceOf(WireException.WireTimeout.class)
          .hasMessage("no news from a.example while waiting for blob");
    }
  }

  @Test
  void aCorruptLengthIsRefused() {
    try (MemoryNetwork net = new MemoryNetwork().with(A, B, Faults.corruptAt(9))) {
      net.channel(A, B).send(new Blob(new byte[10]));
      assertThatThrownBy(() -> net.channel(B, A).receive(Blob.TYPE, 100))
          .isInstanceOf(WireException.ProtocolViolation.class)
          .hasMessageContaining("bytes announces 11 values, 10 bytes are left");
    }
  }

  @Test
  void partyNamesAreAClosedAlphabet() {
    for (String bad :
        new String[] {"", "A", "a b", "-a", "a-", "../x", "a\n", "a".repeat(64), "ü"}) {
      assertThatThrownBy(() -> new Party(bad)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void printableEscapesWhatCouldForgeALogLine() {
    assertThat(Printable.of("a\nb\u001b[31m\u202e\u2028é"))
        .isEqualTo("a\\u{a}b\\u{1b}[31m\\u{202e}\\u{2028}é");
  }
}
