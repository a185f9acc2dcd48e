package org.espalier.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.cli.Console;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.daemon.NodeHome;
import org.espalier.wire.Party;

/**
 * Many jobs between three nodes whose processes are killed and whose lines are cut, held up and
 * garbled at random: every job must end as done at all its parties, with the model of an
 * undisturbed job, and every log must verify.
 */
final class Soak {
  private static final int PEOPLE = 2_000;
  private static final int COLUMNS = 4;
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  /** An operator tries a job that has failed for good so often. */
  private static final int MOST_RUNS = 20;

  /**
   * How far weights may be from those of an undisturbed job, by level: noise is opened with both.
   */
  private static final Map<String, Double> TOLERANCE = Map.of("gradients", 0.01, "sealed", 0.02);

  /**
   * @param jobs that are disturbed
   * @param heap of a node, megabytes
   */
  record Settings(int jobs, long seed, int heap) {}

  /** What happens to a job while it runs. */
  private enum Fault {
    KILL,
    CUT,
    HOLD,
    CORRUPT
  }

  /**
   * @param what kind of job
   * @param faults what was done to it
   * @param runs how often somebody had to have it run again
   * @param problem why it counts as lost; null if it does not
   */
  record Outcome(
      String job,
      String what,
      List<String> faults,
      int attempts,
      int runs,
      double seconds,
      double distance,
      String problem) {
    Outcome with(double found, String why) {
      return new Outcome(job, what, faults, attempts, runs, seconds, found, why);
    }
  }

  /** A kind of job, with the weights of an undisturbed one. */
  private record Kind(String level, int parties, Map<Party, double[]> reference, String model) {
    String text() {
      return level + ", " + parties + " parties";
    }
  }

  private final Settings settings;
  private final PrintStream out;
  private final Random random;
  private final SiloProcesses silos = new SiloProcesses();
  private final List<FaultyRelay> relays = new ArrayList<>();
  private final List<Outcome> outcomes = new ArrayList<>();

  private Soak(Settings settings, PrintStream out) {
    this.settings = settings;
    this.out = out;
    this.random = new Random(settings.seed());
  }

  /**
   * @return whether nothing was lost and every log verifies
   */
  static boolean run(Settings settings, Path folder, boolean asJson, PrintStream out)
      throws IOException, InterruptedException {
    Machine machine = Machine.now();
    PrintStream shown = asJson ? System.err : out;
    shown.println(machine);
    shown.printf("%d jobs, seed %d%n", settings.jobs(), settings.seed());
    Soak soak = new Soak(settings, shown);
    Map<String, Integer> logs;
    try {
      SiloProcesses.fresh(folder);
      soak.begin(folder);
      soak.disturb(soak.references());
    } finally {
      soak.silos.close();
      soak.relays.forEach(FaultyRelay::close);
    }
    logs = soak.verify();
    return soak.report(machine, logs, asJson, out);
  }

  private void begin(Path folder) throws IOException {
    for (String name : List.of("bank.example", "insurer.example", "telecom.example")) {
      Party party = new Party(name);
      int port = SiloProcesses.freePort();
      FaultyRelay relay = new FaultyRelay(port);
      relays.add(relay);
      SiloHome home = new SiloHome(folder.resolve(name));
      NodeHome.create(
          home,
          new SiloConfig(
              party,
              "127.0.0.1:" + port,
              URI.create("https://127.0.0.1:" + relay.port()),
              Duration.ofMinutes(1),
              Duration.ofSeconds(20),
              null));
      Files.writeString(home.policy(), SiloProcesses.policy(""));
      silos.start(party, home, settings.heap());
    }
    silos.enrol();
    silos.data(folder, PEOPLE, COLUMNS);
  }

  private List<SiloProcesses.Silo> parties(int count) {
    return silos.all().subList(0, count);
  }

  private ObjectNode training(String level, int parties) {
    ObjectNode spec = SiloProcesses.job("train", "soak", parties(parties));
    spec.putObject("label").put("party", "bank.example").put("column", "bad");
    spec.putObject("alignment").put("min_intersection", 100).put("protocol", "oprf");
    // Who is held out follows from the alignment, which is another in each job.
    spec.putObject("evaluation").put("holdout", 0);
    ObjectNode training = spec.putObject("training").put("level", level);
    if (level.equals("gradients")) {
      training.put("max_passes", 12).putArray("accept").add("span");
    } else {
      training.put("max_passes", 30);
    }
    return spec;
  }

  /** Each kind once, undisturbed. */
  private List<Kind> references() throws InterruptedException {
    List<Kind> kinds = new ArrayList<>();
    for (int parties = 2; parties <= 3; parties++) {
      for (String level : List.of("gradients", "sealed")) {
        String job = SiloProcesses.agreed(training(level, parties), parties(parties));
        Outcome outcome = drive(job, level, parties(parties), List.of());
        if (outcome.problem() != null) {
          throw new Workers.Failed("an undisturbed job failed: " + outcome);
        }
        kinds.add(new Kind(level, parties, weights(job, parties(parties)), job));
        out.printf(
            Locale.ROOT, "undisturbed: %s, %d parties %.1f s%n", level, parties, outcome.seconds());
      }
    }
    return kinds;
  }

  private static Map<Party, double[]> weights(String job, List<SiloProcesses.Silo> parties) {
    Map<Party, double[]> all = new TreeMap<>();
    for (SiloProcesses.Silo silo : parties) {
      JsonNode weights = silo.call("model.show", "job", job).path("weights");
      double[] values = new double[weights.size()];
      for (int i = 0; i < values.length; i++) {
        JsonNode one = weights.get(i);
        values[i] = one.isNumber() ? one.asDouble() : one.path("weight").asDouble();
      }
      all.put(silo.party, values);
    }
    return all;
  }

  private void disturb(List<Kind> kinds) throws InterruptedException {
    for (int j = 1; j <= settings.jobs(); j++) {
      Kind kind = kinds.get(random.nextInt(kinds.size()));
      List<SiloProcesses.Silo> parties = parties(kind.parties());
      boolean predict = random.nextInt(4) == 0;
      Outcome outcome;
      try {
        outcome = predict ? predict(kind, parties) : train(kind, parties);
      } catch (Problem e) {
        outcome = new Outcome("", kind.text(), List.of(), 0, 0, 0, 0, "not begun: " + e.what());
      }
      outcomes.add(outcome);
      out.printf(
          Locale.ROOT,
          "%4d %s %-24s %5.1f s, attempts %d, runs %d %s%s%n",
          j,
          outcome.job(),
          outcome.what(),
          outcome.seconds(),
          outcome.attempts(),
          outcome.runs(),
          outcome.faults(),
          outcome.problem() == null ? "" : " LOST: " + outcome.problem());
    }
  }

  private Outcome train(Kind kind, List<SiloProcesses.Silo> parties) throws InterruptedException {
    String job = SiloProcesses.agreed(training(kind.level(), kind.parties()), parties);
    Outcome outcome = drive(job, kind.text(), parties, faults());
    if (outcome.problem() != null) {
      return outcome;
    }
    double distance = 0;
    Map<Party, double[]> weights = weights(job, parties);
    for (Map.Entry<Party, double[]> expected : kind.reference().entrySet()) {
      double[] found = weights.get(expected.getKey());
      for (int i = 0; i < found.length; i++) {
        distance = Math.max(distance, Math.abs(found[i] - expected.getValue()[i]));
      }
    }
    boolean same = distance <= TOLERANCE.get(kind.level());
    return outcome.with(distance, same ? null : "another model, by " + distance);
  }

  private Outcome predict(Kind kind, List<SiloProcesses.Silo> parties) throws InterruptedException {
    ObjectNode spec = SiloProcesses.job("predict", "soak", parties).put("model", kind.model());
    spec.put("label_party", "bank.example");
    spec.putObject("alignment").put("min_intersection", 100).put("protocol", "oprf");
    String job = SiloProcesses.agreed(spec, parties);
    Outcome outcome = drive(job, "predict, " + kind.text(), parties, faults());
    if (outcome.problem() != null) {
      return outcome;
    }
    int rows = parties.get(0).call("predict.result", "job", job).path("rows").asInt();
    return rows == PEOPLE ? outcome : outcome.with(0, rows + " people scored");
  }

  /** None, one or two, each at a party and a moment. */
  private List<Runnable> faults() {
    int count = List.of(0, 1, 1, 1, 2).get(random.nextInt(5));
    List<Runnable> faults = new ArrayList<>();
    for (int f = 0; f < count; f++) {
      Fault fault = Fault.values()[List.of(0, 0, 0, 1, 1, 2, 2, 3).get(random.nextInt(8))];
      int party = random.nextInt(silos.all().size());
      long at = random.nextInt(4_000);
      long lasts = 200L + random.nextInt(4_000);
      faults.add(new Planned(fault, party, at, lasts));
    }
    return faults;
  }

  /** A fault that waits for its moment. */
  private final class Planned implements Runnable {
    private final Fault fault;
    private final int party;
    private final long at;
    private final long lasts;

    Planned(Fault fault, int party, long at, long lasts) {
      this.fault = fault;
      this.party = party;
      this.at = at;
      this.lasts = lasts;
    }

    @Override
    public void run() {
      try {
        Thread.sleep(at);
        FaultyRelay relay = relays.get(party);
        switch (fault) {
          case CUT -> relay.cut();
          case HOLD -> relay.hold(lasts);
          case CORRUPT -> relay.corrupt();
          case KILL -> {
            SiloProcesses.Silo silo = silos.all().get(party);
            synchronized (silo) {
              silo.kill();
              Thread.sleep(lasts);
              silo.start();
            }
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (IOException e) {
        throw new Workers.Failed("a node that was killed does not start: " + e.getMessage());
      }
    }

    @Override
    public String toString() {
      String name = silos.all().get(party).party.name();
      return "%s %s %d ms".formatted(fault.name().toLowerCase(Locale.ROOT), name, at);
    }
  }

  /** Has a job run, and run again where it has failed for good, until it is done everywhere. */
  private Outcome drive(
      String job, String what, List<SiloProcesses.Silo> parties, List<Runnable> faults)
      throws InterruptedException {
    long began = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (Runnable fault : faults) {
      names.add(fault.toString());
      Thread thread = new Thread(fault, "fault");
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    int runs = 0;
    String problem = null;
    while (true) {
      Map<String, JsonNode> states = states(job, parties);
      if (states.values().stream().allMatch(s -> state(s).equals("DONE"))) {
        break;
      }
      if (System.nanoTime() - began > PATIENCE.toNanos() || runs > MOST_RUNS) {
        problem = "not done in time: " + summary(states);
        break;
      }
      JsonNode proposer = states.get(parties.get(0).party.name());
      if (stands(proposer) && runs <= MOST_RUNS) {
        runs += again(parties.get(0), job) ? 1 : 0;
      }
      Thread.sleep(POLL.toMillis());
    }
    for (Thread thread : threads) {
      thread.join();
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    int attempts =
        problem != null
            ? 0
            : parties.get(0).call("job.status", "job", job).at("/job/attempt").asInt();
    return new Outcome(job, what, names, attempts, Math.max(0, runs - 1), seconds, 0, problem);
  }

  /** Whether nothing will happen by itself. */
  private static boolean stands(JsonNode status) {
    String state = state(status);
    boolean failed = state.equals("FAILED") && !status.path("tries_again").asBoolean();
    return failed || state.equals("APPROVED");
  }

  private static String state(JsonNode status) {
    return status.at("/job/state").asText("unknown");
  }

  private static String summary(Map<String, JsonNode> states) {
    List<String> all = new ArrayList<>();
    states.forEach(
        (party, status) ->
            all.add(party + " " + state(status) + " " + status.at("/job/cause/what").asText("")));
    return String.join("; ", all);
  }

  private static Map<String, JsonNode> states(String job, List<SiloProcesses.Silo> parties) {
    Map<String, JsonNode> states = new TreeMap<>();
    for (SiloProcesses.Silo silo : parties) {
      JsonNode status;
      try {
        status = silo.call("job.status", "job", job);
      } catch (Problem down) {
        status = Json.object();
      }
      states.put(silo.party.name(), status);
    }
    return states;
  }

  private static boolean again(SiloProcesses.Silo proposer, String job) {
    try {
      proposer.call("job.run", "job", job);
      return true;
    } catch (Problem later) {
      return false; // a partner is away: in a moment
    }
  }

  /** Size of each node's log; throws nothing: a log that does not verify has none. */
  private Map<String, Integer> verify() {
    Map<String, Integer> sizes = new TreeMap<>();
    for (SiloProcesses.Silo silo : silos.all()) {
      ByteArrayOutputStream said = new ByteArrayOutputStream();
      PrintStream stream = new PrintStream(said, true, StandardCharsets.UTF_8);
      Console console = new Console(stream, stream, false, false, Map.of());
      int code =
          org.espalier.node.cli.Silo.run(
              console, "audit", "verify", "--json", "--home", silo.home.root().toString());
      int size = -1;
      if (code == 0) {
        size = Json.parse("verify", said.toString(StandardCharsets.UTF_8)).path("size").asInt();
      } else {
        out.println(silo.party + ": " + said.toString(StandardCharsets.UTF_8));
      }
      sizes.put(silo.party.name(), size);
    }
    return sizes;
  }

  private boolean report(
      Machine machine, Map<String, Integer> logs, boolean asJson, PrintStream to) {
    long lost = outcomes.stream().filter(o -> o.problem() != null).count();
    boolean verified = logs.values().stream().allMatch(size -> size >= 0);
    Map<String, Integer> faults = new TreeMap<>();
    outcomes.forEach(
        o -> o.faults().forEach(f -> faults.merge(f.split(" ", 2)[0], 1, Integer::sum)));
    Map<String, Double> distances = new TreeMap<>();
    outcomes.forEach(
        o -> {
          if (!o.what().startsWith("predict")) {
            distances.merge(o.what(), o.distance(), Math::max);
          }
        });
    int attempts = outcomes.stream().mapToInt(Outcome::attempts).sum();
    int runs = outcomes.stream().mapToInt(Outcome::runs).sum();
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "soak");
      json.set("machine", mapper.valueToTree(machine));
      json.set("settings", mapper.valueToTree(settings));
      json.put("lost", lost).put("attempts", attempts).put("run_again_by_hand", runs);
      json.set("faults", mapper.valueToTree(faults));
      json.set("largest_distance", mapper.valueToTree(distances));
      json.set("log_events", mapper.valueToTree(logs));
      json.put("verified", verified);
      json.set("jobs", mapper.valueToTree(outcomes));
      to.println(json.toPrettyString());
    } else {
      to.printf(
          "%d jobs, %d lost; faults %s; %d attempts, %d times run again by hand%n",
          outcomes.size(), lost, faults, attempts, runs);
      to.println("largest distance of a weight from the undisturbed model: " + distances);
      to.println("events in each log that verifies (-1: does not): " + logs);
    }
    return lost == 0 && verified;
  }
}
