package org.espalier.protocols.predict;

import java.util.List;
import java.util.stream.IntStream;
import org.espalier.he.LaneLayout;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.protocols.shares.Pinned;
import org.espalier.protocols.shares.SharesCost;

/**
 * What joint scores cost: the steps of {@link JointLogits} and {@link SharedLogits}. Label party
 * first; the first feature party is the one that shares the label party's weights.
 */
public final class LogitsCost {
  private static final int MASK_SEED_BYTES = 32;

  private final Script script;
  private final Lane label;
  private final List<Lane> features;
  private final int rows;

  /**
   * @param rows people to score
   */
  public LogitsCost(Script script, int rows) {
    this.script = script;
    this.label = script.party(0);
    this.features = IntStream.range(1, script.parties()).mapToObj(script::party).toList();
    this.rows = rows;
  }

  private void begin() {
    for (Lane feature : features) {
      script.message(label, feature, JointLogits.LogitRequest.BYTES);
    }
    for (int p = 0; p < features.size(); p++) {
      for (int q = p + 1; q < features.size(); q++) {
        script.message(features.get(p), features.get(q), MASK_SEED_BYTES);
      }
    }
  }

  /**
   * {@link JointLogits}.
   *
   * @param columns prepared ones of each party
   */
  public void joint(int[] columns) {
    label.compute(Work.REAL_PRODUCT, (double) rows * columns[0]);
    for (int p = 1; p < columns.length; p++) {
      features.get(p - 1).compute(Work.REAL_PRODUCT, (double) rows * columns[p]);
    }
    begin();
    for (int from = 0; from < rows; from += JointLogits.BLOCK_ROWS) {
      int count = Math.min(JointLogits.BLOCK_ROWS, rows - from);
      for (Lane feature : features) {
        feature
            .compute(Work.UNIFORM, (double) count * (features.size() - 1))
            .compute(Work.PACKED, count);
        script.message(
            feature, label, 2 * Integer.BYTES + ((long) count * Ring.LOGITS.bits() + 7) / 8);
        label.compute(Work.PACKED, count);
      }
    }
  }

  /**
   * {@link SharedLogits}.
   *
   * @param columns that have weights, of each party; the label party's intercept is one
   */
  public void shared(SharesCost shares, LaneLayout layout, int[] columns) {
    begin();
    Lane first = features.get(0);
    shares.pinned(label, layout, columns[0]);
    label.compute(Work.KEY, 1);
    first.compute(Work.KEY, 1);
    for (int p = 1; p < columns.length; p++) {
      shares.pinned(features.get(p - 1), layout, columns[p]);
    }
    int atOnce = Pinned.rowsAtOnce(layout);
    for (int from = 0; from < rows; from += atOnce) {
      int count = Math.min(atOnce, rows - from);
      part(shares, layout, label, first, columns[0], count);
      for (int p = 1; p < columns.length; p++) {
        Lane feature = features.get(p - 1);
        if (p == 1) {
          shares.pinnedOpening(feature, label, layout, count);
        }
        part(shares, layout, feature, label, columns[p], count);
        // Noise is a function of the whole row; masks are one for each other feature party.
        feature
            .compute(Work.MESSAGE_BYTE, (double) count * columns[p] * Integer.BYTES)
            .compute(Work.UNIFORM, (double) count * features.size());
        shares.pinnedOpening(label, feature, layout, count);
        shares.residues(feature, label, count);
      }
    }
  }

  private void part(
      SharesCost shares, LaneLayout layout, Lane owner, Lane holder, int columns, int count) {
    owner
        .compute(Work.WHITENING, (double) count * columns * columns)
        .compute(Work.WHITENING_ENTRY, (double) count * columns)
        .compute(Work.INTEGER_PRODUCT, (double) count * columns)
        .compute(Work.INTEGER_ROW, count);
    shares.pinnedProduct(owner, holder, layout, columns, count);
  }
}
