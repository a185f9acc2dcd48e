package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.wire.Party;

/**
 * What a job will cost, before anything is sent: the steps of the protocol at this size ({@link
 * TrainingCost}), played through with what was measured of this machine and its lines ({@link
 * Machine}).
 */
final class Estimate {
  private static final int BYTES_PER_POINT = 32;

  /** Columns as doubles (raw and prepared), as integers of 16 bits, and vectors prepared ahead. */
  private static final long BYTES_PER_VALUE = 2 * Double.BYTES + Short.BYTES;

  private static final long VECTOR_BYTES = 256L << 20;
  private static final long RUNTIME_BYTES = 200L << 20;

  private Estimate() {}

  /**
   * @return {@code align_seconds, align_bytes}; for a training {@code train_seconds, train_bytes,
   *     passes, bottleneck, memory_bytes} and by party {@code seconds} of computing and {@code
   *     sent, received} bytes; {@code note} says what is assumed
   */
  static ObjectNode of(JobRun.Context context, JobSpec spec) {
    return of(context, spec, context.machine().rates());
  }

  private static ObjectNode of(JobRun.Context context, JobSpec spec, Rates rates) {
    ObjectNode estimate = Json.object();
    long rows;
    try {
      rows = LocalChecks.dataset(context, spec).scan().rows();
    } catch (Problem e) {
      return estimate.put("note", "no estimate without the own data set");
    }
    int partners = spec.parties().size() - 1;
    estimate.put("rows_assumed", rows);
    // Its own keys and every partner's are multiplied once at each party.
    estimate.put(
        "align_seconds", tenths(rates.seconds(Work.POINT, (double) rows * (partners + 1))));
    estimate.put("align_bytes", ceil((double) rows * partners * 3 * BYTES_PER_POINT));
    List<String> assumed = new ArrayList<>();
    assumed.add("everybody in the own data set is in the cohort");
    if (spec instanceof TrainSpec train) {
      train(context, train, rows, rates, estimate, assumed);
    }
    return estimate.put("note", "assumes that " + String.join("; that ", assumed));
  }

  /** The same where the machine was measured already, otherwise nothing. */
  static Optional<ObjectNode> ifMeasured(JobRun.Context context, JobSpec spec) {
    return context.machine().known().map(rates -> of(context, spec, rates));
  }

  private static void train(
      JobRun.Context context,
      TrainSpec spec,
      long rows,
      Rates rates,
      ObjectNode estimate,
      List<String> assumed) {
    List<Party> parties = new ArrayList<>(spec.parties().keySet());
    parties.remove(spec.labelParty());
    parties.add(0, spec.labelParty());
    Party self = context.peers().self();
    int[] columns = columns(context, spec, parties, self, assumed);
    int training = (int) Math.round(rows * (1 - spec.evaluation().holdout().doubleValue()));
    TrainingCost cost;
    try {
      cost = TrainingCost.of(TrainFlow.trainingSpec(spec), training, columns);
    } catch (IllegalArgumentException e) {
      assumed.add("the partners bring what training needs: " + e.getMessage());
      return;
    }
    Line[][] lines = lines(context.machine(), self, parties);
    Forecast forecast = Forecast.of(cost.script(), new Setting(rates, lines));
    estimate.put("train_seconds", tenths(forecast.seconds()));
    long[][] bytes = cost.script().bytes();
    long all = 0;
    ObjectNode byParty = Json.object();
    for (int p = 0; p < parties.size(); p++) {
      long sent = 0;
      long received = 0;
      for (int q = 0; q < parties.size(); q++) {
        sent += bytes[p][q];
        received += bytes[q][p];
      }
      all += sent;
      byParty
          .putObject(parties.get(p).name())
          .put("seconds", tenths(forecast.busy()[p]))
          .put("sent", sent)
          .put("received", received);
    }
    estimate.put("train_bytes", all);
    estimate.put("passes", cost.passes());
    estimate.set("parties", byParty);
    estimate.put("bottleneck", bottleneck(forecast, parties));
    long own = (long) columns[parties.indexOf(self)] * training * BYTES_PER_VALUE;
    estimate.put("memory_bytes", own + VECTOR_BYTES + RUNTIME_BYTES);
    if (Arrays.stream(lines).flatMap(Arrays::stream).anyMatch(Machine.ASSUMED::equals)) {
      assumed.add(
          "lines that were not measured carry 100 MB/s with a round trip of 1 ms (silo doctor"
              + " PARTNER measures one)");
    }
    assumed.add("partners' machines are as fast as this one");
  }

  private static int[] columns(
      JobRun.Context context,
      TrainSpec spec,
      List<Party> parties,
      Party self,
      List<String> assumed) {
    int own;
    try {
      own = LocalChecks.features(LocalChecks.dataset(context, spec), self, spec).size();
    } catch (Problem unknown) {
      own = 1;
    }
    int[] columns = new int[parties.size()];
    boolean guessed = false;
    for (int p = 0; p < columns.length; p++) {
      int named = spec.parties().get(parties.get(p)).columns().size();
      guessed |= named == 0 && !parties.get(p).equals(self);
      columns[p] = parties.get(p).equals(self) ? own : named > 0 ? named : Math.max(1, own);
      columns[p] = p == 0 ? columns[p] : Math.max(1, columns[p]);
    }
    assumed.add(
        guessed
            ? "partners have as many columns as this party, all of them numbers"
            : "all columns are numbers");
    return columns;
  }

  private static String bottleneck(Forecast forecast, List<Party> parties) {
    double most = 0;
    String what = "";
    for (int p = 0; p < parties.size(); p++) {
      if (forecast.busy()[p] > most) {
        most = forecast.busy()[p];
        what = "computing at " + parties.get(p);
      }
      for (int q = 0; q < parties.size(); q++) {
        if (forecast.line()[p][q] > most) {
          most = forecast.line()[p][q];
          what = "the line from " + parties.get(p) + " to " + parties.get(q);
        }
      }
    }
    return "%s, %.1f of %.1f s".formatted(what, most, forecast.seconds());
  }

  /** From each party to each other; those between two partners are never measured here. */
  private static Line[][] lines(Machine machine, Party self, List<Party> parties) {
    int own = parties.indexOf(self);
    Line[][] lines = new Line[parties.size()][parties.size()];
    for (Line[] from : lines) {
      Arrays.fill(from, Machine.ASSUMED);
    }
    for (int p = 0; p < lines.length; p++) {
      lines[p][p] = null;
      if (p != own) {
        lines[own][p] = machine.line(parties.get(p), true).orElse(Machine.ASSUMED);
        lines[p][own] = machine.line(parties.get(p), false).orElse(Machine.ASSUMED);
      }
    }
    return lines;
  }

  /** Every party on a machine like this one. */
  private record Setting(Rates rates, Line[][] lines) implements Forecast.Setting {
    @Override
    public Rates rates(int party) {
      return rates;
    }

    @Override
    public int machine(int party) {
      return party;
    }

    @Override
    public Line line(int from, int to) {
      return lines[from][to];
    }
  }

  private static double tenths(double seconds) {
    return Math.max(0.1, Math.round(seconds * 10) / 10.0);
  }

  private static long ceil(double x) {
    return (long) Math.ceil(x);
  }
}
