package org.espalier.node.link;

import java.nio.ByteBuffer;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.MalformedMessageException;

/**
 * The bytes of frames. One frame is one binary WebSocket message: {@code type (u8)}, in numbered
 * frames {@code sequence (i64)}, then the fields in the order of the records in {@link Incoming}.
 * Big-endian.
 */
final class Frames {
  /** Changes when the frames do; both sides must speak the same. */
  static final String PROTOCOL = "espalier-link.v1";

  /** Most payload bytes in one frame. */
  static final int CHUNK = 64 << 10;

  /** No frame is larger; the WebSocket refuses more before it is read. */
  static final int MAX = CHUNK + 64;

  static final int ID = 16;

  private static final int HELLO = 1;
  private static final int WELCOME = 2;
  private static final int ACK = 3;
  private static final int PING = 4;
  private static final int PONG = 5;
  private static final int CONTROL = 16;
  private static final int OPEN = 17;
  private static final int DATA = 18;
  private static final int CREDIT = 19;
  private static final int CLOSE = 20;

  private static final int SEQ_AT = 1;
  private static final int DATA_HEADER = 1 + 8 + 4;

  private Frames() {}

  static byte[] hello(byte[] boot, byte[] session, long received, long dial, String version) {
    return new Encoder()
        .putByte(HELLO)
        .putRaw(boot, 0, ID)
        .putRaw(session, 0, ID)
        .putLong(received)
        .putLong(dial)
        .putString(version)
        .toByteArray();
  }

  static byte[] welcome(
      byte[] boot, byte[] session, boolean resumed, long received, long dials, String version) {
    return new Encoder()
        .putByte(WELCOME)
        .putRaw(boot, 0, ID)
        .putRaw(session, 0, ID)
        .putByte(resumed ? 1 : 0)
        .putLong(received)
        .putLong(dials)
        .putString(version)
        .toByteArray();
  }

  static byte[] ack(long received) {
    return new Encoder().putByte(ACK).putLong(received).toByteArray();
  }

  static byte[] ping(long nonce) {
    return new Encoder().putByte(PING).putLong(nonce).toByteArray();
  }

  static byte[] pong(long nonce, long clock) {
    return new Encoder().putByte(PONG).putLong(nonce).putLong(clock).toByteArray();
  }

  static byte[] control(byte[] message, int offset, int length) {
    boolean last = offset + length == message.length;
    return numbered(CONTROL).putByte(last ? 1 : 0).putRaw(message, offset, length).toByteArray();
  }

  static byte[] open(int stream, int matches, int window, String name) {
    return numbered(OPEN)
        .putInt(stream)
        .putInt(matches)
        .putInt(window)
        .putString(name)
        .toByteArray();
  }

  static byte[] data(int stream, byte[] bytes, int offset, int length) {
    ByteBuffer frame = ByteBuffer.allocate(DATA_HEADER + length);
    return frame.put((byte) DATA).putLong(0).putInt(stream).put(bytes, offset, length).array();
  }

  static byte[] credit(int stream, int bytes) {
    return numbered(CREDIT).putInt(stream).putInt(bytes).toByteArray();
  }

  static byte[] close(int stream) {
    return numbered(CLOSE).putInt(stream).toByteArray();
  }

  private static Encoder numbered(int type) {
    return new Encoder().putByte(type).putLong(0);
  }

  /** Writes the sequence number into a frame that was made without one. */
  static void number(byte[] frame, long seq) {
    ByteBuffer.wrap(frame).putLong(SEQ_AT, seq);
  }

  /**
   * Reads one frame; takes a copy of what it needs.
   *
   * @throws MalformedMessageException if it is not exactly one frame
   */
  static Incoming parse(ByteBuffer frame) {
    if (frame.remaining() > MAX) {
      throw new MalformedMessageException("frame of " + frame.remaining() + " bytes");
    }
    byte[] bytes;
    if (frame.remaining() > DATA_HEADER && frame.get(frame.position()) == DATA) {
      frame.get();
      long seq = frame.getLong();
      int stream = frame.getInt();
      bytes = new byte[frame.remaining()];
      frame.get(bytes);
      if (bytes.length > CHUNK) {
        throw new MalformedMessageException("data of " + bytes.length + " bytes");
      }
      return new Incoming.Data(positive(seq), id(stream), bytes);
    }
    bytes = new byte[frame.remaining()];
    frame.get(bytes);
    Decoder in = new Decoder(bytes);
    Incoming result = parse(in.getByte("type"), in);
    in.expectEnd();
    return result;
  }

  private static Incoming parse(int type, Decoder in) {
    return switch (type) {
      case HELLO ->
          new Incoming.Hello(
              in.getRaw("boot", ID),
              in.getRaw("session", ID),
              notNegative(in.getLong("received")),
              notNegative(in.getLong("dials")),
              in.getString("version", 4 * LinkSettings.MAX_VERSION));
      case WELCOME ->
          new Incoming.Welcome(
              in.getRaw("boot", ID),
              in.getRaw("session", ID),
              flag(in.getByte("resumed")),
              notNegative(in.getLong("received")),
              notNegative(in.getLong("dials")),
              in.getString("version", 4 * LinkSettings.MAX_VERSION));
      case ACK -> new Incoming.Ack(notNegative(in.getLong("received")));
      case PING -> new Incoming.Ping(in.getLong("nonce"));
      case PONG -> new Incoming.Pong(in.getLong("nonce"), in.getLong("clock"));
      case CONTROL -> {
        long seq = positive(in.getLong("sequence"));
        boolean last = flag(in.getByte("last"));
        if (in.remaining() > CHUNK) {
          throw new MalformedMessageException("control piece of " + in.remaining() + " bytes");
        }
        yield new Incoming.Control(seq, last, in.getRaw("piece", in.remaining()));
      }
      case OPEN -> {
        long seq = positive(in.getLong("sequence"));
        int stream = id(in.getInt("stream"));
        int matches = in.getInt("matches", 0, Integer.MAX_VALUE);
        int window = in.getInt("window", 1, LinkSettings.MAX_WINDOW);
        String name = in.getString("name", Names.MAX);
        if (!Names.isStream(name)) {
          throw new MalformedMessageException("stream name");
        }
        yield new Incoming.Open(seq, stream, matches, window, name);
      }
      case CREDIT ->
          new Incoming.Credit(
              positive(in.getLong("sequence")),
              id(in.getInt("stream")),
              in.getInt("bytes", 1, LinkSettings.MAX_WINDOW));
      case CLOSE -> new Incoming.Close(positive(in.getLong("sequence")), id(in.getInt("stream")));
      default -> throw new MalformedMessageException("frame type " + type);
    };
  }

  private static long positive(long seq) {
    if (seq < 1) {
      throw new MalformedMessageException("sequence number " + seq);
    }
    return seq;
  }

  private static long notNegative(long received) {
    if (received < 0) {
      throw new MalformedMessageException("sequence number " + received);
    }
    return received;
  }

  private static int id(int stream) {
    if (stream < 1) {
      throw new MalformedMessageException("stream " + stream);
    }
    return stream;
  }

  private static boolean flag(int b) {
    if (b != 0 && b != 1) {
      throw new MalformedMessageException("flag " + b);
    }
    return b == 1;
  }
}
