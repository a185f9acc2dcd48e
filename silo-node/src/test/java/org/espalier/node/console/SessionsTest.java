package org.espalier.node.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.Set;
import org.espalier.node.Role;
import org.espalier.node.control.Caller;
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
    String code = sessions.code(Optional.empty());
    assertThat(code).hasSize(43);
    assertThat(sessions.redeem("x" + code)).isEmpty();
    String session = sessions.redeem(code).orElseThrow();
    assertThat(sessions.redeem(code)).isEmpty();
    assertThat(sessions.find(session)).isPresent();
    assertThat(sessions.find(code)).isEmpty();
    String late = sessions.code(Optional.empty());
    passes(Sessions.CODE);
    assertThat(sessions.redeem(late)).isEmpty();
  }

  @Test
  void aSessionIsOfWhoAskedForItsCode() {
    Caller dan = new Caller("dan", Set.of(Role.AUDITOR));
    String his = sessions.redeem(sessions.code(Optional.of(dan))).orElseThrow();
    String owners = sessions.redeem(sessions.code(Optional.empty())).orElseThrow();
    assertThat(sessions.find(his).orElseThrow().user()).contains(dan);
    assertThat(sessions.find(owners).orElseThrow().user()).isEmpty();
  }

  @Test
  void aSessionEndsWithTimeOrWhenItIsEnded() {
    String one = sessions.redeem(sessions.code(Optional.empty())).orElseThrow();
    String other = sessions.redeem(sessions.code(Optional.empty())).orElseThrow();
    sessions.end(one);
    assertThat(sessions.find(one)).isEmpty();
    passes(Sessions.SESSION.minusSeconds(1));
    assertThat(sessions.find(other)).isPresent();
    passes(Duration.ofSeconds(1));
    assertThat(sessions.find(other)).isEmpty();
  }

  @Test
  void asManyAsAnybodyAsksForDoNotFillTheMemory() {
    String first = sessions.code(Optional.empty());
    passes(Duration.ofSeconds(1));
    String last = "";
    for (int i = 0; i < 1000; i++) {
      last = sessions.code(Optional.empty());
    }
    assertThat(sessions.redeem(first)).isEmpty();
    assertThat(sessions.redeem(last)).isPresent();
  }
}
