package org.espalier.protocols.linear;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.ParameterChooser;
import org.espalier.he.Workload;
import org.espalier.protocols.fixedpoint.Quantisation;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * The side of the federated linear layer that holds a vector r: lets every evaluator p obtain
 * X_pᵀ·r, and learns nothing but uniformly masked residues.
 *
 * <p>Adversary: this side may send anything and still reads nothing of X (replies are perfectly
 * masked, {@link org.espalier.he.BackwardAccumulator#finish}); an evaluator learns its product (d_p
 * equations in r), and one that deviates may choose which d_p equations. A fresh key for every
 * product keeps that from growing: the holder decrypts what it is sent, so an evaluator can spend
 * its d_p answers on the key instead of on r, and would otherwise open all earlier products.
 *
 * <p>Source: coefficient packing as in Cheetah (Huang et al., USENIX Security 2022). Specification:
 * docs/protocols/gradients.md.
 */
public final class ResidualHolder implements AutoCloseable {
  /** Blocks that are encrypted side by side, and then sent. */
  public static final int ENCRYPTED_AT_ONCE = 16;

  private final Map<Party, Channel> evaluators;
  private final Map<Party, Integer> columns = new TreeMap<>();
  private final int rows;
  private final Quantisation quantisation;
  private final ParameterChooser.Choice choice;
  private final HeContext context;
  private final Prg coins = Prg.fresh();
  private final long[] integers;

  /**
   * Receives every evaluator's shape and bound, and computes and announces the parameters.
   *
   * @param mostColumns that all evaluators together may have: each column is one equation in r
   * @param tolerance of the training's objective
   * @param spareBits see {@link Quantisation#forTolerance}
   */
  public ResidualHolder(
      int rows, int mostColumns, double tolerance, int spareBits, Map<Party, Channel> evaluators) {
    this(
        rows,
        mostColumns,
        columns -> Quantisation.forTolerance(rows, columns, tolerance, spareBits),
        evaluators);
  }

  /**
   * The same.
   *
   * @param bits those of features and residuals, by the columns of all evaluators together
   */
  public ResidualHolder(
      int rows, int mostColumns, IntFunction<Quantisation> bits, Map<Party, Channel> evaluators) {
    this.rows = rows;
    this.evaluators = evaluators;
    this.integers = new long[rows];
    long columnL1 = 1;
    for (Map.Entry<Party, Channel> e : evaluators.entrySet()) {
      Messages.SliceSummary summary =
          e.getValue().receive(Messages.SliceSummary.TYPE, Messages.SLACK);
      if (summary.rows() != rows) {
        throw new WireException.ProtocolViolation(
            e.getKey(), "its slice has " + summary.rows() + " rows, the cohort has " + rows);
      }
      if (summary.columnL1() < 1) {
        throw new WireException.ProtocolViolation(e.getKey(), "a column bound below 1");
      }
      if (summary.columns() > mostColumns - totalColumns()) {
        throw new WireException.ProtocolViolation(
            e.getKey(),
            "its %d columns are too many for %d rows".formatted(summary.columns(), rows));
      }
      columns.put(e.getKey(), summary.columns());
      columnL1 = Math.max(columnL1, summary.columnL1());
    }
    this.quantisation = bits.apply(totalColumns());
    int[] sizes = columns.values().stream().mapToInt(Integer::intValue).toArray();
    this.choice = ParameterChooser.choose(workload(rows, sizes, quantisation, columnL1));
    this.context = HeContext.of(choice.parameters());
    Messages.Setup setup =
        new Messages.Setup(choice.parameters().encode(), choice.width(), choice.replyLimbs());
    evaluators.values().forEach(channel -> channel.send(setup));
  }

  /**
   * What the product has to carry.
   *
   * @param columns of each evaluator
   * @param columnL1 largest absolute sum of a column's integers
   */
  public static Workload workload(
      int rows, int[] columns, Quantisation quantisation, long columnL1) {
    return new Workload(
        rows,
        columns,
        quantisation.gradientBound(columnL1),
        columnL1,
        quantisation.columnSquares(rows));
  }

  public Quantisation quantisation() {
    return quantisation;
  }

  /** Columns of each evaluator. */
  public List<Integer> columns() {
    return List.copyOf(columns.values());
  }

  /** Columns of all evaluators together. */
  public int totalColumns() {
    return columns.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** What runs, for the record. */
  public ParameterChooser.Choice choice() {
    return choice;
  }

  /**
   * One product: afterwards every evaluator holds its X_pᵀ·r.
   *
   * @param residuals r, one a row, each in [-1, 1]
   */
  public void deliver(double[] residuals) {
    deliver(List.of(residuals));
  }

  /**
   * Several products in one round trip, each under a key of its own: afterwards every evaluator
   * holds X_pᵀ·r of each.
   *
   * @param vectors of residuals, each as {@link #deliver(double[])} takes it
   */
  public void deliver(List<double[]> vectors) {
    List<KeyPair> keys = new ArrayList<>();
    try {
      for (double[] residuals : vectors) {
        quantisation.quantiseResiduals(residuals, coins, integers);
        KeyPair key = context.generateKey();
        keys.add(key);
        send(key);
      }
      evaluators.forEach((party, channel) -> answer(keys, party, channel));
    } finally {
      keys.forEach(KeyPair::close);
      Arrays.fill(integers, 0);
    }
  }

  private void send(KeyPair key) {
    int blocks = choice.blocks(rows);
    Messages.ProductKey publicKey = new Messages.ProductKey(key.publicKey());
    evaluators.values().forEach(channel -> channel.send(publicKey));
    for (int from = 0; from < blocks; from += ENCRYPTED_AT_ONCE) {
      int first = from;
      byte[][] ciphertexts =
          IntStream.range(from, Math.min(blocks, from + ENCRYPTED_AT_ONCE))
              .parallel()
              .mapToObj(block -> encrypt(key, block))
              .toArray(byte[][]::new);
      for (int i = 0; i < ciphertexts.length; i++) {
        Messages.EncryptedResiduals message =
            new Messages.EncryptedResiduals(first + i, ciphertexts[i]);
        evaluators.values().forEach(channel -> channel.send(message));
      }
    }
  }

  private byte[] encrypt(KeyPair key, int block) {
    int perBlock = choice.rowsPerBlock();
    int from = block * perBlock;
    return key.encryptBlock(integers, from, Math.min(perBlock, rows - from), choice.width());
  }

  /** All replies are taken before the first is answered, so that neither side waits to send. */
  private void answer(List<KeyPair> keys, Party party, Channel channel) {
    int d = columns.get(party);
    long bytes = context.replyBytes(d, choice.width(), choice.replyLimbs());
    List<long[]> opened = new ArrayList<>();
    for (KeyPair key : keys) {
      byte[] reply = channel.receive(Messages.ProductReply.TYPE, bytes + Messages.SLACK).reply();
      try {
        opened.add(key.open(reply, d, choice.width(), choice.replyLimbs()));
      } catch (IllegalArgumentException e) {
        throw new WireException.ProtocolViolation(party, "its reply: " + e.getMessage(), e);
      }
    }
    opened.forEach(values -> channel.send(new Messages.MaskedProduct(values)));
  }

  @Override
  public void close() {
    context.close();
  }
}
