package org.espalier.psi.ecdh;

import java.util.ArrayList;
import java.util.List;
import org.espalier.psi.curve.Mask;
import org.espalier.psi.run.RunMessages;

/**
 * What an alignment by {@link EcdhAlignment} takes, from the lengths of the lists alone, for who
 * wants to know before it begins. Parties are numbered in the job's order, the comparer first.
 * Bytes are those of messages' contents, without frames; what a party says while others wait for it
 * is not counted.
 */
public final class EcdhCost {
  /** Elements of a message, but for a list's last. */
  public static final int CHUNK = Messages.CHUNK;

  /** Everybody to everybody, first. */
  public static final long HELLO = RunMessages.Hello.LIMIT;

  /** Everybody to everybody in every rule: how long its list is. */
  public static final long ANNOUNCE = RunMessages.Announce.LIMIT;

  /** The comparer to everybody, in every rule in which nobody's list is empty. */
  public static final long VERDICT = RunMessages.Verdict.LIMIT;

  /** The comparer to everybody, at the end. */
  public static final long COHORT = RunMessages.Cohort.LIMIT;

  /** Everybody to everybody, last. */
  public static final long CONFIRM = RunMessages.Confirm.LIMIT;

  /** Bytes of heap for an element: tables of tags, orders and rows. */
  private static final int HEAP = 36;

  private EcdhCost() {}

  /** The party that passes the comparer's list on only when it has all of it. */
  public static int shuffler(int parties) {
    return new Route(parties).shuffler();
  }

  /** Owners of the lists that one party passes to another, in the order in which it does. */
  public static List<Integer> lists(int parties, int from, int to) {
    return new Route(parties).lists(from, to);
  }

  /**
   * To whom a party passes a list that it got from another; -1 at the end of the list's way. A list
   * is masked by everybody but its owner on the way, at its owner before it sets out.
   */
  public static int next(int parties, int owner, int from, int at) {
    List<Integer> path = new Route(parties).path(owner);
    for (int hop = 1; hop + 1 < path.size(); hop++) {
      if (path.get(hop - 1) == from && path.get(hop) == at) {
        return path.get(hop + 1);
      }
    }
    return -1;
  }

  /** To whom the owner sends its list. */
  public static int first(int parties, int owner) {
    return new Route(parties).path(owner).get(1);
  }

  /** Bytes of a message of elements. */
  public static long elements(long count) {
    return Messages.Elements.LIMIT - (CHUNK - count) * Mask.WIDTH;
  }

  /** Bytes of each message that names members of the cohort. */
  public static List<Long> positions(long cohort) {
    List<Long> bytes = new ArrayList<>();
    for (long at = 0; at < cohort; at += Messages.Positions.CHUNK) {
      long count = Math.min(Messages.Positions.CHUNK, cohort - at);
      bytes.add(Messages.Positions.LIMIT - Integer.BYTES * (Messages.Positions.CHUNK - count));
    }
    return bytes;
  }

  /**
   * Bytes of temporary files at a party.
   *
   * @param lengths of all lists
   */
  public static long disk(long[] lengths, int party) {
    Route route = new Route(lengths.length);
    long bytes = 0;
    for (int owner = 0; owner < lengths.length; owner++) {
      List<Integer> path = route.path(owner);
      bytes += path.subList(0, path.size() - 1).contains(party) ? lengths[owner] * Mask.WIDTH : 0;
      bytes += party == Route.COMPARER ? lengths[owner] * Comparison.TAG : 0;
    }
    return bytes;
  }

  /**
   * Bytes that a party keeps for another attempt until all have the cohort: its list, what it took
   * in of all others, orders.
   *
   * @param lengths of all lists
   */
  public static long kept(long[] lengths, int party) {
    Route route = new Route(lengths.length);
    long bytes = lengths[party] * (Mask.WIDTH + Integer.BYTES);
    for (int owner = 0; owner < lengths.length; owner++) {
      if (party == Route.COMPARER) {
        bytes += lengths[owner] * Comparison.TAG;
      } else if (owner != party) {
        bytes += lengths[owner] * Mask.WIDTH;
      }
    }
    return bytes + (party == route.shuffler() ? lengths[Route.COMPARER] * Integer.BYTES : 0);
  }

  /** About how many bytes of heap a party needs. */
  public static long heap(long[] lengths) {
    long elements = 0;
    for (long length : lengths) {
      elements += length;
    }
    return elements * HEAP;
  }
}
