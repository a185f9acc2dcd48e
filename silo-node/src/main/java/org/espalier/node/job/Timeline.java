package org.espalier.node.job;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Script;

/**
 * The phases of a job one after the other, each party with its own clock: a phase with messages
 * begins when the last party has come to it.
 */
final class Timeline {
  /**
   * One phase, by party.
   *
   * @param seconds from when a party comes to it to when it is done with it
   * @param busy seconds of them in which it computes
   * @param line by sender and receiver, seconds in which a line carries bytes
   * @param bytes by sender and receiver
   */
  record Phase(String name, double[] seconds, double[] busy, double[][] line, long[][] bytes) {
    long sent(int party) {
      return Arrays.stream(bytes[party]).sum();
    }

    long received(int party) {
      return Arrays.stream(bytes).mapToLong(from -> from[party]).sum();
    }
  }

  private final int parties;
  private final double[] clock;
  private final List<Phase> phases = new ArrayList<>();

  Timeline(int parties) {
    this.parties = parties;
    this.clock = new double[parties];
  }

  /** A phase in which nobody sends anything. */
  void alone(String name, double[] seconds) {
    for (int p = 0; p < parties; p++) {
      clock[p] += seconds[p];
    }
    phases.add(
        new Phase(
            name,
            seconds.clone(),
            seconds.clone(),
            new double[parties][parties],
            new long[parties][parties]));
  }

  /**
   * A phase in which all take part.
   *
   * @param before seconds that each computes before its first message
   */
  void together(String name, double[] before, Script script, Forecast.Setting setting) {
    Forecast forecast = Forecast.of(script, setting);
    double begin = Arrays.stream(clock).max().orElse(0) + Arrays.stream(before).max().orElse(0);
    double[] seconds = new double[parties];
    double[] busy = new double[parties];
    for (int p = 0; p < parties; p++) {
      double end = begin + forecast.ends()[p];
      seconds[p] = end - clock[p];
      busy[p] = before[p] + forecast.busy()[p];
      clock[p] = end;
    }
    phases.add(new Phase(name, seconds, busy, forecast.line(), script.bytes()));
  }

  List<Phase> phases() {
    return List.copyOf(phases);
  }

  /** Until the last party is done. */
  double seconds() {
    return Arrays.stream(clock).max().orElse(0);
  }

  /** Seconds that a party computes in all. */
  double busy(int party) {
    return phases.stream().mapToDouble(phase -> phase.busy()[party]).sum();
  }

  /** Seconds that a line carries bytes in all. */
  double line(int from, int to) {
    return phases.stream().mapToDouble(phase -> phase.line()[from][to]).sum();
  }
}
