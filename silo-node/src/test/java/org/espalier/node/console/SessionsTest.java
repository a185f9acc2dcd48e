package org.espalier.node.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class SessionsTest {
  private Instant now = Instant.parse("2026-11-29T10:00:00Z");
  private final Sessions sessions =
      new Sessions(
          new Clock() {
            @Override
            public ZoneId getZone() {
              return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
              return this;
            }

            @Override
            public Instant instant() {
              return now;
            }
          });

  private void passes(Duration time) {
    now = now.plus(time);
  }

  @Test
  void aCodeIsGoodOnceAndForTwoMinutes() {
    String code = sessions.code();
    assertThat(code).hasSize(43);
    assertThat(sessions.redeem("x" + code)).isEmpty();
    String session = sessions.redeem(code).orElseThrow();
    assertThat(sessions.redeem(code)).isEmpty();
    assertThat(sessions.holds(session)).isTrue();
    assertThat(sessions.holds(code)).isFalse();
    String late = sessions.code();
    passes(Sessions.CODE);
    assertThat(sessions.redeem(late)).isEmpty();
  }

  @Test
  void aSessionEndsWithTimeOrWhenItIsEnded() {
    String one = sessions.redeem(sessions.code()).orElseThrow();
    String other = sessions.redeem(sessions.code()).orElseThrow();
    sessions.end(one);
    assertThat(sessions.holds(one)).isFalse();
    passes(Sessions.SESSION.minusSeconds(1));
    assertThat(sessions.holds(other)).isTrue();
    passes(Duration.ofSeconds(1));
    assertThat(sessions.holds(other)).isFalse();
  }

  @Test
  void asManyAsAnybodyAsksForDoNotFillTheMemory() {
    String first = sessions.code();
    passes(Duration.ofSeconds(1));
    String last = "";
    for (int i = 0; i < 1000; i++) {
      last = sessions.code();
    }
    assertThat(sessions.redeem(first)).isEmpty();
    assertThat(sessions.redeem(last)).isPresent();
  }
}
