package org.espalier.protocols.glm;

import org.espalier.protocols.fixedpoint.Ring;
import org.espalier.wire.Decoder;
import org.espalier.wire.Digests;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** The messages of level {@code gradients} around the encrypted product. */
final class Messages {
  /** Beyond what doubles have. */
  private static final int MAX_EXPONENT = 1100;

  /** Rows whose logits travel in one message. */
  static final int CHUNK = 1 << 16;

  private static final int MAX_ROWS = 1 << 28;
  private static final int SLACK = 64;

  private Messages() {}

  private static byte[] bound(Message start, byte[] request) {
    Encoder all = new Encoder().putBytes(request);
    start.encode(all);
    return Digests.sha256().digest(all.toByteArray());
  }

  /** Feature parties to each other, once: prepared columns, for the limit on passes. */
  record Columns(int count) implements Message {
    static final int LIMIT = 4;
    static final MessageType<Columns> TYPE =
        new MessageType<>(63, "columns", in -> new Columns(in.getInt("columns", 1, 1 << 20)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(count);
    }
  }

  /**
   * Feature party to the label party, once, when the encrypted product is set up: the passes that
   * it allows after those it has counted on these people, and how many of earlier attempts it has
   * kept.
   */
  record Allowed(int passes, int kept) implements Message {
    static final int LIMIT = 8;
    static final MessageType<Allowed> TYPE =
        new MessageType<>(
            64,
            "allowed passes",
            in ->
                new Allowed(
                    in.getInt("allowed passes", 0, TrainingSpec.MAX_PASSES),
                    in.getInt("kept passes", 0, TrainingSpec.MAX_PASSES)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(passes).putInt(kept);
    }
  }

  /**
   * Label party, first message of a pass and the last of a training.
   *
   * @param last the coefficients are final, nothing follows
   * @param scales the next direction is the gradient times 2^scale, so that it keeps its precision;
   *     of several directions in a pass each has its own
   * @param reach residuals are sent divided by 2^reach; 0 where they are within −1 to 1 by
   *     themselves
   * @param coefficients the present weights as a combination of the directions so far; with several
   *     classes for each direction one for each class but the last
   */
  record PassStart(int pass, boolean last, int[] scales, int reach, double[] coefficients)
      implements Message {
    /** Of either exponent, above 0 or below. */
    static final int MAX_SCALE = 60;

    private static final int CODE = 60;

    static long limit(int opened) {
      return SLACK + (long) opened * Integer.BYTES + (long) most(opened) * Double.BYTES;
    }

    private static int most(int opened) {
      return TrainingSpec.MAX_PASSES * opened * opened;
    }

    /**
     * @param opened directions of a pass
     */
    static MessageType<PassStart> type(int opened) {
      return new MessageType<>(CODE, "pass start", in -> of(in, opened));
    }

    private static PassStart of(Decoder in, int opened) {
      int pass = in.getInt("pass", 1, TrainingSpec.MAX_PASSES + 1);
      boolean last = in.getInt("last", 0, 1) == 1;
      int[] scales = new int[opened];
      for (int k = 0; k < opened; k++) {
        scales[k] = in.getInt("scale", -MAX_SCALE, MAX_SCALE);
      }
      int reach = in.getInt("reach", -MAX_SCALE, MAX_SCALE);
      return new PassStart(pass, last, scales, reach, in.getDoubles("coefficients", most(opened)));
    }

    /** 32 bytes that depend on this message and on the hash of the product's request. */
    byte[] bind(byte[] request) {
      return bound(this, request);
    }

    @Override
    public MessageType<?> type() {
      return type(scales.length);
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(pass).putInt(last ? 1 : 0);
      for (int scale : scales) {
        out.putInt(scale);
      }
      out.putInt(reach).putDoubles(coefficients);
    }
  }

  /**
   * Feature party, chunks in order: the logits of its newest direction under noise and zero-sum
   * masks, residues of {@link Ring#LOGITS}.
   */
  record MaskedLogits(int from, long[] values) implements Message {
    static final long LIMIT = SLACK + (long) CHUNK * Ring.LOGITS.bits() / 8;
    static final MessageType<MaskedLogits> TYPE =
        new MessageType<>(
            61,
            "masked logits",
            in ->
                new MaskedLogits(
                    in.getInt("from", 0, MAX_ROWS),
                    in.getPacked("logits", Ring.LOGITS.bits(), CHUNK)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(from).putPacked(values, Ring.LOGITS.bits());
    }
  }

  /**
   * Feature party, after its logits, under zero-sum masks, residues of {@link Ring#SCALARS}: for
   * each direction so far, newest last, its inner product with the newest one, and so for each of a
   * pass; then the same of their penalty products.
   */
  record MaskedScalars(long[] values) implements Message {
    private static final int MOST =
        2
            * GradientsTraining.products(
                TrainingSpec.MAX_PASSES * TrainingSpec.MOST_CLASSES, TrainingSpec.MOST_CLASSES);
    static final MessageType<MaskedScalars> TYPE =
        new MessageType<>(
            62, "masked inner products", in -> new MaskedScalars(in.getLongs("scalars", MOST)));

    /** Of a message with so many. */
    static long limit(int count) {
      return SLACK + (long) count * Long.BYTES;
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putLongs(values);
    }
  }

  /**
   * Label party, with a penalty on absolute weights, in the place of {@link PassStart}.
   *
   * @param last nothing follows; the weights are those before the last step, or after it if it is
   *     kept
   * @param kept whether the step of the pass before was taken
   * @param scale of the step's logits and of its length
   * @param gradientScale of gradients
   * @param reach as in {@link PassStart}
   * @param curvature of the loss for each row, for the next step's bound
   * @param momentum how far beyond the present weights the gradient is, in units of the last step
   */
  record SparseStart(
      int pass,
      boolean last,
      boolean kept,
      int scale,
      int gradientScale,
      int reach,
      double curvature,
      double momentum)
      implements Message {
    private static final int MAX_SCALE = PassStart.MAX_SCALE;
    static final long LIMIT = 40;
    static final MessageType<SparseStart> TYPE =
        new MessageType<>(68, "pass start", SparseStart::of);

    private static SparseStart of(Decoder in) {
      SparseStart start =
          new SparseStart(
              in.getInt("pass", 1, TrainingSpec.MAX_PASSES + 1),
              in.getInt("last", 0, 1) == 1,
              in.getInt("kept", 0, 1) == 1,
              in.getInt("scale", -MAX_SCALE, MAX_SCALE),
              in.getInt("gradient scale", -MAX_SCALE, MAX_SCALE),
              in.getInt("reach", -MAX_SCALE, MAX_SCALE),
              in.getDouble("curvature"),
              in.getDouble("momentum"));
      if (!(start.curvature > 0 && start.curvature < Double.POSITIVE_INFINITY)) {
        throw new MalformedMessageException("curvature is not above 0");
      }
      if (!(start.momentum >= 0 && start.momentum <= 1)) {
        throw new MalformedMessageException("momentum is not in 0..1");
      }
      return start;
    }

    /** There is no pass at all. */
    static SparseStart nothing() {
      return new SparseStart(1, true, false, 0, 0, 0, 1, 0);
    }

    /** See {@link PassStart#bind}. */
    byte[] bind(byte[] request) {
      return bound(this, request);
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(pass).putInt(last ? 1 : 0).putInt(kept ? 1 : 0).putInt(scale);
      out.putInt(gradientScale).putInt(reach).putDouble(curvature).putDouble(momentum);
    }
  }

  /**
   * Label party, with a path of penalties: before each pass which fit it belongs to, and after the
   * last one which value was chosen. Then follows for each value the last {@link PassStart} of the
   * fit on everybody.
   *
   * @param values how many penalties there are
   * @param folds how many parts of the people
   * @param value which of the penalties, from 0; in the end the one that was chosen
   * @param fold 0: everybody is in the fit; else all without this one, from 1
   * @param done no pass follows
   */
  record PathStep(int values, int folds, int value, int fold, boolean done) implements Message {
    static final int LIMIT = 20;
    static final MessageType<PathStep> TYPE =
        new MessageType<>(
            69,
            "step of the path",
            in ->
                new PathStep(
                    in.getInt("values", 1, PenaltyPath.MOST_VALUES),
                    in.getInt("folds", PenaltyPath.FEWEST_FOLDS, PenaltyPath.MOST_FOLDS),
                    in.getInt("value", 0, PenaltyPath.MOST_VALUES - 1),
                    in.getInt("fold", 0, PenaltyPath.MOST_FOLDS),
                    in.getInt("done", 0, 1) == 1));

    /** See {@link PassStart#bind}. */
    byte[] bind(byte[] request) {
      return bound(this, request);
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(values).putInt(folds).putInt(value).putInt(fold).putInt(done ? 1 : 0);
    }
  }

  /**
   * Label party, before standard errors are computed: columns of all parties, its own first, and
   * the exponent of the unit of curvatures.
   */
  record InformationShape(int exponent, long[] columns) implements Message {
    private static final int MAX_PARTIES = 256;
    static final long LIMIT = SLACK + 8L * MAX_PARTIES;
    static final MessageType<InformationShape> TYPE =
        new MessageType<>(
            65,
            "columns of all parties",
            in ->
                new InformationShape(
                    in.getInt("exponent", -MAX_EXPONENT, MAX_EXPONENT),
                    in.getLongs("columns", MAX_PARTIES)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(exponent).putLongs(columns);
    }
  }

  /** Feature party, then: how many bits its integers have after the point. */
  record InformationBits(int bits) implements Message {
    static final long LIMIT = 4;
    static final MessageType<InformationBits> TYPE =
        new MessageType<>(
            66, "bits of columns", in -> new InformationBits(in.getInt("bits", 1, 16)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(bits);
    }
  }

  /**
   * Label party: variances are those that follow, times 2^exponent.
   *
   * @param known false: there are none, and nothing follows
   */
  record VarianceReach(boolean known, int exponent) implements Message {
    static final long LIMIT = 8;
    static final MessageType<VarianceReach> TYPE =
        new MessageType<>(
            67,
            "reach of variances",
            in ->
                new VarianceReach(
                    in.getInt("known", 0, 1) == 1,
                    in.getInt("exponent", -MAX_EXPONENT, MAX_EXPONENT)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(known ? 1 : 0).putInt(exponent);
    }
  }
}
