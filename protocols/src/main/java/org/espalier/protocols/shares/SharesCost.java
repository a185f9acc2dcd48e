package org.espalier.protocols.shares;

import java.util.ArrayList;
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

  /** {@link WeightedGram}: of the contexts that its plan makes, label party first. */
  public void gram(WeightedGram.Plan plan, int rows) {
    Lane label = script.party(0);
    int features = plan.parties() - 1;
    label.compute(Work.KEY, slotUnit);
    label.compute(Work.SLOT_ENCRYPTION, plan.slotBlocks() * slotUnit);
    for (int p = 1; p <= features; p++) {
      script.message(label, script.party(p), sized(slots.ciphertextBytes()));
      for (int block = 0; block < plan.slotBlocks(); block++) {
        script.message(label, script.party(p), numbered(slots.ciphertextBytes()));
      }
      script
          .party(p)
          .compute(Work.KEY, slotUnit)
          .compute(Work.SLOT_READ, plan.slotBlocks() * slotUnit);
    }
    for (WeightedGram.Batch batch : plan.batches()) {
      batch(plan, batch, rows);
    }
  }

  private void batch(WeightedGram.Plan plan, WeightedGram.Batch batch, int rows) {
    Lane label = script.party(0);
    int features = plan.parties() - 1;
    int first = Math.max(1, batch.party());
    double entries = (double) rows * batch.count();
    if (batch.party() == 0) {
      label.compute(Work.ROUNDING, entries);
    } else {
      int replies = plan.slotBlocks() * plan.replies(batch.count());
      for (int r = 0; r < replies; r++) {
        script.party(first).compute(Work.SLOT_PRODUCT, slotUnit).compute(Work.SLOT_REPLY, slotUnit);
        script.message(
            script.party(first), label, numbered(slots.slotReplyBytes(plan.slotLimbs())));
        label.compute(Work.SLOT_OPENING, slotUnit);
      }
      script.party(first).compute(Work.INTEGER_PRODUCT, entries * plan.columns(first));
    }
    given(plan, batch, rows, label, first);
    if (batch.party() > 0 && first < features) {
      given(plan, batch, rows, script.party(first), first + 1);
    }
    for (int q = first; q <= features; q++) {
      int length = batch.count() * plan.columns(q);
      residues(script.party(q), label, length);
      if (batch.party() > 0 && q > first) {
        residues(script.party(first), label, length);
      }
    }
  }

  /** A holder's vectors, for the parties from one on. */
  private void given(
      WeightedGram.Plan plan, WeightedGram.Batch batch, int rows, Lane holder, int firstOwner) {
    List<Owner> owners = new ArrayList<>();
    for (int q = firstOwner; q < plan.parties(); q++) {
      owners.add(new Owner(script.party(q), plan.columns(q), false));
    }
    correlations(holder, plan.shape(batch.count(), firstOwner), owners);
    for (Owner owner : owners) {
      for (int s = 0; s < batch.count(); s++) {
        residues(holder, owner.lane(), rows);
      }
      owner.lane().compute(Work.INTEGER_PRODUCT, (double) rows * batch.count() * owner.columns());
    }
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

  /**
   * A stage's {@link SharedSeries}.
   *
   * @param first the side that holds the key of the first block
   */
  public Series series(Lane first, Lane second, int replyLimbs) {
    return new Series(first, second, numbered(slots.slotReplyBytes(replyLimbs)));
  }

  /** The evaluations of a stage, each party holding the keys of its blocks. */
  public final class Series {
    private final Lane[] sides;
    private final long reply;
    private final boolean[] hasKey = new boolean[2];

    private Series(Lane first, Lane second, long reply) {
      this.sides = new Lane[] {first, second};
      this.reply = reply;
    }

    /**
     * {@link SharedSeries#evaluate}.
     *
     * @param rowFunctions how many functions give a share a row
     * @param sums how many are summed over the rows
     */
    public void evaluate(SharedSeries.Layout layout, int rowFunctions, int sums) {
      int[][] held = {layout.heldBy(true), layout.heldBy(false)};
      Lane[] senders = new Lane[2];
      for (int side = 0; side < 2; side++) {
        boolean newKey = held[side].length > 0 && !hasKey[side];
        if (newKey) {
          sides[side].compute(Work.KEY, slotUnit);
        }
        senders[side] = sides[side].fork();
        if (newKey) {
          hasKey[side] = true;
          script.message(senders[side], sides[1 - side], sized(slots.ciphertextBytes()));
          sides[1 - side].compute(Work.KEY, slotUnit);
        }
      }
      for (int side = 0; side < 2; side++) {
        operands(senders[side], sides[1 - side], layout, held[side], 0);
      }
      for (int i = 0; i < Math.max(held[0].length, held[1].length); i++) {
        for (int side = 0; side < 2; side++) {
          if (i < held[1 - side].length) {
            answer(sides[side], layout, held[1 - side][i], rowFunctions, sums);
          }
        }
        for (int side = 0; side < 2; side++) {
          operands(senders[side], sides[1 - side], layout, held[side], i + 1);
        }
        for (int side = 0; side < 2; side++) {
          if (i < held[side].length) {
            replies(sides[1 - side], sides[side], rowFunctions);
          }
        }
      }
      for (int side = 0; side < 2; side++) {
        if (held[side].length > 0) {
          sides[1 - side].compute(Work.SLOT_REPLY, slotUnit * sums);
          replies(sides[1 - side], sides[side], sums);
        }
      }
      for (int side = 0; side < 2; side++) {
        sides[side].join(senders[side]);
      }
    }

    private void operands(Lane sender, Lane to, SharedSeries.Layout layout, int[] held, int index) {
      if (index < held.length) {
        int factors = layout.ciphertexts(held[index]);
        sender
            .compute(Work.WAVE, (double) layout.vectors() * layout.rowsIn(held[index]))
            .compute(Work.SLOT_ENCRYPTION, factors * slotUnit);
        for (int c = 0; c < factors; c++) {
          script.message(sender, to, numbered(slots.ciphertextBytes()));
        }
      }
    }

    private void answer(
        Lane lane, SharedSeries.Layout layout, int block, int rowFunctions, int sums) {
      int factors = layout.ciphertexts(block);
      double functions = (double) rowFunctions + sums;
      lane.compute(Work.SLOT_READ, factors * slotUnit)
          .compute(Work.WAVE, functions * layout.vectors() * layout.rowsIn(block))
          .compute(Work.SLOT_PRODUCT, functions * factors * slotUnit)
          .compute(Work.SLOT_REPLY, rowFunctions * slotUnit);
    }

    /** Sent by the main lane here: the sender waits for it, and a lane cannot wait for another. */
    private void replies(Lane from, Lane to, int count) {
      for (int r = 0; r < count; r++) {
        script.message(from, to, reply);
        to.compute(Work.SLOT_OPENING, slotUnit);
      }
    }
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
