package org.espalier.wire.fuzz;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.espalier.wire.Channel;
import org.espalier.wire.Decoder;
import org.espalier.wire.Encoder;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.MalformedMessageException;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** The messages of a run as they came to its parties, to be decoded with changes. */
public final class Recorded {
  private final List<Seen> all = new ArrayList<>();

  /**
   * @param most the longest payload that its receiver would have taken
   */
  private record Seen(MessageType<?> type, long most, byte[] payload) {}

  /** A party's end that keeps what it receives. */
  public Channel recording(Channel channel) {
    return new ForwardingChannel(channel) {
      @Override
      public <M extends Message> M receive(MessageType<M> type, long maxBytes) {
        M message = super.receive(type, maxBytes);
        synchronized (all) {
          all.add(new Seen(type, maxBytes, payload(message)));
        }
        return message;
      }
    };
  }

  static byte[] payload(Message message) {
    Encoder out = new Encoder();
    message.encode(out);
    return out.toByteArray();
  }

  /**
   * Decodes changed messages. Each is refused, or encodes to the same bytes again. All types get
   * the same number of changes, whatever their number and length.
   *
   * @param partlyRead messages of which not everything is kept
   * @return the share of them that was refused
   */
  public double refused(String name, int inputs, Predicate<Message> partlyRead) {
    Map<Integer, List<Seen>> byType = new TreeMap<>();
    all.forEach(s -> byType.computeIfAbsent(s.type.code(), c -> new ArrayList<>()).add(s));
    List<List<Seen>> types = List.copyOf(byType.values());
    int refused = 0;
    for (int input = 0; input < inputs * Fuzz.TIMES; input++) {
      Random random = Fuzz.random(name + "decode", input);
      List<Seen> type = types.get(random.nextInt(types.size()));
      Seen seen = type.get(random.nextInt(type.size()));
      byte[] other = type.get(random.nextInt(type.size())).payload;
      byte[] changed = new Mutator(random).change(seen.payload, other);
      if (changed.length > seen.most) {
        refused++;
        continue;
      }
      // What a channel takes for the peer's fault.
      Fuzz fuzz =
          Fuzz.of(
              name + ", " + seen.type,
              MalformedMessageException.class,
              IllegalArgumentException.class);
      refused += fuzz.refuses(input, changed, bytes -> decode(seen, bytes, partlyRead)) ? 1 : 0;
    }
    return (double) refused / (inputs * Fuzz.TIMES);
  }

  private static void decode(Seen seen, byte[] bytes, Predicate<Message> partlyRead) {
    Decoder in = new Decoder(bytes);
    Message message = seen.type.decoder().apply(in);
    in.expectEnd();
    if (!partlyRead.test(message) && !Arrays.equals(payload(message), bytes)) {
      throw new AssertionError("was read and is encoded otherwise");
    }
  }
}
