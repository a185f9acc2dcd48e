package org.espalier.protocols.linear;

import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.he.BackwardAccumulator;
import org.espalier.he.HeContext;
import org.espalier.he.MaskedReply;
import org.espalier.he.ParameterChooser;
import org.espalier.he.Parameters;
import org.espalier.he.PublicKey;
import org.espalier.he.RangeException;
import org.espalier.he.SeedRegistry;
import org.espalier.he.TileStore;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.WireException;

/**
 * The side of the federated linear layer that holds features X: obtains Xᵀ·r for the holder's
 * secret r. See {@link ResidualHolder}.
 */
public final class SliceEvaluator implements AutoCloseable {
  private final Channel holder;
  private final int rows;
  private final Quantisation quantisation;
  private final ParameterChooser.Choice choice;
  private final HeContext context;
  private final TileStore tiles;
  private final SeedRegistry seeds = new SeedRegistry();
  private final byte[] maskKey = Prg.freshSeed();

  /**
   * Announces this slice's shape and bound, checks the holder's parameters against every inequality
   * and makes the slice's tiles.
   *
   * @param x n × d, prepared and whitened
   * @param totalColumns of all evaluators
   * @param tolerance of the training's objective
   * @param spareBits see {@link Quantisation#forTolerance}
   */
  public SliceEvaluator(
      Channel holder, RowSource x, int totalColumns, double tolerance, int spareBits) {
    this(holder, x, Quantisation.forTolerance(x.rows(), totalColumns, tolerance, spareBits));
  }

  /**
   * The same.
   *
   * @param quantisation what the holder computes as well
   */
  public SliceEvaluator(Channel holder, RowSource x, Quantisation quantisation) {
    this.holder = holder;
    this.rows = x.rows();
    this.quantisation = quantisation;
    IntegerSlice integers = new IntegerSlice(x, quantisation);
    long columnL1 = integers.columnL1();
    holder.send(new Messages.SliceSummary(rows, x.columns(), columnL1));
    Messages.Setup setup = holder.receive(Messages.Setup.TYPE, Messages.Setup.LIMIT);
    try {
      this.choice =
          new ParameterChooser.Choice(
              Parameters.decode(setup.parameters()), setup.width(), setup.replyLimbs());
      ParameterChooser.verify(
          ResidualHolder.workload(rows, new int[] {x.columns()}, quantisation, columnL1), choice);
    } catch (IllegalArgumentException | RangeException e) {
      throw new WireException.ProtocolViolation(holder.peer(), "it chose " + e.getMessage(), e);
    }
    this.context = HeContext.of(choice.parameters());
    this.tiles =
        TileStore.of(context, shape(choice, rows, x.columns(), integers.largest()), integers::rows);
  }

  /** How a slice is kept. */
  public static TileStore.Shape shape(
      ParameterChooser.Choice choice, int rows, int columns, int largest) {
    return TileStore.Shape.of(choice.parameters(), rows, columns, choice.width(), largest);
  }

  /** What runs, for the record. */
  public ParameterChooser.Choice choice() {
    return choice;
  }

  public Quantisation quantisation() {
    return quantisation;
  }

  /**
   * One product.
   *
   * @param product Xᵀ·r, d values
   * @param request SHA-256 of everything the holder sent for it: equal at all evaluators if and
   *     only if the holder sent them the same
   */
  public record Product(double[] product, byte[] request) {}

  /**
   * Several products of one round trip.
   *
   * @param products Xᵀ·r of each vector, d values
   * @param request as in {@link Product}, of all of them together
   */
  public record Products(List<double[]> products, byte[] request) {}

  /** Takes part in the holder's {@link ResidualHolder#deliver(double[])}. */
  public Product receive() {
    Products one = receive(1);
    return new Product(one.products().get(0), one.request());
  }

  /**
   * Takes part in the holder's {@link ResidualHolder#deliver(List)}.
   *
   * @param count how many vectors the holder delivers, at least 1
   */
  public Products receive(int count) {
    MessageDigest request = Digests.sha256();
    List<MaskedReply> replies = new ArrayList<>();
    for (int k = 0; k < count; k++) {
      replies.add(reply(request));
    }
    replies.forEach(reply -> holder.send(new Messages.ProductReply(reply.wire())));
    return new Products(
        replies.stream().map(reply -> unmask(reply.shares())).toList(), request.digest());
  }

  private MaskedReply reply(MessageDigest request) {
    byte[] publicKey =
        holder
            .receive(Messages.ProductKey.TYPE, context.ciphertextBytes() + Messages.SLACK)
            .publicKey();
    request.update(publicKey);
    try (PublicKey key = context.readPublicKey(publicKey, seeds);
        BackwardAccumulator sum = tiles.backward()) {
      for (int block = 0; block < tiles.blocks(); block++) {
        Messages.EncryptedResiduals message =
            holder.receive(
                Messages.EncryptedResiduals.TYPE, context.ciphertextBytes() + Messages.SLACK);
        if (message.index() != block) {
          throw new WireException.ProtocolViolation(
              holder.peer(), "sent block " + message.index() + " where " + block + " was due");
        }
        request.update(message.ciphertext());
        sum.add(block, context.readBlock(message.ciphertext(), seeds));
      }
      return sum.finish(key, maskKey, choice.replyLimbs());
    } catch (IllegalArgumentException e) {
      throw new WireException.ProtocolViolation(holder.peer(), e.getMessage(), e);
    }
  }

  private double[] unmask(long[] shares) {
    Parameters p = choice.parameters();
    long[] opened =
        holder.receive(Messages.MaskedProduct.TYPE, 8L * shares.length + Messages.SLACK).values();
    if (opened.length != shares.length) {
      throw new WireException.ProtocolViolation(
          holder.peer(), "returned " + opened.length + " values for " + shares.length);
    }
    double[] product = new double[shares.length];
    for (int j = 0; j < product.length; j++) {
      if (opened[j] < 0 || opened[j] >= p.plain()) {
        throw new WireException.ProtocolViolation(
            holder.peer(), "value " + j + " is not a residue modulo t");
      }
      product[j] = quantisation.gradient(p.centre(p.addPlain(opened[j], shares[j])));
    }
    return product;
  }

  @Override
  public void close() {
    Arrays.fill(maskKey, (byte) 0);
    tiles.close();
    context.close();
  }
}
