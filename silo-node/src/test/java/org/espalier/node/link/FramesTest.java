package org.espalier.node.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.util.List;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.fuzz.Fuzz;
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
  }

  /** With {@code -Despalier.fuzz=N} N times as many. */
  @Test
  void changedFramesAreRefusedOrRead() {
    double refused =
        Fuzz.of("frames", MalformedMessageException.class)
            .refused(
                20_000,
                List.of(all()),
                changed -> {
                  try {
                    parse(changed);
                  } catch (MalformedMessageException e) {
                    assertThat(e).hasMessageNotContaining("J-1");
                    throw e;
                  }
                });
    assertThat(refused).isBetween(0.1, 0.9);
  }

  @Test
  void changedControlMessagesAreRefusedOrCanBeSentAgain() throws Exception {
    JsonNode body =
        new ObjectMapper()
            .readTree(
                "{\"job\": \"J-1\", \"n\": [1, -2.5e3, null, true], \"text\": \"\u00fc\\u202e\"}");
    List<byte[]> messages =
        List.of(
            ControlMessages.request(1, "job.propose", body),
            ControlMessages.answer(2, body),
            ControlMessages.refusal(3, new Refusal("refused", "not today")));
    // A tree of JSON takes more than its text.
    double refused =
        Fuzz.of("control messages", MalformedMessageException.class, Problem.class)
            .text()
            .allocating(128 << 10, 64)
            .refused(
                4000,
                messages,
                changed -> {
                  ControlMessages.Message read = ControlMessages.decode(changed);
                  // What was read can be sent again, and is small enough for a digest.
                  if (read instanceof ControlMessages.Request request) {
                    ControlMessages.request(request.id(), request.method(), request.body());
                    Json.digest(request.body());
                  } else if (read instanceof ControlMessages.Answer answer) {
                    ControlMessages.answer(answer.id(), answer.body());
                    Problem.fromJson(answer.body());
                  } else if (read instanceof ControlMessages.Refused refusal) {
                    ControlMessages.refusal(refusal.id(), refusal.refusal());
                  }
                });
    assertThat(refused).isBetween(0.1, 0.97);
  }

  /** Sent all the same, it would be a violation that costs the link. */
  @Test
  void whatAPartnerWouldNotReadIsNotSent() throws Exception {
    ObjectMapper mapper =
        new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
    for (String ends : new String[] {"9".repeat(100), "0." + "1".repeat(98), "1e400", "1e-400"}) {
      ControlMessages.decode(ControlMessages.request(1, "a.b", mapper.readTree("[" + ends + "]")));
    }
    for (String beyond :
        new String[] {
          "9".repeat(101),
          "0." + "1".repeat(99),
          "1e401",
          "1e-401",
          "{\"" + "a".repeat(257) + "\":1}"
        }) {
      JsonNode body = mapper.readTree("{\"a\": [" + beyond + "]}");
      assertThatThrownBy(() -> ControlMessages.request(1, "a.b", body))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("characters that fit one message");
    }
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
