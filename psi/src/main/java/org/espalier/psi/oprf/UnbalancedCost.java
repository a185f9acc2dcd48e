package org.espalier.psi.oprf;

import java.util.ArrayList;
import java.util.List;
import org.espalier.psi.curve.Mask;

/**
 * What an alignment by {@link UnbalancedAlignment} takes, from the lengths of the tables alone, for
 * who wants to know before it begins. Bytes are those of messages' contents, without frames;
 * opening and end are those of every protocol.
 *
 * @param client keys of the first party; none count as 1
 * @param server keys of the other
 * @param again whether the client has the list already
 */
public record UnbalancedCost(int client, int server, boolean again) {
  /** The client to the server, first. */
  public static final long HELD = ListMessages.Held.LIMIT;

  /** The server's answer. */
  public static final long ANSWER = ListMessages.Answer.LIMIT;

  /** Bytes of heap for a key of the client, or of the server when it makes a list. */
  private static final int PER_KEY = 68;

  /** Bytes of heap and of disk for a key of the server whose list is there. */
  private static final int PER_ROW = 4;

  public UnbalancedCost {
    client = Math.max(1, client);
    server = Math.max(1, server);
  }

  /**
   * The messages of a list. How many values each has is random; their number and sum are not, but
   * for some bytes of rounding.
   */
  public List<Long> list() {
    return OprfCost.values(UnbalancedAlignment.code(server));
  }

  /** Elements of each message of the client's keys. */
  public List<Long> keys() {
    return pieces(client, ListMessages.Elements.CHUNK);
  }

  /** Bytes of a message of elements, either way. */
  public static long elements(long count) {
    return Integer.BYTES + count * Mask.WIDTH;
  }

  /** Bytes of each message that names members of the cohort. */
  public static List<Long> members(long cohort) {
    return pieces(cohort, ListMessages.Places.CHUNK).stream()
        .map(count -> Integer.BYTES * (1 + count))
        .toList();
  }

  private static List<Long> pieces(long count, int most) {
    List<Long> pieces = new ArrayList<>();
    for (long at = 0; at < count; at += most) {
      pieces.add(Math.min(most, count - at));
    }
    return pieces;
  }

  /** About how many bytes of heap a party needs. */
  public long heap(boolean atClient) {
    return (long) (atClient ? client : server) * (atClient || !again ? PER_KEY : PER_ROW);
  }

  /** Bytes of the file that a party keeps. */
  public long kept(boolean atClient) {
    return atClient ? list().stream().mapToLong(Long::longValue).sum() : (long) PER_ROW * server;
  }
}
