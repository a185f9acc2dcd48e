package org.espalier.protocols.cost;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * All steps of a protocol in numbers: what each party computes, sends and waits for, in its order.
 * Totals are sums over the steps; how long it takes is up to a {@link Forecast}.
 */
public final class Script {
  /** Frame of a message on the wire. */
  private static final int FRAME = 6;

  /** One step of one lane. */
  sealed interface Step permits Compute, Send, Receive, Fork, Join {}

  record Compute(Work work, double amount) implements Step {}

  record Send(int to, long bytes) implements Step {}

  record Receive(int from) implements Step {}

  record Fork(Lane lane) implements Step {}

  record Join(Lane lane) implements Step {}

  /** Steps after each other: a thread of a party. */
  public static final class Lane {
    final int party;
    final List<Step> steps = new ArrayList<>();

    private Lane(int party) {
      this.party = party;
    }

    /** Work of some amount in its unit; 0 is nothing. */
    public Lane compute(Work work, double amount) {
      if (!(amount >= 0 && amount < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(amount + " units of " + work);
      }
      if (amount > 0) {
        steps.add(new Compute(work, amount));
      }
      return this;
    }

    /** A thread beside this one. */
    public Lane fork() {
      Lane lane = new Lane(party);
      steps.add(new Fork(lane));
      return lane;
    }

    /** Waits for the end of a forked one. */
    public void join(Lane forked) {
      steps.add(new Join(forked));
    }
  }

  private final List<Lane> parties = new ArrayList<>();

  /**
   * @param count how many parties, at least 1
   */
  public Script(int count) {
    for (int p = 0; p < count; p++) {
      parties.add(new Lane(p));
    }
  }

  /**
   * Scripts of the same parties, one after the other.
   *
   * @param scripts at least one
   */
  public static Script inTurn(List<Script> scripts) {
    Script all = new Script(scripts.get(0).parties());
    for (Script script : scripts) {
      for (int p = 0; p < all.parties(); p++) {
        all.party(p).steps.addAll(script.party(p).steps);
      }
    }
    return all;
  }

  public int parties() {
    return parties.size();
  }

  /** A party's main thread. */
  public Lane party(int index) {
    return parties.get(index);
  }

  /**
   * A message, on the sender's lane and on the receiver's; both compute on its bytes.
   *
   * @param payload its bytes without the frame
   */
  public void message(Lane from, Lane to, long payload) {
    sends(from, to, payload);
    receives(to, from, payload);
  }

  /** The sender's half of a message, where the two halves are not written down together. */
  public void sends(Lane from, Lane to, long payload) {
    long bytes = payload + FRAME;
    from.compute(Work.MESSAGE, 1).compute(Work.MESSAGE_BYTE, (double) bytes);
    from.steps.add(new Send(to.party, bytes));
  }

  /** The receiver's half. */
  public void receives(Lane to, Lane from, long payload) {
    long bytes = payload + FRAME;
    to.steps.add(new Receive(from.party));
    to.compute(Work.MESSAGE, 1).compute(Work.MESSAGE_BYTE, (double) bytes);
  }

  /** Bytes from each party to each other, frames included. */
  public long[][] bytes() {
    long[][] bytes = new long[parties.size()][parties.size()];
    for (Lane lane : lanes()) {
      for (Step step : lane.steps) {
        if (step instanceof Send send) {
          bytes[lane.party][send.to()] += send.bytes();
        }
      }
    }
    return bytes;
  }

  /** Messages from each party to each other. */
  public long[][] messages() {
    long[][] count = new long[parties.size()][parties.size()];
    for (Lane lane : lanes()) {
      for (Step step : lane.steps) {
        if (step instanceof Send send) {
          count[lane.party][send.to()]++;
        }
      }
    }
    return count;
  }

  /** What a party computes in all. */
  public Map<Work, Double> work(int party) {
    Map<Work, Double> total = new EnumMap<>(Work.class);
    for (Lane lane : lanes()) {
      if (lane.party == party) {
        for (Step step : lane.steps) {
          if (step instanceof Compute compute) {
            total.merge(compute.work(), compute.amount(), Double::sum);
          }
        }
      }
    }
    return total;
  }

  private List<Lane> lanes() {
    List<Lane> all = new ArrayList<>(parties);
    for (int at = 0; at < all.size(); at++) {
      for (Step step : all.get(at).steps) {
        if (step instanceof Fork fork) {
          all.add(fork.lane());
        }
      }
    }
    return all;
  }
}
