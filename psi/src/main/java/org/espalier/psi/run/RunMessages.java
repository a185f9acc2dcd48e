package org.espalier.psi.run;

import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** What the parties of every alignment protocol send each other at its beginning and end. */
public final class RunMessages {
  private RunMessages() {}

  /**
   * Everyone to everyone, first: what the run is about.
   *
   * @param digests SHA-256 of each field of {@link Agreement}, in order
   */
  public record Hello(int version, byte[][] digests) implements Message {
    public static final int LIMIT = 4 + 32 * Agreement.FIELDS.size();
    public static final MessageType<Hello> TYPE = new MessageType<>(32, "psi-hello", Hello::decode);

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(version);
      for (byte[] digest : digests) {
        out.putRaw(digest, 0, 32);
      }
    }

    private static Hello decode(Decoder in) {
      int version = in.getInt("version");
      if (version != Agreement.VERSION) {
        // Another version may have other fields: do not read them.
        in.getRaw("fields of another version", in.remaining());
        return new Hello(version, new byte[0][]);
      }
      byte[][] digests = new byte[Agreement.FIELDS.size()][];
      for (int i = 0; i < digests.length; i++) {
        digests[i] = in.getRaw(Agreement.FIELDS.get(i), 32);
      }
      return new Hello(version, digests);
    }
  }

  /** Everyone to everyone, once per rule: how many elements this party's list has. */
  public record Announce(int rule, int count) implements Message {
    public static final int LIMIT = 8;
    public static final MessageType<Announce> TYPE =
        new MessageType<>(
            33,
            "psi-announce",
            in -> new Announce(in.getInt("rule"), in.getInt("count", 0, Integer.MAX_VALUE)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(rule).putInt(count);
    }
  }

  /**
   * The comparer to everyone, when all lists of a rule have been compared.
   *
   * @param size people found, or one of the constants
   */
  public record Verdict(int rule, int size) implements Message {
    /** The comparer is still at work; another verdict follows. */
    public static final int WORKING = -1;

    /** Fewer than agreed; everyone stops. */
    public static final int BELOW_MINIMUM = -2;

    public static final int LIMIT = 8;
    public static final MessageType<Verdict> TYPE =
        new MessageType<>(
            35,
            "psi-verdict",
            in ->
                new Verdict(
                    in.getInt("rule"), in.getInt("size", BELOW_MINIMUM, Integer.MAX_VALUE)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(rule).putInt(size);
    }
  }

  /** The comparer to everyone, last: the digest of the cohort. */
  public record Cohort(byte[] digest) implements Message {
    public static final int LIMIT = 32;
    public static final MessageType<Cohort> TYPE =
        new MessageType<>(39, "psi-cohort", in -> new Cohort(in.getRaw("digest", 32)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(digest, 0, 32);
    }
  }

  /**
   * Everyone to everyone, last.
   *
   * @param transcript of this channel before this message: nothing was altered on the way
   */
  public record Confirm(byte[] digest, byte[] transcript) implements Message {
    public static final int LIMIT = 64;
    public static final MessageType<Confirm> TYPE =
        new MessageType<>(
            40,
            "psi-confirm",
            in -> new Confirm(in.getRaw("digest", 32), in.getRaw("transcript", 32)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(digest, 0, 32).putRaw(transcript, 0, 32);
    }
  }
}
