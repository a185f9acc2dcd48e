package org.espalier.psi.oprf;

import org.espalier.psi.curve.Mask;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** What parties of {@link UnbalancedAlignment} send, see docs/protocols/psi-unbalanced.md. */
final class ListMessages {
  private ListMessages() {}

  /**
   * Client to server: which list it has kept; zeros if none.
   *
   * @param id 32 bytes
   * @param digest 32 bytes, of the list's messages
   */
  record Held(byte[] id, byte[] digest) implements Message {
    static final int LIMIT = 64;
    static final MessageType<Held> TYPE =
        new MessageType<>(
            56, "psi-list-held", in -> new Held(in.getRaw("id", 32), in.getRaw("digest", 32)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putRaw(id, 0, 32).putRaw(digest, 0, 32);
    }
  }

  /**
   * Server to client: the answer.
   *
   * @param id of the list that is used, or zeros
   * @param digest of a list that follows, or zeros
   */
  record Answer(int what, byte[] id, byte[] digest) implements Message {
    /** The list that the client has. */
    static final int SAME = 0;

    /** A new one, which follows. */
    static final int NEW = 1;

    /** A new one is still being made; another answer follows. */
    static final int WORKING = 2;

    static final int LIMIT = 68;
    static final MessageType<Answer> TYPE =
        new MessageType<>(
            57,
            "psi-list",
            in ->
                new Answer(
                    in.getInt("what", SAME, WORKING),
                    in.getRaw("id", 32),
                    in.getRaw("digest", 32)));

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(what).putRaw(id, 0, 32).putRaw(digest, 0, 32);
    }
  }

  /**
   * Consecutive elements, either way.
   *
   * @param type one of those below
   * @param first place of the first
   * @param bytes 32 for each
   */
  record Elements(MessageType<Elements> type, int first, byte[] bytes) implements Message {
    /** Elements of each message but the last. */
    static final int CHUNK = 4096;

    static final int LIMIT = 4 + CHUNK * Mask.WIDTH;

    /** Client to server: its keys, masked. */
    static final MessageType<Elements> ASKED =
        new MessageType<>(58, "psi-list-asked", in -> decode(in, true));

    /** Server to client: the same, masked once more. */
    static final MessageType<Elements> ANSWERED =
        new MessageType<>(59, "psi-list-answered", in -> decode(in, false));

    private static Elements decode(Decoder in, boolean asked) {
      int first = in.getInt("first", 0, Integer.MAX_VALUE);
      if (in.remaining() % Mask.WIDTH != 0 || in.remaining() == 0) {
        throw new MalformedMessageException(
            "elements have " + in.remaining() + " bytes, no multiple of 32");
      }
      return new Elements(asked ? ASKED : ANSWERED, first, in.getRaw("elements", in.remaining()));
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(first).putRaw(bytes, 0, bytes.length);
    }
  }

  /**
   * Client to server: which values of the list are in the cohort.
   *
   * @param first how many were named before
   * @param places in the list, ascending
   */
  record Places(int first, int[] places) implements Message {
    /** Places in each message but the last. */
    static final int CHUNK = 1 << 14;

    static final int LIMIT = 4 + 4 * CHUNK;
    static final MessageType<Places> TYPE =
        new MessageType<>(65, "psi-list-members", Places::decode);

    private static Places decode(Decoder in) {
      int first = in.getInt("first", 0, Integer.MAX_VALUE);
      if (in.remaining() % 4 != 0) {
        throw new MalformedMessageException(
            "places have " + in.remaining() + " bytes, no multiple of 4");
      }
      int[] places = new int[in.remaining() / 4];
      for (int i = 0; i < places.length; i++) {
        places[i] = in.getInt("place", 0, Integer.MAX_VALUE);
      }
      return new Places(first, places);
    }

    @Override
    public MessageType<?> type() {
      return TYPE;
    }

    @Override
    public void encode(Encoder out) {
      out.putInt(first);
      for (int place : places) {
        out.putInt(place);
      }
    }
  }
}
