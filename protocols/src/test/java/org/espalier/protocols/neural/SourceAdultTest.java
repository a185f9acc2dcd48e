package org.espalier.protocols.neural;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.espalier.protocols.evaluate.Evaluation;
import org.espalier.protocols.prepare.Column;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Preparation;
import org.espalier.protocols.prepare.PreparationSpec;
import org.espalier.protocols.prepare.PublicData;
import org.espalier.protocols.prepare.Table;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;

/** A federated network on public data against the same network in one place. */
class SourceAdultTest {
  private static final int HIDDEN = 16;
  private static final SourceSpec SPEC = new SourceSpec(HIDDEN, 2048, 4, 0.3, 0.9, true);

  /** Half a point of AUC. */
  private static final double ALLOWED = 0.005;

  private record Data(List<Matrix> train, List<Matrix> test, double[] labels, double[] unseen) {
    static Data of(int parties) throws IOException {
      PublicData train = PublicData.read("adult_train.csv", "income_over_50k");
      PublicData test = PublicData.read("adult_test.csv", "income_over_50k");
      List<Column> columns = train.table().columns();
      List<Matrix> seen = new ArrayList<>();
      List<Matrix> unseen = new ArrayList<>();
      for (int p = 0; p < parties; p++) {
        int from = p * columns.size() / parties;
        int to = (p + 1) * columns.size() / parties;
        Table mine = new Table(columns.subList(from, to));
        Table others = new Table(test.table().columns().subList(from, to));
        Preparation preparation = Preparation.fit(mine, train.allRows(), PreparationSpec.DEFAULT);
        seen.add(preparation.apply(mine, train.allRows()));
        unseen.add(preparation.apply(others, test.allRows()));
      }
      return new Data(seen, unseen, train.labels(), test.labels());
    }

    double auc(SmallTop top, PlainSource.Layer layer) {
      return Evaluation.of(top.predict(layer.of(test)), unseen).auc();
    }
  }

  private static SmallTop top(Data data) {
    return new SmallTop(data.labels(), HIDDEN, SPEC.rate(), SPEC.momentum(), 7);
  }

  @Test
  void itIsWithinHalfAPointOfTheNetworkInOnePlace() throws IOException {
    Data data = Data.of(2);
    SmallTop plain = top(data);
    double central = data.auc(plain, PlainSource.train(data.train(), SPEC, plain));
    assertThat(central).isGreaterThan(0.9);
    for (int parties = 2; parties <= 3; parties++) {
      Data parts = Data.of(parties);
      SmallTop top = top(parts);
      SourceRun<LabelSource, FeatureSource> run =
          SourceRun.train(parts.train(), SPEC, top, new MemoryNetwork());
      assertThat(run.label().findings()).isEmpty();
      double federated = parts.auc(top, PlainSource.Layer.of(run));
      assertThat(federated).as("%d parties", parties).isGreaterThan(central - ALLOWED);
    }
  }
}
