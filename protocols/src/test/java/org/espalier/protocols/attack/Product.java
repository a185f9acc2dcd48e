package org.espalier.protocols.attack;

import java.util.Arrays;
import org.espalier.he.BackwardAccumulator;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.ParameterChooser;
import org.espalier.he.PublicKey;
import org.espalier.he.SeedRegistry;
import org.espalier.he.TileStore;
import org.espalier.he.Workload;
import org.espalier.protocols.fixedpoint.Quantisation;

/**
 * The product's encrypted Xᵀ·r between a holder of r and an evaluator with X, as {@code
 * ResidualHolder} and {@code SliceEvaluator} run it, open to both sides' view.
 */
final class Product implements AutoCloseable {
  private final int columns;
  private final ParameterChooser.Choice choice;
  private final HeContext context;
  private final TileStore tiles;
  private final KeyPair key;
  private final byte[] maskKey = new byte[32];

  /**
   * @param matrix row-major
   * @param largest bound on |r|
   */
  Product(int[] matrix, int rows, int columns, long largest) {
    this.columns = columns;
    long l1 = Math.max(1, Quantisation.maxColumnL1(matrix, columns));
    choice = ParameterChooser.choose(new Workload(rows, new int[] {columns}, l1 * largest, l1));
    context = HeContext.of(choice.parameters());
    tiles = TileStore.of(context, matrix, rows, columns, choice.width());
    key = context.generateKey();
  }

  /**
   * One product.
   *
   * @param opened what the holder of r decrypts
   * @param shares what the evaluator keeps
   * @param result their sum, which only the two together have
   */
  record Sides(long[] opened, long[] shares, long[] result) {}

  long modulus() {
    return choice.parameters().plain();
  }

  /** Every answer is made under the same mask key. */
  Sides answer(long[] r) {
    SeedRegistry seeds = new SeedRegistry();
    try (BackwardAccumulator pass = tiles.backward();
        PublicKey pk = context.readPublicKey(key.publicKey(), seeds)) {
      for (int block = 0; block < choice.blocks(r.length); block++) {
        int from = block * choice.rowsPerBlock();
        int count = Math.min(choice.rowsPerBlock(), r.length - from);
        pass.add(block, context.readBlock(key.encryptBlock(r, from, count, choice.width()), seeds));
      }
      var reply = pass.finish(pk, maskKey, choice.replyLimbs());
      long[] opened = key.open(reply.wire(), columns, choice.width(), choice.replyLimbs());
      long[] result = new long[columns];
      Arrays.setAll(
          result,
          j ->
              choice
                  .parameters()
                  .centre(choice.parameters().addPlain(opened[j], reply.shares()[j])));
      return new Sides(opened, reply.shares(), result);
    }
  }

  @Override
  public void close() {
    key.close();
    tiles.close();
    context.close();
  }
}
