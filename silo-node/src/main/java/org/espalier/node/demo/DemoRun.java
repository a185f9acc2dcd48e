package org.espalier.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.config.SiloHome;
import org.espalier.protocols.model.ModelSlice;
import org.espalier.wire.Party;

/**
 * A whole collaboration on one machine: every party gets a real node in a process of its own, and
 * everything goes through the commands that operators type, in their order.
 */
public final class DemoRun {
  private static final String LOOPBACK = "127.0.0.1";
  private static final Duration LINK_PATIENCE = Duration.ofSeconds(10);
  private static final Duration LINK_POLL = Duration.ofMillis(200);
  private static final String EVERYBODY = "every party";
  private static final String NEW_PEOPLE = "new-people";
  private static final String STEWARD = "data_steward";
  private static final String OFFICER = "privacy_officer";
  private static final int FEWEST_SCORED = 10;
  private static final int SHOWN_SCORES = 3;
  private static final double NANOS = 1e9;

  private final Scenario scenario;
  private final Cli cli;
  private final DemoFolder folder;
  private final Shell shell;
  private final boolean keep;
  private final List<Party> parties;
  private final Party labelParty;
  private final Map<Party, SiloProcess> nodes = new TreeMap<>();
  private final long started = System.nanoTime();

  private DemoRun(
      Scenario scenario,
      Cli cli,
      PrintStream screen,
      UnaryOperator<String> strong,
      boolean keep,
      DemoFolder folder) {
    this.scenario = scenario;
    this.cli = cli;
    this.keep = keep;
    this.folder = folder;
    this.shell = new Shell(cli, screen, strong, folder);
    this.parties = List.copyOf(scenario.spec().parties().keySet());
    this.labelParty = scenario.spec().labelParty();
  }

  /**
   * Plays the scenario.
   *
   * @param screen takes everything that is shown on the way
   * @param strong makes a heading stand out
   * @param keep leave the nodes running and their folders in place
   * @throws Problem the first command's that fails
   */
  public static DemoResult play(
      Scenario scenario, Cli cli, PrintStream screen, UnaryOperator<String> strong, boolean keep)
      throws InterruptedException {
    try (DemoFolder folder = DemoFolder.create(keep)) {
      DemoRun run = new DemoRun(scenario, cli, screen, strong, keep, folder);
      try {
        return run.play();
      } finally {
        if (keep) {
          run.sayHowToLookAround();
        }
      }
    }
  }

  private DemoResult play() throws InterruptedException {
    startNodes();
    enrol();
    addDatasets();
    String job = agree();
    SortedMap<Party, JsonNode> reports = run(job);
    SortedMap<Party, ModelSlice> slices = models(job);
    int predictions = scenario.scoring().isEmpty() ? -1 : predict(job);
    boolean verified = verifyLogs();
    double total = secondsSince(started);
    return result(job, reports, slices, predictions, verified, total);
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / NANOS;
  }

  // ---- before the job -------------------------------------------------------------------------

  private void startNodes() throws InterruptedException {
    shell.step(
        "Every party makes a node and starts it: "
            + String.join(", ", parties.stream().map(Party::name).toList()));
    for (Party party : parties) {
      JsonNode made =
          shell.ask(
              party,
              "init",
              "--name",
              party.name(),
              "--listen",
              LOOPBACK + ":" + SiloProcess.freePort());
      shell.say("identity " + made.path("fingerprint").asText());
    }
    for (Party party : parties) {
      shell.typed(party, "node", "start", "--background");
      nodes.put(party, folder.start(cli, party));
    }
    for (Map.Entry<Party, SiloProcess> node : nodes.entrySet()) {
      node.getValue().awaitReady();
      shell.say(node.getKey() + " runs as process " + node.getValue().process().pid());
    }
  }

  private void enrol() throws InterruptedException {
    shell.step("Partners exchange invitations and read six words to each other");
    for (Party host : parties) {
      for (Party guest : parties) {
        if (host.compareTo(guest) >= 0) {
          continue;
        }
        JsonNode invitation = shell.ask(host, "partner", "invite", guest.name());
        Path letter = folder.root().resolve(host + "-invites-" + guest + ".txt");
        write(letter, invitation.path("line").asText() + "\n");
        shell.ask(guest, "partner", "accept", letter.toString());
        // What people read to each other by telephone: the words that the own node shows.
        shell.ask(host, "partner", "confirm", guest.name(), "--words", words(guest, host));
        shell.ask(guest, "partner", "confirm", host.name(), "--words", words(host, guest));
      }
    }
    awaitLinks();
    shell.show(labelParty, "partner", "list");
  }

  private String words(Party at, Party partner) {
    for (JsonNode known : shell.quietly(at, "partner", "list").path("partners")) {
      if (known.path("name").asText().equals(partner.name())) {
        return known.path("words").asText();
      }
    }
    throw new IllegalStateException(at + " does not know " + partner);
  }

  /** A moment's patience, so that the list shows links and not attempts. */
  private void awaitLinks() throws InterruptedException {
    long deadline = System.nanoTime() + LINK_PATIENCE.toNanos();
    while (System.nanoTime() < deadline) {
      boolean all = true;
      for (JsonNode partner : shell.quietly(labelParty, "partner", "list").path("partners")) {
        all &= partner.path("connected").asBoolean();
      }
      if (all) {
        return;
      }
      Thread.sleep(LINK_POLL.toMillis());
    }
  }

  private void addDatasets() {
    shell.step("Every party declares its own data; the files stay where they are");
    for (Party party : parties) {
      addDataset(
          party,
          scenario.spec().parties().get(party).dataset(),
          scenario.sources().get(party),
          party + ".schema.yaml");
    }
  }

  private void addDataset(Party party, String name, Scenario.Source source, String schemaName) {
    Path schema = folder.root().resolve(schemaName);
    write(schema, Json.toYaml(source.schema()));
    if (source.sketched()) {
      shell.say(
          "no "
              + party
              + ".schema.yaml: sketched; numbers and categories are "
              + String.join(", ", source.schema().features()));
    }
    shell.show(
        party,
        "dataset",
        "add",
        name,
        "--file",
        source.file().toAbsolutePath().toString(),
        "--schema",
        schema.toString());
  }

  // ---- the job --------------------------------------------------------------------------------

  private String agree() {
    String file = scenario.folder().resolve("job.yaml").toAbsolutePath().toString();
    allow(file);
    shell.step("The " + labelParty + " plans the job; nothing is sent yet");
    shell.show(labelParty, "job", "plan", file);
    shell.step("It proposes the job; every partner reviews and approves the same digest");
    String job = shell.ask(labelParty, "job", "propose", file).path("id").asText();
    shell.say("job " + job);
    approve(job);
    return job;
  }

  /** Where two people have to sign: the first of the others. */
  private Party signing() {
    return parties.stream().filter(party -> !party.equals(labelParty)).findFirst().orElseThrow();
  }

  private void allow(String file) {
    shell.step(
        "Every party allows this job and nothing else; at the "
            + signing()
            + " two people have to sign");
    for (Party party : parties) {
      ObjectNode policy = (ObjectNode) shell.ask(party, "policy", "suggest", file).path("policy");
      if (!scenario.scoring().isEmpty()) {
        ObjectNode datasets = policy.withObject("/datasets");
        String trained = scenario.spec().parties().get(party).dataset();
        datasets.set(NEW_PEOPLE, datasets.path(trained).deepCopy());
        policy.withObject("/alignment").put("min_intersection", fewest());
      }
      if (party.equals(signing())) {
        policy.putObject("approval").putArray("needs").add(STEWARD).add(OFFICER);
        ObjectNode people = policy.putObject("people");
        people.setAll(person(STEWARD));
        people.setAll(person(OFFICER));
      }
      write(folder.home(party).policy(), Json.toYaml(policy));
      shell.ask(party, "policy", "apply");
    }
  }

  /** Somebody with a key, as the policy has it. */
  private ObjectNode person(String role) {
    write(passphrase(role), "only for the demo: " + role + "\n");
    return (ObjectNode)
        shell
            .ask(
                signing(),
                "person",
                "create",
                role,
                "--role",
                role,
                "--key",
                key(role).toString(),
                "--passphrase-file",
                passphrase(role).toString())
            .path("people");
  }

  private Path key(String role) {
    return folder.root().resolve(role + ".key");
  }

  private Path passphrase(String role) {
    return folder.root().resolve(role + ".passphrase");
  }

  private void sign(String job, String role) {
    shell.ask(
        signing(),
        "job",
        "approve",
        job,
        "--as",
        role,
        "--key",
        key(role).toString(),
        "--passphrase-file",
        passphrase(role).toString());
  }

  private void approve(String job) {
    for (Party party : parties) {
      if (!party.equals(labelParty)) {
        JsonNode review = shell.ask(party, "job", "show", job);
        for (JsonNode fact : review.path("learns")) {
          if (fact.path("learner").asText().equals(party.name())) {
            shell.say("it would learn: " + fact.path("text").asText());
          }
        }
        if (party.equals(signing())) {
          sign(job, STEWARD);
          sign(job, OFFICER);
        } else {
          shell.ask(party, "job", "approve", job);
        }
      }
    }
  }

  private SortedMap<Party, JsonNode> run(String job) {
    shell.step("They find their common people, train and evaluate");
    shell.watch(labelParty, "job", "run", job, "--wait");
    SortedMap<Party, JsonNode> reports = new TreeMap<>();
    for (Party party : parties) {
      reports.put(party, finished(party, job));
    }
    JsonNode report = reports.get(labelParty);
    shell.say(
        "%d people in common, found in %.1f s"
            .formatted(
                report.path("alignment").path("size").asInt(),
                report.path("seconds").path("align").asDouble()));
    shell.say(
        "%d passes over %d of them in %.1f s%s"
            .formatted(
                report.path("training").path("passes").asInt(),
                report.path("training").path("training_rows").asInt(),
                report.path("seconds").path("train").asDouble(),
                report.path("training").hasNonNull("objective")
                    ? ", objective %.6f"
                        .formatted(report.path("training").path("objective").asDouble())
                    : ""));
    if (report.path("metrics").has("log_loss")) {
      shell.say(
          "AUC %.4f and log-loss %.4f on the %d others"
              .formatted(
                  report.path("metrics").path("auc").asDouble(),
                  report.path("metrics").path("log_loss").asDouble(),
                  report.path("metrics").path("rows").asInt()));
    }
    for (Map.Entry<String, JsonNode> receipt : report.path("receipts").properties()) {
      shell.say("receipt of " + receipt.getKey() + ": " + receipt.getValue().asText());
    }
    return reports;
  }

  /** The report of one party, which may be a moment later than another's. */
  private JsonNode finished(Party party, String job) {
    JsonNode end = shell.quietly(party, "job", "wait", job);
    return end.path("report");
  }

  private SortedMap<Party, ModelSlice> models(String job) {
    shell.step("Every party has its own slice of the model, and only that");
    SortedMap<Party, ModelSlice> slices = new TreeMap<>();
    for (Party party : parties) {
      shell.typed(party, "model", "show", job);
      ModelSlice slice = ModelSlice.fromJson(shell.quietly(party, "model", "show", job));
      slices.put(party, slice);
      shell.say(
          slice.preparation().features().size()
              + " weights"
              + (party.equals(labelParty) ? " and the intercept" : "")
              + ": "
              + heaviest(slice));
    }
    return slices;
  }

  private static String heaviest(ModelSlice slice) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < slice.weights().length; i++) {
      order.add(i);
    }
    order.sort(
        (a, b) -> Double.compare(Math.abs(slice.weights()[b]), Math.abs(slice.weights()[a])));
    return String.join(
        ", ",
        order.stream()
            .limit(3)
            .map(
                i ->
                    "%s %+.3f".formatted(slice.preparation().features().get(i), slice.weights()[i]))
            .toList());
  }

  // ---- afterwards -----------------------------------------------------------------------------

  private int predict(String model) {
    shell.step("New people: only the " + labelParty + " learns their scores");
    for (Party party : parties) {
      addDataset(party, NEW_PEOPLE, scenario.scoring().get(party), party + ".predict.schema.yaml");
    }
    List<String> words =
        new ArrayList<>(List.of("predict", "--model", model, "--dataset", NEW_PEOPLE));
    for (Party party : parties) {
      if (!party.equals(labelParty)) {
        words.addAll(List.of("--with", party + "=" + NEW_PEOPLE));
      }
    }
    words.addAll(List.of("--min-intersection", Integer.toString(fewest())));
    String job = shell.ask(labelParty, words.toArray(String[]::new)).path("id").asText();
    approve(job);
    shell.watch(labelParty, "job", "run", job, "--wait");
    JsonNode scores = shell.ask(labelParty, "predict", "--result", job);
    int rows = scores.path("rows").asInt();
    shell.say(rows + " people scored: row of the " + labelParty + "'s file, probability");
    Json.text(Path.of(scores.path("file").asText()))
        .lines()
        .skip(1)
        .limit(SHOWN_SCORES)
        .forEach(shell::say);
    return rows;
  }

  /** Fewest people in common whose scores are computed. */
  private int fewest() {
    return Math.min(FEWEST_SCORED, scenario.spec().alignment().minIntersection());
  }

  private boolean verifyLogs() throws InterruptedException {
    shell.step(
        keep
            ? "Every log is verified from its files"
            : "The nodes stop, and every log is verified offline");
    if (!keep) {
      for (Party party : parties) {
        shell.ask(party, "node", "stop");
      }
    }
    boolean verified = true;
    for (Party party : parties) {
      try {
        shell.show(party, "audit", "verify");
      } catch (Problem e) {
        shell.say(e.what());
        verified = false;
      }
    }
    return verified;
  }

  private DemoResult result(
      String job,
      SortedMap<Party, JsonNode> reports,
      SortedMap<Party, ModelSlice> slices,
      int predictions,
      boolean verified,
      double total) {
    Cohort cohort = Cohort.read(job, parties, folder::home);
    cohort.requireSame(labelParty, PlainJoin.of(scenario.spec(), scenario.sources()));
    Comparison comparison = Comparison.of(scenario, cohort, slices);
    JsonNode report = reports.get(labelParty);
    SortedMap<Party, DemoResult.Node> figures = new TreeMap<>();
    Set<DemoResult.Learned> learned = new LinkedHashSet<>();
    reports.forEach(
        (party, its) -> {
          long sent = 0;
          long received = 0;
          for (JsonNode partner : its.path("bytes")) {
            sent += partner.path("sent").asLong();
            received += partner.path("received").asLong();
          }
          figures.put(
              party, new DemoResult.Node(sent, received, its.path("peak_memory_bytes").asLong(-1)));
          for (JsonNode fact : its.path("learned")) {
            String learner = fact.path("learner").asText();
            if (learner.equals(party.name())) {
              learned.add(new DemoResult.Learned(learner, fact.path("text").asText()));
            }
          }
        });
    for (JsonNode fact : report.path("learned")) {
      if (fact.path("learner").asText().equals(EVERYBODY)) {
        learned.add(new DemoResult.Learned(EVERYBODY, fact.path("text").asText()));
      }
    }
    return new DemoResult(
        figures,
        labelParty,
        report.path("alignment").path("size").asInt(),
        scenario.spec().training().level(),
        report.path("training").path("passes").asInt(),
        report.path("training").path("converged").asBoolean(),
        comparison.evaluatedJointly(report.path("metrics")),
        new DemoResult.Seconds(
            report.path("seconds").path("align").asDouble(),
            report.path("seconds").path("train").asDouble(),
            total),
        List.copyOf(learned),
        predictions,
        verified);
  }

  private void sayHowToLookAround() {
    shell.step("Nodes and folders are still there; look around");
    SiloHome home = folder.home(labelParty);
    shell.say("silo job list --home " + home.root());
    shell.say("silo model list --home " + home.root());
    shell.say("silo audit tail --home " + home.root());
    shell.say("less " + home.log());
    shell.say("and when you are done:");
    for (Party party : nodes.keySet()) {
      shell.say("silo node stop --home " + folder.home(party).root());
    }
    shell.say("rm -r " + folder.root());
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text, StandardCharsets.UTF_8);
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
