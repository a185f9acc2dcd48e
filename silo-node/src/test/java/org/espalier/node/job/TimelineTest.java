package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.assertj.core.data.Offset;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Work;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private static final Offset<Double> EXACT = within(1e-9);

  /** A point takes a second at the first party and two at the second; a line 100 bytes/s. */
  private record Two() implements Forecast.Setting {
    @Override
    public Rates rates(int party) {
      return new Rates(Map.of(Work.POINT, 1.0 + party));
    }

    @Override
    public int machine(int party) {
      return party;
    }

    @Override
    public Line line(int from, int to) {
      return new Line(100, 0.25);
    }
  }

  @Test
  void whoComesFirstWaitsForTheOther() {
    Timeline timeline = new Timeline(2);
    timeline.alone("prepare", new double[] {1, 4});
    Script script = new Script(2);
    script.party(0).compute(Work.POINT, 3);
    script.message(script.party(0), script.party(1), 94);
    script.party(1).compute(Work.POINT, 1);
    timeline.together("train", new double[] {0.5, 0}, script, new Two());

    Timeline.Phase train = timeline.phases().get(1);
    // Begins at 4.5 s; 3 s of computing, 1 s and 0.25 s of the line, 2 s at the other.
    assertThat(train.seconds()[0]).isEqualTo(3.5 + 3, EXACT);
    assertThat(train.seconds()[1]).isEqualTo(0.5 + 3 + 1 + 0.25 + 2, EXACT);
    assertThat(train.busy()).containsExactly(3.5, 2);
    assertThat(train.sent(0)).isEqualTo(100).isEqualTo(train.received(1));
    assertThat(train.sent(1)).isZero().isEqualTo(train.received(0));
    assertThat(timeline.seconds()).isEqualTo(10.75, EXACT);
    assertThat(timeline.busy(0)).isEqualTo(4.5, EXACT);
    assertThat(timeline.busy(1)).isEqualTo(6, EXACT);
    assertThat(timeline.line(0, 1)).isEqualTo(1, EXACT);
    assertThat(timeline.line(1, 0)).isZero();
  }
}
