package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Random;
import org.espalier.wire.MalformedMessageException;
import org.junit.jupiter.api.Test;

class FramesTest {
  private static final byte[] ID = new byte[Frames.ID];

  private static Incoming parse(byte[] frame) {
    return Frames.parse(ByteBuffer.wrap(frame));
  }

  private static byte[][] all() {
    byte[][] frames = {
      Frames.hello(ID, ID, 3, 4, "silo 1"),
      Frames.welcome(ID, ID, true, 3, 4, "silo 1"),
      Frames.ack(9),
      Frames.ping(-1),
      Frames.pong(-1, 1_800_000_000_000L),
      Frames.control(new byte[] {1, 2, 3}, 0, 3),
      Frames.open(7, 0, 1 << 20, "job/J-1/1/align"),
      Frames.data(7, new byte[] {1, 2, 3}, 1, 2),
      Frames.credit(7, 5),
      Frames.close(7)
    };
    for (int i = 5; i < frames.length; i++) {
      Frames.number(frames[i], 42);
    }
    return frames;
  }

  @Test
  void readsBackWhatItWrites() {
    byte[][] frames = all();
    assertThat(((Incoming.Hello) parse(frames[0])).dial()).isEqualTo(4);
    assertThat(((Incoming.Welcome) parse(frames[1])).resumed()).isTrue();
    assertThat(parse(frames[2])).isEqualTo(new Incoming.Ack(9));
    assertThat(parse(frames[3])).isEqualTo(new Incoming.Ping(-1));
    assertThat(parse(frames[4])).isEqualTo(new Incoming.Pong(-1, 1_800_000_000_000L));
    assertThat(((Incoming.Control) parse(frames[5])).last()).isTrue();
    assertThat(parse(frames[6])).isEqualTo(new Incoming.Open(42, 7, 0, 1 << 20, "job/J-1/1/align"));
    assertThat(((Incoming.Data) parse(frames[7])).bytes()).containsExactly(2, 3);
    assertThat(parse(frames[8])).isEqualTo(new Incoming.Credit(42, 7, 5));
    assertThat(parse(frames[9])).isEqualTo(new Incoming.Close(42, 7));
  }

  @Test
  void anythingElseIsMalformed() {
    for (byte[] frame : all()) {
      int type = frame[0];
      for (int cut = 0; cut < frame.length; cut++) {
        byte[] shorter = java.util.Arrays.copyOf(frame, cut);
        if ((type == 18 && cut > 13) || (type == 16 && cut >= 10)) {
          parse(shorter); // payloads have no length of their own
          continue;
        }
        assertThatThrownBy(() -> parse(shorter)).isInstanceOf(MalformedMessageException.class);
      }
      if (type != 18 && type != 16) {
        byte[] longer = java.util.Arrays.copyOf(frame, frame.length + 1);
        assertThatThrownBy(() -> parse(longer)).isInstanceOf(MalformedMessageException.class);
      }
    }
    assertThatThrownBy(() -> parse(new byte[Frames.MAX + 1]))
        .isInstanceOf(MalformedMessageException.class);
    byte[] large = Frames.data(1, new byte[Frames.CHUNK + 1], 0, Frames.CHUNK + 1);
    Frames.number(large, 1);
    assertThatThrownBy(() -> parse(large)).isInstanceOf(MalformedMessageException.class);
    Random random = new Random(8);
    int fine = 0;
    for (int round = 0; round < 20_000; round++) {
      byte[] frame = all()[random.nextInt(10)];
      frame[random.nextInt(frame.length)] ^= (byte) (1 << random.nextInt(8));
      try {
        parse(frame);
        fine++;
      } catch (MalformedMessageException e) {
        assertThat(e).hasMessageNotContaining("J-1");
      }
    }
    assertThat(fine).isBetween(1, 19_999);
  }

  @Test
  void theOutboxSendsAgainExactlyWhatDidNotArrive() {
    Outbox outbox = new Outbox(1 << 20);
    for (int i = 1; i <= 5; i++) {
      outbox.addBulk(Frames.data(i, new byte[1], 0, 1));
    }
    outbox.addUrgent(Frames.credit(9, 1)); // overtakes
    assertThat(parse(outbox.poll())).isEqualTo(new Incoming.Credit(1, 9, 1));
    assertThat(seq(outbox.poll())).isEqualTo(2);
    assertThat(seq(outbox.poll())).isEqualTo(3);
    outbox.acknowledged(1);
    assertThatThrownBy(() -> outbox.acknowledged(4)).isInstanceOf(MalformedMessageException.class);
    assertThat(outbox.canResumeAfter(0)).as("forgotten already").isFalse();
    assertThat(outbox.canResumeAfter(2)).isTrue();
    assertThat(outbox.canResumeAfter(9)).as("never numbered").isFalse();
    outbox.setPing(Frames.ping(1));
    outbox.resumeAfter(2);
    for (int i = 3; i <= 6; i++) {
      assertThat(seq(outbox.poll())).isEqualTo(i);
    }
    assertThat(outbox.poll()).isNull();
    outbox.reset();
    outbox.addBulk(Frames.data(1, new byte[1], 0, 1));
    assertThat(seq(outbox.poll())).isEqualTo(1);
  }

  private static long seq(byte[] frame) {
    return ((Incoming.Numbered) parse(frame)).seq();
  }

  @Test
  void theOutboxKeepsABoundedAmountForReplay() {
    Outbox outbox = new Outbox(4 * Frames.CHUNK);
    byte[] chunk = new byte[Frames.CHUNK];
    for (int i = 0; i < 20; i++) {
      outbox.addBulk(Frames.data(1, chunk, 0, chunk.length));
    }
    assertThat(outbox.bulkFull()).isTrue();
    int sent = 0;
    while (outbox.poll() != null) {
      sent++;
    }
    assertThat(sent).isEqualTo(4);
    outbox.setAck(Frames.ack(7)); // goes out all the same
    assertThat(parse(outbox.poll())).isEqualTo(new Incoming.Ack(7));
    outbox.acknowledged(2);
    assertThat(seq(outbox.poll())).isEqualTo(5);
  }

  @Test
  void settingsAreChecked() {
    LinkSettings fine = LinkSettings.defaults("silo 1");
    assertThatThrownBy(
            () ->
                fine.withLiveness(java.time.Duration.ofSeconds(5), java.time.Duration.ofSeconds(9)))
        .hasMessageContaining("three pings");
    assertThatThrownBy(() -> LinkSettings.defaults("x".repeat(65)))
        .hasMessageContaining("longer than 64");
  }
}
