package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.psi.run.RunMessages;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Channel;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;

class FirstWordTest {
  private static final Party PEER = new Party("insurer.example");
  private static final Message COUNTS = new RunMessages.Announce(0, 12);
  private static final Message TELLS = new KeptCohort.Kept(new byte[32]);

  private final List<Object> order = new ArrayList<>();
  private final Channel line =
      new ForwardingChannel(null) {
        @Override
        public void send(Message message) {
          order.add(message);
        }
      };

  private Channel watched(FirstWord first) {
    return first.over(Map.of(PEER, line)).get(PEER);
  }

  @Test
  void itIsDoneOnceBeforeWhatTellsMoreThanCounts() {
    FirstWord first = new FirstWord(3, order::add);
    Channel channel = watched(first);
    channel.send(COUNTS);
    channel.send(TELLS);
    channel.send(TELLS);
    assertThat(order).containsExactly(COUNTS, 3, TELLS, TELLS);
  }

  @Test
  void ofRulesThatSeveralAttemptsBeganItIsDoneForEach() {
    FirstWord first = new FirstWord(3, order::add);
    KeptParts parts = first.over(KeptParts.NONE);
    Channel channel = watched(first);
    parts.goesOn(0, 1, 12);
    channel.send(TELLS);
    parts.goesOn(1, 2, 12);
    channel.send(COUNTS);
    channel.send(TELLS);
    parts.begins(2);
    channel.send(TELLS);
    parts.begins(3);
    channel.send(TELLS);
    assertThat(order).containsExactly(1, TELLS, COUNTS, 2, TELLS, 3, TELLS, TELLS);
  }

  @Test
  void nothingLeavesWhereItIsRefused() {
    FirstWord first =
        new FirstWord(
            1,
            began -> {
              throw Problem.refused("the limit");
            });
    Channel channel = watched(first);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> channel.send(TELLS)).isInstanceOf(Problem.class);
    }
    assertThat(order).isEmpty();
  }
}
