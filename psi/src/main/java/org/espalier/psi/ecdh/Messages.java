package org.espalier.psi.ecdh;

import org.espalier.psi.AlignmentJob;
import org.espalier.psi.curve.Mask;
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
   * In a further attempt everyone to everyone, after the lengths of a rule: what it has of the rule
   * from an earlier one.
   *
   * @param id of the rule as it was begun, 32 bytes; zero if there is nothing
   * @param elements how many it has of each list that the receiver passes to it, in order
   * @param digests of these, 32 bytes each
   */
  record Held(byte[] id, int[] elements, byte[][] digests) implements Message {
    private static final int DIGEST = 32;
    static final int LIMIT = DIGEST + 4 + AlignmentJob.MAX_PARTIES * (4 + DIGEST);
    static final MessageType<Held> TYPE = new MessageType<>(69, "psi-held", Held::decode);

    private static Held decode(Decoder in) {
      byte[] id = in.getRaw("id", DIGEST);
      int lists = in.getInt("lists", 0, AlignmentJob.MAX_PARTIES);
      int[] elements = new int[lists];
      byte[][] digests = new byte[lists][];
      for (int i = 0; i < lists; i++) {
        elements[i] = in.getInt("elements", 0, Integer.MAX_VALUE);
        digests[i] = in.getRaw("digest", DIGEST);
      }
      return new Held(id, elements, digests);
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(id, 0, DIGEST).putInt(elements.length);
      for (int i = 0; i < elements.length; i++) {
        out.putInt(elements[i]).putRaw(digests[i], 0, DIGEST);
      }
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
}
