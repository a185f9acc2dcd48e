package org.espalier.protocols.shares;

import java.util.Arrays;
import org.espalier.wire.Channel;
import org.espalier.wire.WireException;

/** Vectors of residues on a channel, in chunks, every value checked. */
public final class Residues {
  private Residues() {}

  /** Sends all of a vector. */
  public static void send(Channel channel, PrimeField field, long[] vector) {
    for (int from = 0; from < vector.length; from += Messages.Residues.CHUNK) {
      int to = Math.min(vector.length, from + Messages.Residues.CHUNK);
      channel.send(new Messages.Residues(from, field.bits(), Arrays.copyOfRange(vector, from, to)));
    }
  }

  /**
   * Receives a vector.
   *
   * @throws WireException.ProtocolViolation if it has another length or a value is not a residue
   */
  public static long[] receive(Channel channel, PrimeField field, int length) {
    long[] vector = new long[length];
    for (int from = 0; from < length; from += Messages.Residues.CHUNK) {
      int count = Math.min(Messages.Residues.CHUNK, length - from);
      Messages.Residues chunk =
          channel.receive(
              Messages.Residues.type(field.bits()), Messages.Residues.limit(field.bits(), count));
      if (chunk.from() != from || chunk.values().length != count) {
        throw new WireException.ProtocolViolation(
            channel.peer(),
            "sent %d residues from %d where %d from %d were due"
                .formatted(chunk.values().length, chunk.from(), count, from));
      }
      if (!field.holds(chunk.values())) {
        throw new WireException.ProtocolViolation(
            channel.peer(), "sent a value that is not a residue modulo t");
      }
      System.arraycopy(chunk.values(), 0, vector, from, count);
    }
    return vector;
  }
}
