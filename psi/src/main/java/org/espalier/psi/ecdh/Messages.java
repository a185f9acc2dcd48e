package org.espalier.psi.ecdh;

import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** What parties send each other, see docs/protocols/psi-ecdh.md. */
final class Messages {
  /** Elements in one message; the largest that a receiver takes. */
  static final int CHUNK = 4096;

  private Messages() {}

  /**
   * Everyone to everyone, first: what the run is about.
   *
   * @param digests SHA-256 of each field of {@link Parameters}, in order
   */
  record Hello(int version, byte[][] digests) implements Message {
    static final int LIMIT = 4 + 32 * Parameters.FIELDS.size();
    static final MessageType<Hello> TYPE = new MessageType<>(32, "psi-hello", Hello::decode);

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
      if (version != Parameters.VERSION) {
        // Another version may have other fields: do not read them.
        in.getRaw("fields of another version", in.remaining());
        return new Hello(version, new byte[0][]);
      }
      byte[][] digests = new byte[Parameters.FIELDS.size()][];
      for (int i = 0; i < digests.length; i++) {
        digests[i] = in.getRaw(Parameters.FIELDS.get(i), 32);
      }
      return new Hello(version, digests);
    }
  }

  /** Everyone to everyone, once per rule: how many elements this party's list has. */
  record Announce(int rule, int count) implements Message {
    static final int LIMIT = 8;
    static final MessageType<Announce> TYPE =
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
   * Consecutive elements of one list.
   *
   * @param owner number of the party whose list it is
   * @param first position of the first element
   * @param bytes 32 each; none: the sender is still computing
   */
  record Elements(int owner, int first, byte[] bytes) implements Message {
    static final int LIMIT = 12 + CHUNK * Mask.WIDTH;
    static final MessageType<Elements> TYPE =
        new MessageType<>(
            34,
            "psi-elements",
            in -> {
              int owner = in.getInt("owner");
              int first = in.getInt("first", 0, Integer.MAX_VALUE);
              byte[] bytes = in.getBytes("elements", CHUNK * Mask.WIDTH);
              if (bytes.length % Mask.WIDTH != 0) {
                throw new MalformedMessageException(
                    "elements have " + bytes.length + " bytes, no multiple of 32");
              }
              return new Elements(owner, first, bytes);
            });

    int count() {
      return bytes.length / Mask.WIDTH;
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(owner).putInt(first).putBytes(bytes);
    }
  }

  /**
   * The comparer to everyone, when all lists of a rule have been compared.
   *
   * @param size people found, or one of the constants
   */
  record Verdict(int rule, int size) implements Message {
    /** The comparer is still at work; another verdict follows. */
    static final int WORKING = -1;

    /** Fewer than agreed; everyone stops. */
    static final int BELOW_MINIMUM = -2;

    static final int LIMIT = 8;
    static final MessageType<Verdict> TYPE =
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

  /**
   * Consecutive positions in a list, in the order of the cohort.
   *
   * @param type one of the three below
   * @param first place of the first in the cohort part of this rule
   */
  record Positions(MessageType<Positions> type, int first, int[] values) implements Message {
    /** Positions in one message. */
    static final int CHUNK = 1 << 14;

    static final int LIMIT = 8 + 4 * CHUNK;

    /** The comparer to everyone else: who of your list is in the cohort. */
    static final MessageType<Positions> MEMBERS =
        new MessageType<>(36, "psi-members", in -> decode(in, 0));

    /** The comparer to the shuffler: which places of my shuffled list are in the cohort. */
    static final MessageType<Positions> OPEN =
        new MessageType<>(37, "psi-open", in -> decode(in, 1));

    /** The shuffler's answer: what they were before it shuffled. */
    static final MessageType<Positions> OPENED =
        new MessageType<>(38, "psi-opened", in -> decode(in, 2));

    private static Positions decode(Decoder in, int which) {
      int first = in.getInt("first", 0, Integer.MAX_VALUE);
      int count = in.getInt("count", 1, CHUNK);
      if (in.remaining() != 4 * count) {
        throw new MalformedMessageException(
            count + " positions announced, " + in.remaining() + " bytes are left");
      }
      int[] values = new int[count];
      for (int i = 0; i < count; i++) {
        values[i] = in.getInt("position", 0, Integer.MAX_VALUE);
      }
      return new Positions(which == 0 ? MEMBERS : which == 1 ? OPEN : OPENED, first, values);
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(first).putInt(values.length);
      for (int value : values) {
        out.putInt(value);
      }
    }
  }

  /** The comparer to everyone, last: the digest of the cohort. */
  record Cohort(byte[] digest) implements Message {
    static final int LIMIT = 32;
    static final MessageType<Cohort> TYPE =
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
  record Confirm(byte[] digest, byte[] transcript) implements Message {
    static final int LIMIT = 64;
    static final MessageType<Confirm> TYPE =
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
