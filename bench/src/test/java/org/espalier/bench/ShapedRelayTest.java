package org.espalier.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The connection and the slow line that two-process figures are measured through. */
@Timeout(60)
class ShapedRelayTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private ServerSocket listener;

  @BeforeEach
  void listen() throws IOException {
    listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
  }

  @AfterEach
  void stop() throws IOException {
    listener.close();
  }

  /** Two ends of one connection. */
  private record Ends(SocketDuplex near, SocketDuplex far) implements AutoCloseable {
    @Override
    public void close() {
      near.close();
      far.close();
    }
  }

  private Ends connect(int port) throws IOException {
    Socket near = new Socket(InetAddress.getLoopbackAddress(), port);
    return new Ends(new SocketDuplex(near), new SocketDuplex(listener.accept()));
  }

  private static byte[] random(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static CompletableFuture<byte[]> receive(SocketDuplex from, int length) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            byte[] all = new byte[length];
            from.read(all, 0, length, PATIENCE);
            return all;
          } catch (IOException | TimeoutException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Test
  void bytesArriveUnchangedInBothDirectionsAtOnceAndAreCounted() throws Exception {
    try (ShapedRelay relay = new ShapedRelay(new ShapedRelay.Shape(1e9, Duration.ofMillis(5)));
        Ends ends = connect(relay.link(listener.getLocalPort(), false))) {
      byte[] there = random(3_000_000, 1);
      byte[] back = random(2_000_000, 2);
      CompletableFuture<byte[]> atFar = receive(ends.far, there.length);
      CompletableFuture<byte[]> atNear = receive(ends.near, back.length);
      CompletableFuture<Void> answering =
          CompletableFuture.runAsync(
              () -> {
                try {
                  ends.far.write(back, 0, back.length);
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      ends.near.write(there, 0, there.length);
      assertThat(atFar.get()).isEqualTo(there);
      assertThat(atNear.get()).isEqualTo(back);
      answering.get();
      assertThat(relay.carried()).isEqualTo(new ShapedRelay.Carried(there.length, back.length));
    }
  }

  @Test
  void theLineIsAsSlowAsItsShapeSays() throws Exception {
    try (ShapedRelay relay = new ShapedRelay(new ShapedRelay.Shape(40e6, Duration.ofMillis(20)))) {
      LinkCheck check = LinkCheck.of(relay, 2_000_000);
      // Upper bounds on speed hold always; the others leave room for a busy machine.
      assertThat(check.roundTripMillis()).isBetween(40.0, 80.0);
      assertThat(check.megabitsThere()).isBetween(15.0, 42.0);
      assertThat(check.megabitsBack()).isBetween(15.0, 42.0);
      assertThat(check.toString()).contains("round trip");
    }
  }

  @Test
  void linksInOppositeDirectionsShareTheRateOfEachDirection() throws Exception {
    int bytes = 500_000;
    double rate = 16e6;
    try (ShapedRelay relay = new ShapedRelay(new ShapedRelay.Shape(rate, Duration.ofMillis(1)));
        Ends first = connect(relay.link(listener.getLocalPort(), false));
        Ends second = connect(relay.link(listener.getLocalPort(), true))) {
      byte[] data = random(bytes, 3);
      long began = System.nanoTime();
      CompletableFuture<byte[]> one = receive(first.far, bytes);
      CompletableFuture<byte[]> two = receive(second.near, bytes);
      first.near.write(data, 0, bytes);
      second.far.write(data, 0, bytes); // towards the connecting end of a reversed link: forward
      assertThat(one.get()).isEqualTo(data);
      assertThat(two.get()).isEqualTo(data);
      double seconds = (System.nanoTime() - began) / 1e9;
      assertThat(seconds).isGreaterThan(0.95 * 2 * bytes * 8 / rate);
      assertThat(relay.carried()).isEqualTo(new ShapedRelay.Carried(2L * bytes, 0));
    }
  }

  @Test
  void anEndTravelsAlongAndSilenceIsATimeout() throws Exception {
    try (ShapedRelay relay = new ShapedRelay(new ShapedRelay.Shape(1e9, Duration.ofMillis(1)));
        Ends ends = connect(relay.link(listener.getLocalPort(), false))) {
      assertThatThrownBy(() -> ends.far.read(new byte[1], 0, 1, Duration.ofMillis(20)))
          .isInstanceOf(TimeoutException.class);
      ends.near.close();
      assertThatThrownBy(() -> ends.far.read(new byte[1], 0, 1, PATIENCE))
          .isInstanceOf(IOException.class);
      assertThatThrownBy(() -> ends.near.write(new byte[1], 0, 1)).isInstanceOf(IOException.class);
    }
  }

  @Test
  void aClosedRelayEndsItsConnections() throws Exception {
    ShapedRelay relay = new ShapedRelay(new ShapedRelay.Shape(1e9, Duration.ofMillis(1)));
    try (Ends ends = connect(relay.link(listener.getLocalPort(), false))) {
      relay.close();
      assertThatThrownBy(() -> ends.far.read(new byte[1], 0, 1, PATIENCE))
          .isInstanceOf(IOException.class);
      assertThatThrownBy(() -> relay.link(listener.getLocalPort(), false))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("closed");
    }
  }

  private record Note(byte[] text) implements Message {
    static final MessageType<Note> TYPE =
        new MessageType<>(0x7f01, "note", in -> new Note(in.getBytes("text", 1 << 20)));

    @Override
    public MessageType<Note> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putBytes(text);
    }
  }

  @Test
  void aMessageChannelRunsOverASocket() throws Exception {
    Party a = new Party("a");
    Party b = new Party("b");
    try (Ends ends = connect(listener.getLocalPort())) {
      MessageChannel left = new MessageChannel(a, b, ends.near, PATIENCE);
      MessageChannel right = new MessageChannel(b, a, ends.far, PATIENCE);
      byte[] text = random(100_000, 4);
      left.send(new Note(text));
      assertThat(right.receive(Note.TYPE, 1 << 20).text()).isEqualTo(text);
      assertThat(right.traffic().bytesReceived()).isEqualTo(left.traffic().bytesSent());
      assertThat(left.transcript()).isEqualTo(right.transcript());
      right.abort("enough");
      assertThatThrownBy(() -> left.receive(Note.TYPE, 1 << 20))
          .isInstanceOf(WireException.PeerAborted.class)
          .hasMessageContaining("enough");
    }
  }
}
