package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohort;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.protocols.cost.Forecast;
import org.espalier.protocols.cost.Line;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Script;
import org.espalier.protocols.cost.Work;
import org.espalier.protocols.glm.TrainingCost;
import org.espalier.protocols.predict.LogitsCost;
import org.espalier.protocols.shares.Workspace;
import org.espalier.psi.oprf.UnbalancedCost;
import org.espalier.wire.Party;

/**
 * What a job costs: the steps of its protocols at its size, phase by phase, played through with
 * what is known of the parties' machines and lines ({@link Machine}).
 */
final class Estimate {
  private final JobRun.Context context;
  private final JobSpec spec;
  private final Party self;

  /** Label party first, the others by name, as in all protocols. */
  private final List<Party> parties;

  private final Machine.Speed[] speeds;
  private final Line[][] lines;
  private final List<String> assumed = new ArrayList<>();
  private Optional<TrainingCost> training = Optional.empty();
  private AlignPhase.Spared spared = new AlignPhase.Spared(false, false, true);

  /** What hashing and sorting a key for comparisons takes, as a part of a key of oprf. */
  private static final double COMPARED = 0.2;

  private Estimate(JobRun.Context context, JobSpec spec, Machine.Speed own) {
    this.context = context;
    this.spec = spec;
    this.self = context.peers().self();
    this.parties = new ArrayList<>(spec.parties().keySet());
    parties.remove(spec.labelParty());
    parties.add(0, spec.labelParty());
    this.speeds = new Machine.Speed[parties.size()];
    this.lines = new Line[parties.size()][parties.size()];
    Arrays.fill(speeds, own);
  }

  // ---- before a job ---------------------------------------------------------------------------

  /**
   * What the plan says, for which this machine is measured where that is not known.
   *
   * @return {@code seconds, bottleneck, phases{name{party{seconds, computing, sent, received}}},
   *     parties{party{seconds, sent, received, memory_bytes, disk_bytes}}}, of a training {@code
   *     passes}, and {@code note} with what is assumed; only that without the own data set
   */
  static ObjectNode plan(JobRun.Context context, JobSpec spec) {
    Optional<Own> own = Own.of(context, spec);
    if (own.isEmpty()) {
      return Json.object().put("note", "no estimate without the own data set");
    }
    Dataset dataset = own.get().dataset();
    Estimate estimate = new Estimate(context, spec, context.machine().speed());
    Optional<Cohort> frozen = FrozenCohort.find(context, spec);
    estimate.spared = AlignPhase.Spared.expected(context, spec, dataset);
    if (frozen.isEmpty()) {
      estimate.assumed.add("everybody in the own data set is in the cohort");
    }
    int people =
        frozen
            .map(Cohort::size)
            .orElseGet(() -> (int) Arrays.stream(estimate.keys(dataset)).min().orElseThrow());
    JobSize size =
        new JobSize(
            estimate.keys(dataset),
            people,
            training(spec, people),
            estimate.columns(own.get().columns(), "all columns"));
    ObjectNode json = Json.object().put("rows_assumed", people);
    Timeline timeline = estimate.play(dataset, size, json);
    estimate.write(timeline, size, json);
    return json.put("note", estimate.note());
  }

  /** What each protocol would cost that can align these parties, seconds and bytes. */
  static Map<String, AlignChoice.Cost> alignments(JobRun.Context context, JobSpec spec) {
    Optional<Own> own = Own.of(context, spec);
    if (own.isEmpty()) {
      return Map.of();
    }
    Dataset dataset = own.get().dataset();
    Estimate estimate = new Estimate(context, spec, context.machine().speed());
    estimate.machines(context.machine());
    estimate.lines(context.machine());
    int rows = dataset.scan().rows();
    JobSize size =
        new JobSize(
            estimate.all(rows), rows, 0, estimate.columns(own.get().columns(), "all columns"));
    Setting setting = new Setting(estimate.speeds, estimate.lines);
    Map<String, AlignChoice.Cost> costs = new TreeMap<>();
    for (String protocol :
        List.of(JobSpec.AlignmentSettings.ECDH, JobSpec.AlignmentSettings.OPRF)) {
      Timeline timeline = new Timeline(estimate.parties.size());
      estimate.align(dataset, size, protocol, timeline, setting);
      costs.put(
          protocol,
          new AlignChoice.Cost(
              timeline.seconds(),
              IntStream.range(0, estimate.parties.size())
                  .mapToLong(timeline.phases().get(0)::sent)
                  .sum()));
    }
    return costs;
  }

  /** What this node brings to a job, as far as it is known before it begins. */
  private record Own(Dataset dataset, int columns) {
    static Optional<Own> of(JobRun.Context context, JobSpec spec) {
      try {
        Dataset dataset = LocalChecks.dataset(context, spec);
        int columns =
            spec instanceof ScoringSpec predict
                ? LocalChecks.modelColumns(LocalChecks.slice(context, predict)).size()
                : LocalChecks.features(dataset, context.peers().self(), spec).size();
        return Optional.of(new Own(dataset, columns));
      } catch (Problem e) {
        return Optional.empty();
      }
    }
  }

  /** Rows of each party's table, as far as they are known. */
  private long[] keys(Dataset dataset) {
    long[] keys = all(dataset.scan().rows());
    if (spec.alignment().usesList() && self.equals(parties.get(0))) {
      AlignPhase.receivedList(context, spec, dataset).ifPresent(list -> keys[1] = list.count());
    }
    return keys;
  }

  /** Where the label party looks for all rows of the people, it reads its keys again. */
  private void rowsOfPeople(Dataset dataset, JobSize size, double[] seconds) {
    if (spec.alignment().severalRows()) {
      seconds[0] += reading(dataset, size, spec.match().size())[0];
      assumed.add("every person has one row in the table of " + parties.get(0));
    }
  }

  private static int training(JobSpec spec, int cohort) {
    return spec instanceof TrainSpec train
        ? (int) Math.round(cohort * (1 - train.evaluation().holdout().doubleValue()))
        : 0;
  }

  private long[] all(long rows) {
    long[] keys = new long[parties.size()];
    Arrays.fill(keys, rows);
    return keys;
  }

  // ---- after it -------------------------------------------------------------------------------

  /**
   * What was to be expected of a job, from what is known of its size after the alignment; nothing
   * where this machine was never measured.
   *
   * @param cohort with what was there before it, which by now is there of this job, too
   * @param columns that this party prepared
   * @return {@code phases{name{seconds, sent, received}}, memory_bytes}, of a training {@code
   *     passes}, and {@code note}; for this party
   */
  static Optional<ObjectNode> forecast(
      JobRun.Context context, JobSpec spec, AlignPhase.Aligned cohort, int training, int columns) {
    return context
        .machine()
        .known()
        .map(speed -> new Estimate(context, spec, speed).forecast(cohort, training, columns));
  }

  private ObjectNode forecast(AlignPhase.Aligned aligned, int training, int own) {
    int cohort = aligned.alignment().size();
    spared = aligned.spared();
    Dataset dataset = LocalChecks.dataset(context, spec);
    assumed.add("partners' data sets have as many rows as the own one");
    JobSize size = new JobSize(keys(dataset), cohort, training, columns(own, "partners' columns"));
    ObjectNode json = Json.object();
    Timeline timeline = play(dataset, size, json);
    int me = parties.indexOf(self);
    ObjectNode phases = json.putObject("phases");
    for (Timeline.Phase phase : timeline.phases()) {
      phases
          .putObject(phase.name())
          .put("seconds", hundredths(phase.seconds()[me]))
          .put("sent", phase.sent(me))
          .put("received", phase.received(me));
    }
    json.put("memory_bytes", room(size, me).memory());
    return json.put("note", note());
  }

  // ---- both -----------------------------------------------------------------------------------

  /** Partners' columns as the job names them, otherwise as many as the own ones. */
  private int[] columns(int own, String numbers) {
    int[] columns = new int[parties.size()];
    boolean guessed = false;
    for (int p = 0; p < columns.length; p++) {
      boolean mine = parties.get(p).equals(self);
      int named =
          spec instanceof TrainSpec ? spec.parties().get(parties.get(p)).columns().size() : 0;
      guessed |= named == 0 && !mine;
      columns[p] = mine ? own : named > 0 ? named : Math.max(1, own);
      columns[p] = p == 0 ? columns[p] : Math.max(1, columns[p]);
    }
    assumed.add(
        guessed
            ? "partners have as many columns as this party, all of them numbers"
            : numbers + " are numbers");
    return columns;
  }

  /** All phases one after the other; adds the number of passes. */
  private Timeline play(Dataset dataset, JobSize size, ObjectNode json) {
    Machine machine = context.machine();
    machines(machine);
    lines(machine);
    Setting setting = new Setting(speeds, lines);
    Timeline timeline = new Timeline(parties.size());
    align(dataset, size, spec.alignment().protocol(), timeline, setting);
    double[] reading = reading(dataset, size, 1);
    rowsOfPeople(dataset, size, reading);
    timeline.alone(TrainFlow.PREPARE, reading);
    if (spec instanceof TrainSpec train) {
      train(train, size, timeline, setting);
      training.ifPresent(cost -> json.put("passes", cost.passes()));
    } else if (!LocalChecks.sharesWeights(context, (PredictSpec) spec)) {
      int numbers = LocalChecks.logitsOfAPerson(context, (PredictSpec) spec);
      Script script = scoring(size, size.cohort(), numbers);
      timeline.together(PredictFlow.PREDICT, new double[parties.size()], script, setting);
    }
    return timeline;
  }

  private void align(
      Dataset dataset, JobSize size, String protocol, Timeline timeline, Setting setting) {
    if (spared.cohort()) {
      timeline.alone(AlignPhase.NAME, new double[parties.size()]);
      return;
    }
    if (protocol.equals(JobSpec.AlignmentSettings.UNBALANCED)) {
      boolean again = spared.list();
      assumed.add(
          again
              ? "the list of an earlier alignment can be used again"
              : "the list of the partner's keys is made and sent, as in a first alignment");
      double[] reading = reading(dataset, size, 2);
      reading[1] = again ? 0 : reading[1];
      compareKeys(dataset, size, reading);
      timeline.together(
          AlignPhase.NAME,
          reading,
          AlignCost.unbalanced(
              new UnbalancedCost((int) size.keys()[0], (int) size.keys()[1], again), size.cohort()),
          setting);
      return;
    }
    boolean oprf = protocol.equals(JobSpec.AlignmentSettings.OPRF);
    int rules = spec.match().size();
    // Every rule reads the keys twice, to look for repeats and to mask them; the first rule of oprf
    // keeps what it read.
    double[] reading = reading(dataset, size, oprf ? 2 * rules - 1 : 2 * rules);
    compareKeys(dataset, size, reading);
    timeline.together(
        AlignPhase.NAME,
        reading,
        oprf
            ? AlignCost.oprf(size.keys(), rules, size.cohort(), spec.alignment().isMalicious())
            : AlignCost.of(size.keys(), rules, size.cohort()),
        setting);
  }

  /** Adds what this node does before it says anything, where its policy compares own keys. */
  private void compareKeys(Dataset dataset, JobSize size, double[] seconds) {
    if (!spared.keys()) {
      int own = parties.indexOf(self);
      double keys = (double) dataset.scan().rows() * spec.match().size();
      seconds[own] += reading(dataset, size, 1)[own];
      seconds[own] += speeds[own].rates().seconds(Work.OPRF_KEY, COMPARED * keys);
      assumed.add(
          "%s reads its data set once more, because min_set_difference in its policy.yaml compares"
                  .formatted(self)
              + " its keys with earlier ones");
    }
  }

  private void train(TrainSpec train, JobSize size, Timeline timeline, Forecast.Setting setting) {
    TrainingCost cost;
    try {
      cost =
          Training.of(train)
              .cost(
                  new TrainingCost.Size(
                      size.training(),
                      size.holdout(),
                      size.columns(),
                      new Workspace(context.config().sliceMemory(), context.work())));
    } catch (IllegalArgumentException e) {
      assumed.add("the partners bring what training needs: " + e.getMessage());
      return;
    }
    training = Optional.of(cost);
    double[] nothing = new double[parties.size()];
    List<Script> passes = new ArrayList<>();
    for (TrainingCost.Phase phase : cost.phases()) {
      if (phase.part() == TrainingCost.Part.EVALUATE) {
        timeline.together(TrainFlow.TRAIN, nothing, Script.inTurn(passes), setting);
        timeline.together(TrainFlow.EVALUATE, nothing, phase.script(), setting);
        return;
      }
      passes.add(phase.script());
    }
    timeline.together(TrainFlow.TRAIN, nothing, Script.inTurn(passes), setting);
    if (train.neural() && size.holdout() > 0) {
      Script script = scoring(size, size.holdout(), train.model().hidden().get(0));
      timeline.together(TrainFlow.EVALUATE, nothing, script, setting);
    }
  }

  /** Masked parts of so many numbers of each person. */
  private Script scoring(JobSize size, int people, int numbers) {
    Script script = new Script(parties.size());
    new LogitsCost(script, Math.multiplyExact(people, numbers)).joint(size.columns());
    return script;
  }

  /** Seconds in which each party reads its data set so often, whose cells are like the own ones. */
  private double[] reading(Dataset dataset, JobSize size, int times) {
    double cells = (double) dataset.scan().rows() * dataset.schema().columns().size();
    double bytesPerCell = dataset.scan().bytes() / cells;
    double[] seconds = new double[parties.size()];
    for (int p = 0; p < seconds.length; p++) {
      double bytes =
          parties.get(p).equals(self)
              ? dataset.scan().bytes()
              : size.keys()[p] * bytesPerCell * (1 + size.columns()[p]);
      seconds[p] = times * bytes * speeds[p].csvByte();
    }
    return seconds;
  }

  private Room room(JobSize size, int party) {
    Room room = Room.of(spec, size, training, party, context.config());
    boolean compares = !spared.keys() && parties.get(party).equals(self);
    return compares ? room.comparing(size.keys()[party] * spec.match().size()) : room;
  }

  private void write(Timeline timeline, JobSize size, ObjectNode json) {
    json.put("seconds", hundredths(timeline.seconds()));
    json.put("bottleneck", bottleneck(timeline));
    ObjectNode phases = json.putObject("phases");
    for (Timeline.Phase phase : timeline.phases()) {
      ObjectNode byParty = phases.putObject(phase.name());
      for (int p = 0; p < parties.size(); p++) {
        byParty
            .putObject(parties.get(p).name())
            .put("seconds", hundredths(phase.seconds()[p]))
            .put("computing", hundredths(phase.busy()[p]))
            .put("sent", phase.sent(p))
            .put("received", phase.received(p));
      }
    }
    ObjectNode byParty = json.putObject("parties");
    for (int p = 0; p < parties.size(); p++) {
      int party = p;
      Room room = room(size, p);
      byParty
          .putObject(parties.get(p).name())
          .put("computing", hundredths(timeline.busy(p)))
          .put("sent", timeline.phases().stream().mapToLong(phase -> phase.sent(party)).sum())
          .put(
              "received",
              timeline.phases().stream().mapToLong(phase -> phase.received(party)).sum())
          .put("memory_bytes", room.memory())
          .put("disk_bytes", room.disk())
          .put("kept_bytes", room.kept());
    }
  }

  private String bottleneck(Timeline timeline) {
    double most = 0;
    String what = "";
    for (int p = 0; p < parties.size(); p++) {
      if (timeline.busy(p) > most) {
        most = timeline.busy(p);
        what = "computing at " + parties.get(p);
      }
      for (int q = 0; q < parties.size(); q++) {
        if (timeline.line(p, q) > most) {
          most = timeline.line(p, q);
          what = "the line from " + parties.get(p) + " to " + parties.get(q);
        }
      }
    }
    return "%s, %.1f of %.1f s".formatted(what, most, timeline.seconds());
  }

  private String note() {
    return "assumes that " + String.join("; that ", assumed);
  }

  // ---- machines and lines -----------------------------------------------------------------------

  private void machines(Machine machine) {
    List<String> claimed = new ArrayList<>();
    List<String> unknown = new ArrayList<>();
    for (int p = 0; p < speeds.length; p++) {
      Party party = parties.get(p);
      if (party.equals(self)) {
        continue;
      }
      Optional<Machine.Speed> said = machine.claimed(party);
      (said.isPresent() ? claimed : unknown).add(party.name());
      speeds[p] = said.orElse(speeds[p]);
    }
    if (!claimed.isEmpty()) {
      assumed.add("machines are as fast as their nodes say: " + String.join(", ", claimed));
    }
    if (!unknown.isEmpty()) {
      assumed.add("machines are as fast as this one: " + String.join(", ", unknown));
    }
  }

  /** From each party to each other; those between two partners are never measured here. */
  private void lines(Machine machine) {
    int own = parties.indexOf(self);
    List<String> which = new ArrayList<>();
    for (int p = 0; p < lines.length; p++) {
      Arrays.fill(lines[p], Machine.ASSUMED);
    }
    for (int p = 0; p < lines.length; p++) {
      lines[p][p] = null;
      if (p == own) {
        continue;
      }
      Party partner = parties.get(p);
      switch (machine.known(partner)) {
        case MEASURED -> {
          lines[own][p] = machine.line(partner, true).orElse(Machine.ASSUMED);
          lines[p][own] = machine.line(partner, false).orElse(Machine.ASSUMED);
        }
        case EXPIRED -> which.add("with " + partner + ", measured more than a week ago");
        case NEVER -> which.add("with " + partner + ", never measured");
      }
    }
    if (lines.length > 2) {
      which.add("between partners");
    }
    if (!which.isEmpty()) {
      assumed.add(
          "lines carry 100 MB/s with a round trip of 1 ms (silo doctor measures them): "
              + String.join("; ", which));
    }
  }

  /** Every party on a machine of its own. */
  private record Setting(Machine.Speed[] speeds, Line[][] lines) implements Forecast.Setting {
    @Override
    public Rates rates(int party) {
      return speeds[party].rates();
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

  private static double hundredths(double seconds) {
    return Math.round(seconds * 100) / 100.0;
  }
}
