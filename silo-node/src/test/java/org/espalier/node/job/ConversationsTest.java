package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.espalier.wire.Channel;
import org.espalier.wire.Duplex;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ConversationsTest {
  private static final Party SELF = new Party("bank.example");
  private static final Party PEER = new Party("insurer.example");

  /** A partner whose window is full and stays so. */
  private static final class Stalled implements Duplex {
    private final CountDownLatch writing = new CountDownLatch(1);
    private final CountDownLatch closed = new CountDownLatch(1);

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) throws IOException {
      writing.countDown();
      awaitClose();
    }

    @Override
    public void read(byte[] target, int offset, int length, Duration patience)
        throws IOException, TimeoutException {
      awaitClose();
    }

    private void awaitClose() throws IOException {
      boolean interrupted = false;
      while (true) {
        try {
          closed.await();
          break;
        } catch (InterruptedException e) {
          interrupted = true; // as native work does not notice it either
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      throw new IOException("closed");
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  private record Ping() implements Message {
    static final MessageType<Ping> TYPE = new MessageType<>(7, "ping", in -> new Ping());

    @Override
    public MessageType<Ping> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {}
  }

  private static Peers reaching(Duplex stream) {
    return new FakePeers(SELF) {
      @Override
      public Duplex open(Party partner, String name, Duration patience) {
        return stream;
      }
    };
  }

  @Test
  void aPartnerThatTakesNothingHoldsUpNeitherTheAbortNorTheStatus() throws Exception {
    Stalled stalled = new Stalled();
    Conversations conversations =
        new Conversations(
            reaching(stalled),
            new Session("J-00000001", new byte[32], 1),
            Duration.ofSeconds(5),
            Duration.ofMinutes(10));
    Map<Party, Channel> open = conversations.open("train", new TreeSet<>(java.util.Set.of(PEER)));
    CompletableFuture<Throwable> sender =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                open.get(PEER).send(new Ping());
                return null;
              } catch (WireException e) {
                return e;
              }
            });
    assertThat(stalled.writing.await(10, TimeUnit.SECONDS)).isTrue();

    CompletableFuture<Void> abort =
        CompletableFuture.runAsync(() -> conversations.abort("aborted by the operator"));
    CompletableFuture<JsonNode> bytes =
        CompletableFuture.supplyAsync(
            () -> {
              JsonNode now = conversations.bytes();
              return now;
            });
    assertThat(bytes.get(1, TimeUnit.SECONDS).has(PEER.name())).isTrue();
    abort.get(10, TimeUnit.SECONDS);
    assertThat(sender.get(10, TimeUnit.SECONDS)).isInstanceOf(WireException.class);
  }
}
