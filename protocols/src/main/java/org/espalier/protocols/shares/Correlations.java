package org.espalier.protocols.shares;

import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.MaskedReply;
import org.espalier.he.MatrixEvaluator;
import org.espalier.he.PublicKey;
import org.espalier.he.SeedRegistry;
import org.espalier.protocols.mask.Prg;
import org.espalier.wire.Channel;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * Random products with a fixed secret matrix, made in advance, from which any product with it
 * follows without further encryption.
 *
 * <p>The <em>owner</em> has the matrix X (n × d). The <em>holder</em> draws uniform vectors b_s
 * (one residue a column) and ρ_s (one a row). Afterwards the holder has σ_s and γ_s, the owner τ_s
 * and δ_s, each uniform by itself, with σ_s + τ_s = X·b_s and γ_s + δ_s = Xᵀ·ρ_s modulo t. Later
 * the holder of a share v sends v − b_s, which is uniform, and the owner computes X·(v − b_s) +
 * τ_s: a share of X·v whose other half is σ_s. Each s is used once.
 *
 * <p>Adversary: the replies are masked over their full width, so that whatever the holder sends it
 * learns nothing about X; the owner sees ciphertexts only. A side that deviates makes the results
 * wrong, and can read nothing by it before something is opened. Source: Beaver's preprocessing
 * (CRYPTO 1991) for products with one fixed matrix; coefficient packing as in Cheetah (USENIX
 * Security 2022), several vectors a ciphertext ({@link LaneLayout}).
 */
public final class Correlations {
  static final int BATCH = 16;

  private Correlations() {}

  /**
   * What one run makes.
   *
   * @param layout how the vectors share a ciphertext
   * @param vectors how many, at most the layout's lanes
   * @param rows n
   * @param replyLimbs primes that a reply keeps
   */
  public record Shape(LaneLayout layout, int vectors, int rows, int replyLimbs) {
    int rowsIn(int block) {
      return Math.min(layout.rowsPerBlock(), rows - block * layout.rowsPerBlock());
    }
  }

  /**
   * An owner as the holder sees it.
   *
   * @param columns d
   * @param forward whether products X·b are wanted, too
   */
  public record Owner(Channel channel, int columns, boolean forward) {}

  /**
   * The holder's half for one owner; ρ is the same for all owners.
   *
   * @param b vectors × d; empty without forward products
   * @param sigma vectors × n; empty without forward products
   * @param rho vectors × n
   * @param gamma vectors × d
   */
  public record Held(long[][] b, long[][] sigma, long[][] rho, long[][] gamma) {}

  /**
   * The owner's half.
   *
   * @param tau vectors × n; empty without forward products
   * @param delta vectors × d
   * @param request SHA-256 of the holder's key and encrypted ρ: equal at all owners if and only if
   *     the holder sent them the same
   */
  public record Owned(long[][] tau, long[][] delta, byte[] request) {}

  /**
   * The holder's side, with all owners at once.
   *
   * @throws WireException if an owner breaks the protocol, stops or is gone
   */
  public static Map<Party, Held> hold(
      HeContext context, PrimeField field, Shape shape, Map<Party, Owner> owners) {
    int vectors = shape.vectors();
    Prg random = Prg.fresh();
    long[][] rho = uniform(field, random, vectors, shape.rows());
    Map<Party, Held> held = new TreeMap<>();
    owners.forEach(
        (party, owner) ->
            held.put(
                party,
                new Held(
                    owner.forward()
                        ? uniform(field, random, vectors, owner.columns())
                        : new long[0][],
                    owner.forward() ? new long[vectors][shape.rows()] : new long[0][],
                    rho,
                    new long[vectors][owner.columns()])));
    List<Channel> channels = owners.values().stream().map(Owner::channel).toList();
    try (KeyPair key = context.generateKey()) {
      Sending sending =
          new Sending("ciphertexts", channels, () -> send(key, shape, owners, held, rho));
      receive(context, key, shape, owners, held);
      sending.finish();
    }
    return held;
  }

  private static long[][] uniform(PrimeField field, Prg random, int vectors, int length) {
    long[][] out = new long[vectors][];
    for (int s = 0; s < vectors; s++) {
      out[s] = field.uniform(random, length);
    }
    return out;
  }

  private static void send(
      KeyPair key, Shape shape, Map<Party, Owner> owners, Map<Party, Held> held, long[][] rho) {
    LaneLayout layout = shape.layout();
    Messages.StageKey publicKey = new Messages.StageKey(key.publicKey());
    owners.forEach(
        (party, owner) -> {
          owner.channel().send(publicKey);
          if (owner.forward()) {
            long[][] b = held.get(party).b();
            send(
                layout.groups(owner.columns()),
                group -> key.encryptColumns(layout, b, group),
                List.of(owner.channel()));
          }
        });
    send(
        layout.blocks(shape.rows()),
        block -> key.encryptRows(layout, rho, block, shape.rowsIn(block)),
        owners.values().stream().map(Owner::channel).toList());
  }

  /**
   * Batch by batch, and in each owner by owner as replies are read: nobody can wait in a circle.
   */
  private static void send(int count, IntFunction<byte[]> encrypt, List<Channel> channels) {
    for (int from = 0; from < count; from += BATCH) {
      int first = from;
      byte[][] ciphertexts =
          IntStream.range(from, Math.min(count, from + BATCH))
              .parallel()
              .mapToObj(encrypt)
              .toArray(byte[][]::new);
      for (Channel channel : channels) {
        for (int i = 0; i < ciphertexts.length; i++) {
          channel.send(new Messages.Operand(first + i, ciphertexts[i]));
        }
      }
    }
  }

  private static void receive(
      HeContext context,
      KeyPair key,
      Shape shape,
      Map<Party, Owner> owners,
      Map<Party, Held> held) {
    LaneLayout layout = shape.layout();
    int vectors = shape.vectors();
    int limbs = shape.replyLimbs();
    int blocks = layout.blocks(shape.rows());
    for (int from = 0; from < blocks; from += BATCH) {
      int end = Math.min(blocks, from + BATCH);
      for (Map.Entry<Party, Owner> entry : owners.entrySet()) {
        if (!entry.getValue().forward()) {
          continue;
        }
        Channel channel = entry.getValue().channel();
        long[][] sigma = held.get(entry.getKey()).sigma();
        byte[][] replies = new byte[end - from][];
        for (int block = from; block < end; block++) {
          replies[block - from] =
              Messages.Reply.receive(
                  channel,
                  block,
                  context.rowReplyBytes(layout, vectors, shape.rowsIn(block), limbs));
        }
        int first = from;
        long[][][] opened =
            Messages.checked(
                channel,
                () ->
                    IntStream.range(0, replies.length)
                        .parallel()
                        .mapToObj(
                            i ->
                                key.openRows(
                                    layout, replies[i], vectors, shape.rowsIn(first + i), limbs))
                        .toArray(long[][][]::new));
        for (int i = 0; i < opened.length; i++) {
          for (int s = 0; s < vectors; s++) {
            int at = (from + i) * layout.rowsPerBlock();
            System.arraycopy(opened[i][s], 0, sigma[s], at, opened[i][s].length);
          }
        }
      }
    }
    owners.forEach(
        (party, owner) -> {
          byte[] reply =
              Messages.Reply.receive(
                  owner.channel(),
                  blocks,
                  context.columnReplyBytes(layout, vectors, owner.columns(), limbs));
          long[][] gamma =
              Messages.checked(
                  owner.channel(),
                  () -> key.openColumns(layout, reply, vectors, owner.columns(), limbs));
          System.arraycopy(gamma, 0, held.get(party).gamma(), 0, vectors);
        });
  }

  /**
   * An owner's side.
   *
   * @param matrix {@code shape.rows()} rows
   * @param forward whether products X·b are wanted, too
   * @throws WireException if the holder breaks the protocol, stops or is gone
   */
  public static Owned own(
      HeContext context, Shape shape, Channel holder, IntegerMatrix matrix, boolean forward) {
    LaneLayout layout = shape.layout();
    int vectors = shape.vectors();
    int columns = matrix.columns();
    SeedRegistry seeds = new SeedRegistry();
    byte[] maskKey = Prg.freshSeed();
    List<EncryptedBlock> operands = new ArrayList<>();
    MessageDigest request = Digests.sha256();
    long[][] tau = forward ? new long[vectors][shape.rows()] : new long[0][];
    long[][] delta = new long[vectors][columns];
    try (PublicKey key = key(holder, context, seeds, request)) {
      int groups = forward ? layout.groups(columns) : 0;
      for (int group = 0; group < groups; group++) {
        operands.add(context.readBlock(Messages.Operand.receive(holder, context, group), seeds));
      }
      try (MatrixEvaluator evaluator = context.matrix(layout, columns, vectors, operands)) {
        int blocks = layout.blocks(shape.rows());
        for (int from = 0; from < blocks; from += BATCH) {
          int end = Math.min(blocks, from + BATCH);
          rows(
              context, shape, holder, matrix, evaluator, key, maskKey, seeds, from, end, tau,
              request);
        }
        MaskedReply last = evaluator.finish(key, maskKey, shape.replyLimbs());
        holder.send(new Messages.Reply(blocks, last.wire()));
        for (int s = 0; s < vectors; s++) {
          System.arraycopy(last.shares(), s * columns, delta[s], 0, columns);
        }
      }
    } catch (IllegalArgumentException e) {
      throw new WireException.ProtocolViolation(holder.peer(), e.getMessage(), e);
    } finally {
      operands.forEach(EncryptedBlock::close);
      Arrays.fill(maskKey, (byte) 0);
    }
    return new Owned(tau, delta, request.digest());
  }

  private static PublicKey key(
      Channel holder, HeContext context, SeedRegistry seeds, MessageDigest request) {
    byte[] bytes = Messages.StageKey.bytes(holder, context);
    request.update(bytes);
    return Messages.checked(holder, () -> context.readPublicKey(bytes, seeds));
  }

  private static void rows(
      HeContext context,
      Shape shape,
      Channel holder,
      IntegerMatrix matrix,
      MatrixEvaluator evaluator,
      PublicKey key,
      byte[] maskKey,
      SeedRegistry seeds,
      int from,
      int end,
      long[][] tau,
      MessageDigest request) {
    LaneLayout layout = shape.layout();
    List<EncryptedBlock> operands = new ArrayList<>();
    try {
      for (int block = from; block < end; block++) {
        byte[] bytes = Messages.Operand.receive(holder, context, block);
        request.update(bytes);
        operands.add(context.readBlock(bytes, seeds));
      }
      int first = from * layout.rowsPerBlock();
      int count = Math.min(shape.rows(), end * layout.rowsPerBlock()) - first;
      List<MaskedReply> replies =
          evaluator.rows(
              matrix.values(first, count), 0, count, operands, key, maskKey, shape.replyLimbs());
      for (int i = 0; i < replies.size(); i++) {
        MaskedReply reply = replies.get(i);
        holder.send(new Messages.Reply(from + i, reply.wire()));
        int rows = shape.rowsIn(from + i);
        for (int s = 0; s < shape.vectors(); s++) {
          System.arraycopy(
              reply.shares(), s * rows, tau[s], (from + i) * layout.rowsPerBlock(), rows);
        }
      }
    } finally {
      operands.forEach(EncryptedBlock::close);
    }
  }
}
