package org.espalier.protocols.shares;

import java.util.List;
import org.espalier.he.HeContext;
import org.espalier.he.LaneLayout;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Work;

/** What shared linear algebra costs: the steps of {@link Correlations} and {@link SharedSeries}. */
public final class SharesCost {
  private static final double UNIT_DEGREE = 8192;

  private final Script script;
  private final HeContext matrix;
  private final HeContext slots;
  private final int bits;
  private final double matrixUnit;
  private final double slotUnit;

  /**
   * @param script that steps are added to
   * @param matrix ring of products with slices
   * @param slots ring of products in slots
   */
  public SharesCost(Script script, HeContext matrix, HeContext slots, PrimeField field) {
    this.script = script;
    this.matrix = matrix;
    this.slots = slots;
    this.bits = field.bits();
    this.matrixUnit = unit(matrix.parameters().degree());
    this.slotUnit = unit(slots.parameters().degree());
  }

  /** A transform of N takes N·log N. */
  public static double unit(int degree) {
    return degree / UNIT_DEGREE * Math.log(degree) / Math.log(UNIT_DEGREE);
  }

  /** {@link Residues}: a vector sent and received. */
  public void residues(Lane from, Lane to, long length) {
    for (long at = 0; at < length; at += Messages.Residues.CHUNK) {
      long count = Math.min(Messages.Residues.CHUNK, length - at);
      from.compute(Work.PACKED, (double) count);
      script.message(from, to, 2 * Integer.BYTES + (count * bits + 7) / 8);
      to.compute(Work.PACKED, (double) count);
    }
  }

  /**
   * An owner of {@link Correlations}.
   *
   * @param columns d
   * @param forward whether products X·b are wanted, too
   */
  public record Owner(Lane lane, int columns, boolean forward) {}

  /** {@link Correlations#hold} and {@link Correlations#own}. */
  public void correlations(Lane holder, Correlations.Shape shape, List<Owner> owners) {
    LaneLayout layout = shape.layout();
    int vectors = shape.vectors();
    int blocks = layout.blocks(shape.rows());
    long operand = numbered(matrix.ciphertextBytes());
    holder.compute(Work.UNIFORM, (double) vectors * shape.rows());
    for (Owner owner : owners) {
      holder.compute(Work.UNIFORM, owner.forward() ? (double) vectors * owner.columns() : 0);
    }
    holder.compute(Work.KEY, matrixUnit);
    Lane sender = holder.fork();
    for (Owner owner : owners) {
      script.message(sender, owner.lane(), sized(matrix.ciphertextBytes()));
      owner.lane().compute(Work.KEY, matrixUnit);
      int groups = owner.forward() ? layout.groups(owner.columns()) : 0;
      for (int from = 0; from < groups; from += Correlations.BATCH) {
        int count = Math.min(Correlations.BATCH, groups - from);
        sender.compute(Work.OPERAND_ENCRYPTION, count * matrixUnit);
        for (int i = 0; i < count; i++) {
          script.message(sender, owner.lane(), operand);
          owner.lane().compute(Work.OPERAND_READ, matrixUnit);
        }
      }
    }
    for (int from = 0; from < blocks; from += Correlations.BATCH) {
      int count = Math.min(Correlations.BATCH, blocks - from);
      sender.compute(Work.OPERAND_ENCRYPTION, count * matrixUnit);
      for (Owner owner : owners) {
        for (int i = 0; i < count; i++) {
          script.message(sender, owner.lane(), operand);
          owner.lane().compute(Work.OPERAND_READ, matrixUnit);
        }
        tiles(owner, layout, count);
        if (owner.forward()) {
          for (int block = from; block < from + count; block++) {
            owner.lane().compute(Work.OPERAND_REPLY, matrixUnit);
          }
          for (int block = from; block < from + count; block++) {
            long bytes =
                matrix.rowReplyBytes(layout, vectors, shape.rowsIn(block), shape.replyLimbs());
            script.message(owner.lane(), holder, numbered(bytes));
          }
          holder.compute(Work.OPERAND_OPENING, count * matrixUnit);
        }
      }
    }
    for (Owner owner : owners) {
      owner.lane().compute(Work.OPERAND_REPLY, layout.groups(owner.columns()) * matrixUnit);
      script.message(
          owner.lane(),
          holder,
          numbered(matrix.columnReplyBytes(layout, vectors, owner.columns(), shape.replyLimbs())));
      holder.compute(Work.OPERAND_OPENING, layout.groups(owner.columns()) * matrixUnit);
    }
    holder.join(sender);
  }

  private void tiles(Owner owner, LaneLayout layout, int blocks) {
    double tiles = (double) blocks * layout.groups(owner.columns());
    int products = owner.forward() ? 2 : 1;
    owner
        .lane()
        .compute(Work.BLOCK, blocks * matrixUnit * products)
        .compute(Work.TILE_TRANSFORM, tiles * matrixUnit / layout.lanes())
        .compute(Work.TILE, tiles * matrixUnit * products);
  }

  /** The beginning of a {@link SharedSeries}: a key for a stage. */
  public void seriesKey(Lane holder, Lane evaluator) {
    holder.compute(Work.KEY, slotUnit);
    script.message(holder, evaluator, sized(slots.ciphertextBytes()));
    evaluator.compute(Work.KEY, slotUnit);
  }

  /**
   * {@link SharedSeries.Holder#evaluate} and {@link SharedSeries.Evaluator#evaluate}.
   *
   * @param rowFunctions how many functions give a share a row
   * @param sums how many are summed over the rows
   */
  public void series(
      Lane holder,
      Lane evaluator,
      SharedSeries.Layout layout,
      int replyLimbs,
      int rowFunctions,
      int sums) {
    long reply = numbered(slots.slotReplyBytes(replyLimbs));
    Lane sender = holder.fork();
    for (int block = 0; block < layout.blocks(); block++) {
      int factors = layout.factors(block);
      double waves = (double) layout.vectors() * layout.rowsIn(block);
      sender.compute(Work.WAVE, waves).compute(Work.SLOT_ENCRYPTION, factors * slotUnit);
      for (int c = 0; c < factors; c++) {
        script.message(sender, evaluator, numbered(slots.ciphertextBytes()));
      }
      evaluator.compute(Work.SLOT_READ, factors * slotUnit);
      for (int f = 0; f < rowFunctions; f++) {
        evaluator
            .compute(Work.WAVE, waves)
            .compute(Work.SLOT_PRODUCT, factors * slotUnit)
            .compute(Work.SLOT_REPLY, slotUnit);
        script.message(evaluator, holder, reply);
        holder.compute(Work.SLOT_OPENING, slotUnit);
      }
      evaluator
          .compute(Work.WAVE, waves * sums)
          .compute(Work.SLOT_PRODUCT, factors * slotUnit * sums);
    }
    for (int s = 0; s < sums; s++) {
      evaluator.compute(Work.SLOT_REPLY, slotUnit);
      script.message(evaluator, holder, reply);
      holder.compute(Work.SLOT_OPENING, slotUnit);
    }
    holder.join(sender);
  }

  /**
   * {@link Pinned#give} and {@link Pinned#take}.
   *
   * @param columns of the owner's matrix
   */
  public void pin(Lane holder, Lane owner, LaneLayout layout, int columns) {
    holder.compute(Work.KEY, matrixUnit);
    script.message(holder, owner, sized(matrix.ciphertextBytes()));
    for (int group = 0; group < layout.groups(columns); group++) {
      holder.compute(Work.OPERAND_ENCRYPTION, matrixUnit);
      script.message(holder, owner, numbered(matrix.ciphertextBytes()));
    }
    owner
        .compute(Work.KEY, matrixUnit)
        .compute(Work.OPERAND_READ, layout.groups(columns) * matrixUnit);
  }

  /** The owner's beginning of products with a {@link Pinned.Vector}: it reads the ciphertexts. */
  public void pinned(Lane owner, LaneLayout layout, int columns) {
    owner
        .compute(Work.KEY, matrixUnit)
        .compute(Work.OPERAND_READ, layout.groups(columns) * matrixUnit);
  }

  /** {@link Pinned.Owner#times}, and what the holder opens of it later. */
  public void pinnedProduct(Lane owner, Lane holder, LaneLayout layout, int columns, int rows) {
    int blocks = layout.blocks(rows);
    double tiles = (double) blocks * layout.groups(columns);
    owner
        .compute(Work.BLOCK, blocks * matrixUnit)
        .compute(Work.TILE_TRANSFORM, tiles * matrixUnit)
        .compute(Work.TILE, tiles * matrixUnit)
        .compute(Work.OPERAND_REPLY, blocks * matrixUnit);
    for (int from = 0; from < rows; from += layout.rowsPerBlock()) {
      int count = Math.min(layout.rowsPerBlock(), rows - from);
      script.sends(owner, holder, numbered(matrix.rowReplyBytes(layout, 1, count, 1)));
    }
  }

  /** {@link Pinned.Holder#open}. */
  public void pinnedOpening(Lane holder, Lane owner, LaneLayout layout, int rows) {
    for (int from = 0; from < rows; from += layout.rowsPerBlock()) {
      int count = Math.min(layout.rowsPerBlock(), rows - from);
      script.receives(holder, owner, numbered(matrix.rowReplyBytes(layout, 1, count, 1)));
      holder.compute(Work.OPERAND_OPENING, matrixUnit);
    }
  }

  /** A field of bytes with its length. */
  private static long sized(long bytes) {
    return Integer.BYTES + bytes;
  }

  /** The same with a number. */
  private static long numbered(long bytes) {
    return Integer.BYTES + sized(bytes);
  }
}
