package org.espalier.protocols.shares;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.espalier.he.EncryptedBlock;
import org.espalier.he.HeContext;
import org.espalier.he.KeyPair;
import org.espalier.he.LaneLayout;
import org.espalier.he.MaskedReply;
import org.espalier.he.ParameterChooser;
import org.espalier.he.PublicKey;
import org.espalier.he.SealedParameters;
import org.espalier.he.SealedWorkload;
import org.espalier.he.SeedRegistry;
import org.espalier.he.SlotAccumulator;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.prepare.Matrix;
import org.espalier.protocols.prepare.Whitening;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.WireException;

/**
 * XᵀDX over the columns of all parties, with one weight a row that only the label party knows: the
 * information matrix of a generalised linear model. It is opened at the label party, and nothing
 * else is opened at anybody.
 *
 * <p>For each column x of a feature party p the two first get shares of D·x: the label party sends
 * D encrypted in slots, once; p multiplies by its column and masks the reply over its full width.
 * Then both, as {@linkplain Correlations holders}, let the other owners have shares of their
 * columns' products with it, and the label party adds up what it is sent. Products of the label
 * party's columns with D it knows itself. Of each pair of parties one is computed.
 *
 * <p>Adversary: semi-honest. Until the sums are opened everything is uniform to whoever reads it.
 * The label party learns Σ_i D_i·x_i·x_iᵀ of the columns as they are given, with what each feature
 * party adds to its own block: feature parties give theirs {@linkplain Whitening whitened}, under a
 * rotation that only they know. One that deviates chooses D, and the vectors in the place of its
 * own columns' products. Fresh keys for each batch, so that all that is opened of products under
 * one key tells less than the key ({@link SealedParameters}).
 *
 * <p>Cost: for each column of a feature party n slots and twice n coefficients are encrypted and
 * sent, once more for each further feature party; bytes grow with n·d, processor time with n·d².
 */
public final class WeightedGram {
  /** Most columns of all parties together. */
  public static final int MOST_COLUMNS = 500;

  private static final int MOST_VECTORS = 16;

  /** Of shares of a batch in memory. */
  private static final long VECTOR_MEMORY = 256L << 20;

  private static final int MOST_BITS = 11;
  private static final int PLAIN_BITS = 46;
  private static final int LEAST_PLAIN_BITS = 40;

  /** Of a key that opened sums may tell: within the smallest ring's room. */
  private static final int KEY_BITS = 6000;

  /** At most so much of an answer depends on the label party's decryptions. */
  private static final int BITS_OF_ANSWER = 40;

  private WeightedGram() {}

  /**
   * Consecutive columns of one party.
   *
   * @param party 0 is the label party
   */
  record Batch(int party, int from, int count) {}

  /** What all parties compute alike from the sizes. */
  public static final class Plan {
    private final int rows;
    private final int[] columns;
    private final int bits;
    private final int vectors;
    private final SealedParameters parameters;
    private final PrimeField field;

    /**
     * @param columns label party first, then the feature parties by name; each at least 1
     * @throws IllegalArgumentException if there are too many rows or columns
     */
    public Plan(int rows, int... columns) {
      if (columns.length < 2 || Arrays.stream(columns).anyMatch(c -> c < 1)) {
        throw new IllegalArgumentException("columns of " + Arrays.toString(columns));
      }
      requireColumns(Arrays.stream(columns).asLongStream().sum());
      this.rows = rows;
      this.columns = columns.clone();
      int logRows = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(1, rows - 1));
      this.bits = Math.min(MOST_BITS, (PLAIN_BITS - 3 - logRows) / 3);
      // A column's integers are each off by less than one: its length is at most √n·(2^bits + 1).
      long unit = (1L << bits) + 1;
      int plain = Math.max(LEAST_PLAIN_BITS, 3 * bits + logRows + 3);
      int features = Arrays.stream(columns).skip(1).sum();
      int told = columns.length == 2 ? 1 : features * plain;
      int most = Math.max(1, Math.min(MOST_VECTORS, KEY_BITS / told));
      while (most > 1 && 3L * most * rows * Long.BYTES > VECTOR_MEMORY) {
        most /= 2;
      }
      this.vectors = Integer.highestOneBit(most);
      int opened = Math.max(features * BITS_OF_ANSWER, columns.length == 2 ? 1 : vectors * told);
      this.parameters =
          SealedParameters.choose(
              new SealedWorkload(plain, 1, Math.multiplyExact(unit, rows), 1, opened));
      this.field = new PrimeField(parameters.matrix().parameters().plain());
    }

    /** Throws where all parties together have too many columns. */
    public static void requireColumns(long total) {
      if (total > MOST_COLUMNS) {
        throw new IllegalArgumentException(
            "standard errors are for at most %d columns of all parties together, the intercept included; here are %,d"
                .formatted(MOST_COLUMNS, total));
      }
    }

    /** Columns of all parties. */
    public int total() {
      return Arrays.stream(columns).sum();
    }

    public int columns(int party) {
      return columns[party];
    }

    int parties() {
      return columns.length;
    }

    /** Where a party's columns begin. */
    public int offset(int party) {
      return Arrays.stream(columns).limit(party).sum();
    }

    /** Bits after the point of a weight and, at most, of an entry. */
    public int bits() {
      return bits;
    }

    /** The ring of products with slices; to be closed. */
    public HeContext matrixContext() {
      return HeContext.of(parameters.matrix().parameters());
    }

    /** The ring of products in slots; to be closed. */
    public HeContext slotContext() {
      return HeContext.of(parameters.slots().parameters());
    }

    /** Of all shares. */
    public PrimeField field() {
      return field;
    }

    int slotLimbs() {
      return parameters.slots().replyLimbs();
    }

    List<Batch> batches() {
      List<Batch> all = new ArrayList<>();
      for (int p = 0; p < columns.length; p++) {
        for (int from = 0; from < columns[p]; from += vectors) {
          all.add(new Batch(p, from, Math.min(vectors, columns[p] - from)));
        }
      }
      return all;
    }

    /**
     * How vectors lie where owners from this party on answer: fewest ciphertexts there and back.
     */
    Correlations.Shape shape(int count, int firstOwner) {
      ParameterChooser.Choice choice = parameters.matrix();
      int degree = choice.parameters().degree();
      int most = Arrays.stream(columns).skip(firstOwner).max().orElseThrow();
      int lanes = count == 1 ? 1 : Integer.highestOneBit(count - 1) << 1;
      LaneLayout best = new LaneLayout(degree, lanes, 1);
      for (int width = 2; width <= choice.width() && width * lanes <= degree / 8; width *= 2) {
        LaneLayout wider = new LaneLayout(degree, lanes, width);
        if (wider.groups(most) + wider.blocks(rows) < best.groups(most) + best.blocks(rows)) {
          best = wider;
        }
      }
      return new Correlations.Shape(best, count, rows, choice.replyLimbs());
    }

    int slots() {
      return parameters.slots().parameters().degree();
    }

    int slotBlocks() {
      return (rows + slots() - 1) / slots();
    }

    int firstRow(int block) {
      return block * slots();
    }

    int rowsIn(int block) {
      return Math.min(slots(), rows - firstRow(block));
    }

    /** Columns beside each other in a reply of slots. */
    int segments() {
      return rows >= slots() ? 1 : Integer.highestOneBit(slots() / rows);
    }

    int stride() {
      return slots() / segments();
    }

    /** Replies of slots for each block of rows of a batch. */
    int replies(int count) {
      return (count + segments() - 1) / segments();
    }
  }

  /**
   * A feature party's columns as integers, with as many bits as the plan has unless an entry is so
   * large that they take too many.
   *
   * @param bits after the point, at most the plan's
   */
  public record Slice(IntegerMatrix matrix, int bits) {
    /**
     * @param own n × d
     * @param whitening of them
     * @throws IllegalArgumentException if not even few bits fit
     */
    public static Slice of(Plan plan, Matrix own, Whitening whitening, Workspace workspace) {
      double largest = 1;
      for (int from = 0; from < own.rows(); from += IntegerMatrix.CHUNK_ROWS) {
        for (double x : whitened(own, whitening, from).values()) {
          largest = Math.max(largest, Math.abs(x));
        }
      }
      int room = Math.getExponent(Short.MAX_VALUE / largest);
      int bits = Math.min(plan.bits(), room);
      if (bits < 1) {
        throw new IllegalArgumentException(
            "a prepared feature of %.0f deviations is too far from the others".formatted(largest));
      }
      IntegerMatrix matrix =
          new IntegerMatrix(
              own.rows(),
              own.columns(),
              workspace,
              (from, count, values) -> {
                Prg coins = Prg.fresh();
                double[] rows = whitened(own, whitening, from).values();
                for (int at = 0; at < rows.length; at++) {
                  values[at] = (short) coins.roundStochastically(Math.scalb(rows[at], bits));
                }
              });
      return new Slice(matrix, bits);
    }

    private static Matrix whitened(Matrix own, Whitening whitening, int from) {
      int d = own.columns();
      int count = Math.min(IntegerMatrix.CHUNK_ROWS, own.rows() - from);
      return whitening.apply(
          new Matrix(count, d, Arrays.copyOfRange(own.values(), from * d, (from + count) * d)));
    }
  }

  /**
   * The label party's side.
   *
   * @param features all of the plan's feature parties
   * @param bits after the point of each feature party's slice, by name
   * @param own n × d, of columns whose mean square is at most 1
   * @param weights D, one a row, each 0 to 1
   * @return all columns by all columns, the label party's first
   * @throws WireException if a feature party breaks the protocol, stops or is gone
   */
  public static Matrix label(
      Plan plan, Map<Party, Channel> features, int[] bits, Matrix own, double[] weights) {
    try (HeContext context = plan.matrixContext();
        HeContext slots = plan.slotContext();
        Label label = new Label(plan, features, bits, weights, slots)) {
      label.own(own);
      for (Batch batch : plan.batches()) {
        label.batch(context, batch, batch.party() == 0 ? label.vectors(batch, own) : null);
      }
      return label.gram();
    }
  }

  /**
   * A feature party's side.
   *
   * @param others the other feature parties
   * @param added to the products of its own columns with each other before they are opened, d × d,
   *     symmetric, in the unit of D; together with them in the field's range
   */
  public static void feature(
      Plan plan, Channel label, Map<Party, Channel> others, Slice slice, Matrix added) {
    try (HeContext context = plan.matrixContext();
        HeContext slots = plan.slotContext();
        Feature feature = new Feature(plan, label, others, slice, added, slots)) {
      for (Batch batch : plan.batches()) {
        feature.batch(context, batch);
      }
    }
  }

  private static final class Label implements AutoCloseable {
    private final Plan plan;
    private final List<Party> parties;
    private final List<Channel> channels;
    private final int[] bits;
    private final double[] weights;
    private final int[] integers;
    private final PrimeField field;
    private final HeContext slots;
    private final KeyPair key;
    private final double[] gram;
    private final Prg coins = Prg.fresh();
    private final int[] opened;

    Label(Plan plan, Map<Party, Channel> features, int[] bits, double[] weights, HeContext slots) {
      NavigableMap<Party, Channel> byName = new TreeMap<>(features);
      this.plan = plan;
      this.parties = List.copyOf(byName.keySet());
      this.channels = List.copyOf(byName.values());
      this.bits = bits.clone();
      this.weights = weights;
      this.integers = new int[weights.length];
      this.field = plan.field();
      this.gram = new double[plan.total() * plan.total()];
      for (int i = 0; i < weights.length; i++) {
        integers[i] = (int) coins.roundStochastically(Math.scalb(weights[i], plan.bits()));
      }
      this.opened = new int[channels.size()];
      this.slots = slots;
      this.key = slots.generateKey();
      Messages.StageKey publicKey = new Messages.StageKey(key.publicKey());
      channels.forEach(channel -> channel.send(publicKey));
      for (int block = 0; block < plan.slotBlocks(); block++) {
        Messages.Operand operand = new Messages.Operand(block, encrypted(block));
        channels.forEach(channel -> channel.send(operand));
      }
    }

    private byte[] encrypted(int block) {
      int[] values = new int[plan.slots()];
      for (int g = 0; g < plan.segments(); g++) {
        System.arraycopy(
            integers, plan.firstRow(block), values, g * plan.stride(), plan.rowsIn(block));
      }
      byte[] ciphertext = key.encryptSlots(values, 0, values.length);
      Arrays.fill(values, 0);
      return ciphertext;
    }

    void own(Matrix own) {
      double[] weighted = own.values().clone();
      int d = own.columns();
      for (int at = 0; at < weighted.length; at++) {
        weighted[at] *= Math.sqrt(weights[at / d]);
      }
      Matrix block = new Matrix(own.rows(), d, weighted).gram();
      for (int j = 0; j < d; j++) {
        System.arraycopy(block.values(), j * d, gram, j * plan.total(), d);
      }
    }

    /** Own columns times D as residues. */
    long[][] vectors(Batch batch, Matrix own) {
      long[][] vectors = new long[batch.count()][own.rows()];
      for (int s = 0; s < vectors.length; s++) {
        for (int i = 0; i < own.rows(); i++) {
          double x = weights[i] * own.get(i, batch.from() + s);
          vectors[s][i] = field.residue(coins.roundStochastically(Math.scalb(x, 2 * plan.bits())));
        }
      }
      return vectors;
    }

    void batch(HeContext context, Batch batch, long[][] known) {
      long[][] vectors = known == null ? shares(batch) : known;
      int first = Math.max(0, batch.party() - 1);
      Map<Party, Correlations.Owner> owners = new TreeMap<>();
      for (int q = first; q < parties.size(); q++) {
        owners.put(
            parties.get(q), new Correlations.Owner(channels.get(q), plan.columns(q + 1), false));
      }
      Map<Party, Correlations.Held> held =
          Correlations.hold(context, field, plan.shape(batch.count(), first + 1), owners);
      for (int q = first; q < parties.size(); q++) {
        long[][] rho = held.get(parties.get(q)).rho();
        for (int s = 0; s < vectors.length; s++) {
          Residues.send(channels.get(q), field, field.difference(vectors[s], rho[s]));
        }
      }
      for (int q = first; q < parties.size(); q++) {
        int d = plan.columns(q + 1);
        long[] sum = Residues.receive(channels.get(q), field, batch.count() * d);
        if (batch.party() > 0 && q > first) {
          field.addTo(sum, Residues.receive(channels.get(first), field, batch.count() * d));
        }
        long[][] gamma = held.get(parties.get(q)).gamma();
        for (int s = 0; s < batch.count(); s++) {
          for (int j = 0; j < d; j++) {
            put(batch, s, q, j, field.centre(field.add(sum[s * d + j], gamma[s][j])));
          }
        }
      }
    }

    private void put(Batch batch, int s, int q, int j, long integer) {
      int n = plan.total();
      int row = plan.offset(q + 1) + j;
      int column = plan.offset(batch.party()) + batch.from() + s;
      int scale = batch.party() == 0 ? plan.bits() : bits[batch.party() - 1];
      double value = Math.scalb((double) integer, -(plan.bits() + scale + bits[q]));
      gram[row * n + column] = value;
      if (batch.party() != q + 1) {
        gram[column * n + row] = value;
      }
    }

    private long[][] shares(Batch batch) {
      int at = batch.party() - 1;
      Channel owner = channels.get(at);
      long[][] shares = new long[batch.count()][integers.length];
      long bytes = slotReplyBytes();
      for (int block = 0; block < plan.slotBlocks(); block++) {
        for (int r = 0; r < plan.replies(batch.count()); r++) {
          byte[] reply = Messages.Reply.receive(owner, opened[at]++, bytes);
          long[] values = Messages.checked(owner, () -> key.openSlots(reply, plan.slotLimbs()));
          spread(plan, values, block, r, shares);
        }
      }
      return shares;
    }

    private long slotReplyBytes() {
      return slots.slotReplyBytes(plan.slotLimbs());
    }

    /** Symmetric within each party, whose two halves were rounded apart. */
    Matrix gram() {
      int n = plan.total();
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
          double mean = (gram[i * n + j] + gram[j * n + i]) / 2;
          gram[i * n + j] = mean;
          gram[j * n + i] = mean;
        }
      }
      return new Matrix(n, n, gram);
    }

    @Override
    public void close() {
      key.close();
    }
  }

  /** Slots of a reply to the columns they belong to. */
  private static void spread(Plan plan, long[] slots, int block, int reply, long[][] columns) {
    for (int g = 0; g < plan.segments(); g++) {
      int column = reply * plan.segments() + g;
      if (column < columns.length) {
        System.arraycopy(
            slots, g * plan.stride(), columns[column], plan.firstRow(block), plan.rowsIn(block));
      }
    }
  }

  private static final class Feature implements AutoCloseable {
    private final Plan plan;
    private final int self;
    private final Channel label;
    private final List<Party> parties;
    private final Map<Party, Channel> others;
    private final IntegerMatrix matrix;
    private final int bits;
    private final Matrix added;
    private final PrimeField field;
    private final HeContext slots;
    private final PublicKey key;
    private final List<EncryptedBlock> weights = new ArrayList<>();
    private final byte[] maskKey = Prg.freshSeed();
    private int replies;

    Feature(
        Plan plan,
        Channel label,
        Map<Party, Channel> others,
        Slice slice,
        Matrix added,
        HeContext slots) {
      NavigableMap<Party, Channel> byName = new TreeMap<>(others);
      byName.put(label.self(), label);
      this.plan = plan;
      this.parties = List.copyOf(byName.keySet());
      this.self = parties.indexOf(label.self()) + 1;
      this.label = label;
      this.others = others;
      this.matrix = slice.matrix();
      this.bits = slice.bits();
      this.added = added;
      this.field = plan.field();
      this.slots = slots;
      SeedRegistry seeds = new SeedRegistry();
      this.key = Messages.StageKey.receive(label, slots, seeds);
      for (int block = 0; block < plan.slotBlocks(); block++) {
        byte[] operand = Messages.Operand.receive(label, slots, block);
        weights.add(Messages.checked(label, () -> slots.readSlots(operand, seeds)));
      }
    }

    void batch(HeContext context, Batch batch) {
      if (batch.party() > self) {
        return;
      }
      int d = matrix.columns();
      long[][] mine = batch.party() == self ? shares(batch) : null;
      long[] sum = new long[batch.count() * d];
      Correlations.Shape ofLabel = plan.shape(batch.count(), Math.max(1, batch.party()));
      add(sum, label, Correlations.own(context, ofLabel, label, matrix, false));
      if (batch.party() == self) {
        add(sum, mine);
        addOwn(sum, batch);
        Map<Party, Correlations.Held> held = hold(context, batch, mine);
        Residues.send(label, field, sum);
        held.values().forEach(h -> Residues.send(label, field, flat(h.gamma())));
      } else {
        if (batch.party() > 0) {
          Channel holder = others.get(parties.get(batch.party() - 1));
          Correlations.Shape shape = plan.shape(batch.count(), batch.party() + 1);
          add(sum, holder, Correlations.own(context, shape, holder, matrix, false));
        }
        Residues.send(label, field, sum);
      }
    }

    /** The shares of this party's columns times D, for the parties after it. */
    private Map<Party, Correlations.Held> hold(HeContext context, Batch batch, long[][] mine) {
      Map<Party, Correlations.Owner> owners = new TreeMap<>();
      for (int q = self; q < parties.size(); q++) {
        owners.put(
            parties.get(q),
            new Correlations.Owner(others.get(parties.get(q)), plan.columns(q + 1), false));
      }
      if (owners.isEmpty()) {
        return Map.of();
      }
      Map<Party, Correlations.Held> held =
          Correlations.hold(context, field, plan.shape(batch.count(), self + 1), owners);
      owners.forEach(
          (party, owner) -> {
            long[][] rho = held.get(party).rho();
            for (int s = 0; s < mine.length; s++) {
              Residues.send(owner.channel(), field, field.difference(mine[s], rho[s]));
            }
          });
      return held;
    }

    /** Products with what a holder's vectors differ from their random ones, and the owned half. */
    private void add(long[] sum, Channel holder, Correlations.Owned owned) {
      long[][] differences = new long[owned.delta().length][];
      for (int s = 0; s < differences.length; s++) {
        differences[s] = Residues.receive(holder, field, matrix.rows());
      }
      add(sum, differences);
      field.addTo(sum, flat(owned.delta()));
    }

    private void add(long[] sum, long[][] vectors) {
      long[][] products = new long[vectors.length][];
      for (int s = 0; s < vectors.length; s++) {
        products[s] = matrix.transposeTimes(field, vectors[s]);
      }
      field.addTo(sum, flat(products));
    }

    /** What this party alone knows, as a part of its share. */
    private void addOwn(long[] sum, Batch batch) {
      int d = matrix.columns();
      for (int at = 0; at < sum.length; at++) {
        double value = added.get(batch.from() + at / d, at % d);
        long integer = Math.round(Math.scalb(value, plan.bits() + 2 * bits));
        sum[at] = field.add(sum[at], field.residue(integer));
      }
    }

    private long[] flat(long[][] rows) {
      return Arrays.stream(rows).flatMapToLong(Arrays::stream).toArray();
    }

    private long[][] shares(Batch batch) {
      long[][] shares = new long[batch.count()][matrix.rows()];
      int d = matrix.columns();
      for (int block = 0; block < plan.slotBlocks(); block++) {
        int[] rows = matrix.values(plan.firstRow(block), plan.rowsIn(block));
        for (int r = 0; r < plan.replies(batch.count()); r++) {
          int[] plain = new int[plan.slots()];
          for (int g = 0; g < plan.segments(); g++) {
            int column = r * plan.segments() + g;
            if (column < batch.count()) {
              for (int i = 0; i < plan.rowsIn(block); i++) {
                plain[g * plan.stride() + i] = rows[i * d + batch.from() + column];
              }
            }
          }
          try (SlotAccumulator product = slots.slots()) {
            product.add(List.of(weights.get(block)), plain);
            MaskedReply reply = product.finish(key, maskKey, plan.slotLimbs());
            label.send(new Messages.Reply(replies++, reply.wire()));
            spread(plan, reply.shares(), block, r, shares);
          }
        }
      }
      return shares;
    }

    @Override
    public void close() {
      weights.forEach(EncryptedBlock::close);
      key.close();
      Arrays.fill(maskKey, (byte) 0);
    }
  }
}
