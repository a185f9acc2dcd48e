package org.espalier.wire.fuzz;

import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.espalier.wire.Channel;
import org.espalier.wire.Encoder;
import org.espalier.wire.ForwardingChannel;
import org.espalier.wire.Message;
import org.espalier.wire.MessageType;

/** A party of which one message arrives changed, or twice. */
public final class OneChanged {
  private final AtomicInteger sent = new AtomicInteger();
  private final int which;
  private final boolean twice;
  private final Mutator mutator;

  private OneChanged(int which, boolean twice, Mutator mutator) {
    this.which = which;
    this.twice = twice;
    this.mutator = mutator;
  }

  /** Changes nothing and counts. */
  public static OneChanged none() {
    return new OneChanged(-1, false, null);
  }

  /**
   * @param messages how many the party sends
   */
  public static OneChanged of(Random random, int messages) {
    int which = random.nextInt(messages);
    return new OneChanged(which, random.nextInt(16) == 0, new Mutator(random));
  }

  /** How many messages the party sent. */
  public int sent() {
    return sent.get();
  }

  /** Bytes in place of a message. */
  private record Raw(MessageType<?> type, byte[] bytes) implements Message {
    @Override
    public void encode(Encoder out) {
      out.putRaw(bytes, 0, bytes.length);
    }
  }

  /** One of the party's ends. */
  public Channel wrap(Channel channel) {
    return new ForwardingChannel(channel) {
      @Override
      public void send(Message message) {
        if (sent.getAndIncrement() != which) {
          super.send(message);
        } else if (twice) {
          super.send(message);
          super.send(message);
        } else {
          byte[] bytes = Recorded.payload(message);
          super.send(new Raw(message.type(), mutator.change(bytes, bytes)));
        }
      }
    };
  }
}
