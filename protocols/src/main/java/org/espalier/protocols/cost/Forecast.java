package org.espalier.protocols.cost;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.espalier.protocols.cost.Script.Compute;
import org.espalier.protocols.cost.Script.Fork;
import org.espalier.protocols.cost.Script.Join;
import org.espalier.protocols.cost.Script.Lane;
import org.espalier.protocols.cost.Script.Receive;
import org.espalier.protocols.cost.Script.Send;
import org.espalier.protocols.cost.Script.Step;

/**
 * How long a script takes: a run of it with the clock of every thread, machine and line. A machine
 * does one step at a time, in the order in which they come up; a line carries one message after the
 * other, and each is under way for its delay.
 *
 * @param seconds from the common beginning to the end of the last party
 * @param busy seconds that each party computes
 * @param ends when each party is done
 * @param line by sender and receiver, seconds that the line carries bytes
 */
public record Forecast(double seconds, double[] busy, double[] ends, double[][] line) {

  /** The parties' machines and the lines between them. */
  public interface Setting {
    /** How fast a party's machine is. */
    Rates rates(int party);

    /** Parties with equal numbers share one machine. */
    int machine(int party);

    /** From one party to another. */
    Line line(int from, int to);
  }

  /**
   * @throws IllegalArgumentException if the script waits for what is never sent
   */
  public static Forecast of(Script script, Setting setting) {
    return new Run(script, setting).run();
  }

  /**
   * The longest chain of messages that wait for each other, as round trips: half its length, for a
   * request without an answer is half a round trip.
   */
  public static double roundTrips(Script script) {
    Line unit = new Line(Double.MAX_VALUE, 0.5);
    return of(
            script,
            new Setting() {
              @Override
              public Rates rates(int party) {
                return Rates.INSTANT;
              }

              @Override
              public int machine(int party) {
                return party;
              }

              @Override
              public Line line(int from, int to) {
                return unit;
              }
            })
        .seconds();
  }

  private static final class Runner {
    final Lane lane;
    int next;
    double time;

    Runner(Lane lane, double time) {
      this.lane = lane;
      this.time = time;
    }
  }

  private static final class Run {
    private final Script script;
    private final Setting setting;
    private final double[] machineFree;
    private final double[] busy;
    private final double[] ends;
    private final double[][] lineFree;
    private final double[][] lineBusy;
    private final Map<Integer, Deque<Double>> arrived = new HashMap<>();
    private final Map<Integer, Runner> receiving = new HashMap<>();
    private final Map<Lane, Double> over = new HashMap<>();
    private final Map<Lane, Runner> joining = new HashMap<>();
    private final PriorityQueue<Runner> ready =
        new PriorityQueue<>(Comparator.comparingDouble(thread -> thread.time));

    Run(Script script, Setting setting) {
      this.script = script;
      this.setting = setting;
      int parties = script.parties();
      int machines = 0;
      for (int p = 0; p < parties; p++) {
        machines = Math.max(machines, setting.machine(p) + 1);
      }
      machineFree = new double[machines];
      busy = new double[parties];
      ends = new double[parties];
      lineFree = new double[parties][parties];
      lineBusy = new double[parties][parties];
    }

    Forecast run() {
      Set<Lane> unfinished = new HashSet<>();
      for (int p = 0; p < script.parties(); p++) {
        ready.add(new Runner(script.party(p), 0));
        unfinished.add(script.party(p));
      }
      for (Runner thread = ready.poll(); thread != null; thread = ready.poll()) {
        advance(thread);
      }
      unfinished.removeAll(over.keySet());
      if (!unfinished.isEmpty()) {
        throw new IllegalArgumentException("a party waits for what is never sent");
      }
      return new Forecast(Arrays.stream(ends).max().orElse(0), busy, ends, lineBusy);
    }

    /** One step; a thread that can go on is ready again at its new time. */
    private void advance(Runner thread) {
      Lane lane = thread.lane;
      if (thread.next == lane.steps.size()) {
        over.put(lane, thread.time);
        ends[lane.party] = Math.max(ends[lane.party], thread.time);
        Runner waiting = joining.remove(lane);
        if (waiting != null) {
          waiting.time = Math.max(waiting.time, thread.time);
          ready.add(waiting);
        }
        return;
      }
      Step step = lane.steps.get(thread.next++);
      if (step instanceof Compute compute) {
        compute(thread, compute);
      } else if (step instanceof Send send) {
        send(lane.party, send, thread.time);
      } else if (step instanceof Receive receive) {
        int channel = channel(receive.from(), lane.party);
        Double at = arrived.computeIfAbsent(channel, c -> new ArrayDeque<>()).poll();
        if (at == null) {
          receiving.put(channel, thread);
          return;
        }
        thread.time = Math.max(thread.time, at);
      } else if (step instanceof Fork fork) {
        ready.add(new Runner(fork.lane(), thread.time));
      } else if (step instanceof Join join) {
        Double end = over.get(join.lane());
        if (end == null) {
          joining.put(join.lane(), thread);
          return;
        }
        thread.time = Math.max(thread.time, end);
      }
      ready.add(thread);
    }

    private void compute(Runner thread, Compute compute) {
      int party = thread.lane.party;
      double seconds = setting.rates(party).seconds(compute.work(), compute.amount());
      int machine = setting.machine(party);
      thread.time = Math.max(thread.time, machineFree[machine]) + seconds;
      machineFree[machine] = thread.time;
      busy[party] += seconds;
    }

    private void send(int from, Send send, double time) {
      Line line = setting.line(from, send.to());
      double seconds = send.bytes() / line.bytesPerSecond();
      double end = Math.max(time, lineFree[from][send.to()]) + seconds;
      lineFree[from][send.to()] = end;
      lineBusy[from][send.to()] += seconds;
      double arrival = end + line.oneWaySeconds();
      int channel = channel(from, send.to());
      Runner waiting = receiving.remove(channel);
      if (waiting != null) {
        waiting.time = Math.max(waiting.time, arrival);
        ready.add(waiting);
      } else {
        arrived.computeIfAbsent(channel, c -> new ArrayDeque<>()).add(arrival);
      }
    }

    private int channel(int from, int to) {
      return from * script.parties() + to;
    }
  }
}
