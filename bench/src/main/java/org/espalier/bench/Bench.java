package org.espalier.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeoutException;

/** Entry point of {@code bench/run} for the benchmarks that run in Java. */
public final class Bench {
  private static final String SYSTEM = "(espalier|semi2k|cheetah|hess)";

  private Bench() {}

  /** {@code FOLDER NAME [options]}; data and scratch files are kept below the folder. */
  public static void main(String[] args) {
    try {
      run(Path.of(args[0]), args[1], Arrays.asList(args).subList(2, args.length));
    } catch (Options.Misuse e) {
      fail(2, args[1] + ": " + e.getMessage() + "; see bench/run --list");
    } catch (Workers.Failed | IOException | TimeoutException e) {
      fail(1, args[1] + ": " + e.getMessage());
    }
  }

  private static void run(Path folder, String name, List<String> arguments)
      throws IOException, TimeoutException {
    switch (name) {
      case "kernel" -> kernel(folder, arguments);
      case "curve" -> curve(folder, arguments);
      case "lr-w1" -> joint(folder, arguments);
      case "nn-w1" -> network(folder, arguments);
      case "lr-w2" -> large(folder, arguments);
      case "scaling" -> scaling(folder, arguments);
      case "plots" -> plots(arguments);
      case "peers-lr" -> peers(folder, arguments);
      case "peers-kernel" -> peersKernel(folder, arguments);
      case "plan-accuracy" -> planAccuracy(arguments);
      case "psi-parties" -> alignParties(folder, arguments);
      case "psi-2e16" -> psi(folder, name, 1 << 16, arguments);
      case "psi-2e20" -> psi(folder, name, 1 << 20, arguments);
      case "psi-1e7" -> psi(folder, name, 10_000_000, arguments);
      case "psi-unbalanced" -> psiUnbalanced(folder, name, 1 << 13, 1 << 20, arguments);
      case "psi-unbalanced-1e7" -> psiUnbalanced(folder, name, 1 << 10, 10_000_000, arguments);
      case "scoring" -> scoring(folder, arguments);
      case "idle" -> idle(folder, arguments);
      case "audit" -> audit(folder, arguments);
      case "soak" -> soak(folder, arguments);
      default -> throw new Options.Misuse("there is no such benchmark");
    }
  }

  private static void kernel(Path folder, List<String> arguments) throws IOException {
    Options o =
        new Options.Known()
            .flag("--json")
            .text("--native-kernel", "", ".+")
            .text("--native-sealed", "", ".+")
            .whole("--seconds", 1)
            .parse(arguments);
    boolean met =
        KernelReport.run(
            Path.of(o.text("--native-kernel")),
            Path.of(o.text("--native-sealed")),
            folder.resolve("jmh.log"),
            o.whole("--seconds"),
            o.flag("--json"),
            System.out);
    if (!met) {
      fail(1, "the kernel misses its goal");
    }
  }

  private static void curve(Path folder, List<String> arguments) throws IOException {
    Options o =
        new Options.Known()
            .flag("--json")
            .whole("--turns", 21)
            .text("--keys", "65536,1048576", "[0-9]{1,8}(,[0-9]{1,8})*")
            .parse(arguments);
    CurveBenchmark.run(
        new CurveBenchmark.Settings(o.whole("--turns"), numbers(o, "--keys")),
        folder.resolve("curve"),
        o.flag("--json"),
        System.out);
  }

  /** What all benchmarks that train have; {@code heap} of a party, megabytes. */
  private static Options.Known training(int heap) {
    return new Options.Known()
        .flag("--json")
        .flag("--no-pin")
        .number("--l2", 1e-4)
        .number("--tolerance", 5e-5)
        .whole("--passes", 200)
        .whole("--heap", heap)
        .whole("--limit", 3600);
  }

  private static Options.Known training(DataFiles.Shape shape) {
    return shaped(training(700), shape);
  }

  private static Options.Known shaped(Options.Known known, DataFiles.Shape shape) {
    return known
        .whole("--rows", shape.rows())
        .whole("--holdout", shape.holdout())
        .whole("--label", shape.labelColumns())
        .whole("--features", shape.featureColumns())
        .whole("--seed", (int) shape.seed());
  }

  private static DataFiles data(Path folder, Options o) throws IOException {
    return DataFiles.ensure(
        folder.resolve("data"),
        new DataFiles.Shape(
            o.whole("--rows"),
            o.whole("--holdout"),
            o.whole("--label"),
            o.whole("--features"),
            o.whole("--seed")));
  }

  private static boolean pin(Options o) {
    boolean pin = !o.flag("--no-pin") && Workers.canPin();
    if (!pin && !o.flag("--no-pin")) {
      System.err.println("bench: no taskset, or only one core: the parties are NOT pinned");
    }
    return pin;
  }

  /** Level sealed over loopback, two parties: what each benchmark goes on from. */
  private static PartyProcesses.Settings settings(Options o) {
    return new PartyProcesses.Settings(
        2,
        "sealed",
        o.number("--l2"),
        o.whole("--passes"),
        o.number("--tolerance"),
        false,
        pin(o),
        o.whole("--heap"),
        Duration.ofSeconds(o.whole("--limit")),
        null);
  }

  private static void network(Path folder, List<String> arguments)
      throws IOException, TimeoutException {
    DataFiles.Shape shape = DataFiles.Shape.LARGE;
    Options o =
        shaped(new Options.Known(), shape)
            .flag("--json")
            .flag("--no-pin")
            .whole("--heap", 1000)
            .whole("--limit", 3600)
            .text("--networks", "loopback,wan", "(loopback|wan|,)+")
            .text("--hidden", "32,16", "[0-9]{1,3}(,[0-9]{1,3})*")
            .whole("--epochs", 8)
            .whole("--batch", 2048)
            .number("--rate", 0.3)
            .whole("--parties", 2)
            .parse(arguments);
    DataFiles data = data(folder, o);
    JointNetwork.Network network =
        new JointNetwork.Network(
            numbers(o, "--hidden"), o.whole("--batch"), o.whole("--epochs"), o.number("--rate"));
    PartyProcesses.Settings settings =
        new PartyProcesses.Settings(
            o.whole("--parties"),
            "activations",
            0,
            o.whole("--epochs"),
            0,
            false,
            pin(o),
            o.whole("--heap"),
            Duration.ofSeconds(o.whole("--limit")),
            network);
    boolean met =
        JointNetwork.run(
            data,
            settings,
            o.list("--networks"),
            data.shape().equals(shape),
            folder.resolve("parties"),
            o.flag("--json"),
            System.out);
    if (!met) {
      fail(1, "a limit is missed");
    }
  }

  /** What trainings at both levels have in common. */
  private static Options.Known levels(Options.Known known, String preset) {
    return known
        .text("--levels", preset, "(sealed|gradients|,)+")
        .number("--tolerance-gradients", 2e-4);
  }

  private static List<JointLr.Aim> aims(Options o) {
    return o.list("--levels").stream()
        .map(
            level ->
                new JointLr.Aim(
                    level,
                    o.number(level.equals("sealed") ? "--tolerance" : "--tolerance-gradients")))
        .toList();
  }

  private static void joint(Path folder, List<String> arguments)
      throws IOException, TimeoutException {
    DataFiles.Shape shape = DataFiles.Shape.LARGE;
    Options o =
        levels(training(shape), "sealed,gradients")
            .text("--networks", "loopback,wan", "(loopback|wan|,)+")
            .parse(arguments);
    DataFiles data = data(folder, o);
    JointLr.Settings settings =
        new JointLr.Settings(
            settings(o), aims(o), o.list("--networks"), data.shape().equals(shape));
    if (!JointLr.run(data, settings, folder.resolve("parties"), o.flag("--json"), System.out)) {
      fail(1, "a limit is missed");
    }
  }

  private static void large(Path folder, List<String> arguments)
      throws IOException, TimeoutException {
    Options o =
        levels(
                training(4000)
                    .flag("--whole")
                    .whole("--rows", 40_000)
                    .whole("--columns", 150)
                    .whole("--factor", 3),
                "sealed,gradients")
            .parse(arguments);
    if (o.flag("--whole")) {
      for (JointLr.Aim aim : aims(o)) {
        LargeLr.whole(aim, settings(o), folder, o.flag("--json"), System.out);
      }
      return;
    }
    if (o.whole("--factor") < 2) {
      throw new Options.Misuse("--factor must be 2 or more");
    }
    LargeLr.run(
        new LargeLr.Sizes(o.whole("--rows"), o.whole("--columns"), o.whole("--factor")),
        aims(o),
        settings(o),
        folder,
        o.flag("--json"),
        System.out);
  }

  private static void scaling(Path folder, List<String> arguments)
      throws IOException, TimeoutException {
    Options o =
        levels(
                training(1500)
                    .text("--curves", "rows,features,parties", "(rows|features|parties|,)+")
                    .text("--rows", "10000,30000,100000,300000,1000000", "[0-9,]+")
                    .text("--features", "10,30,100,300,1000", "[0-9,]+")
                    .text("--parties", "2,3,4,5", "[2-9](,[2-9])*"),
                "sealed,gradients")
            .parse(arguments);
    Scaling.run(
        Scaling.sizes(
            o.list("--curves"),
            numbers(o, "--rows"),
            numbers(o, "--features"),
            numbers(o, "--parties")),
        aims(o),
        settings(o),
        folder,
        o.flag("--json"),
        System.out);
  }

  private static void soak(Path folder, List<String> arguments) throws IOException {
    Options o =
        new Options.Known()
            .flag("--json")
            .whole("--jobs", 200)
            .whole("--seed", 1)
            .whole("--heap", 384)
            .parse(arguments);
    Soak.Settings settings =
        new Soak.Settings(o.whole("--jobs"), o.whole("--seed"), o.whole("--heap"));
    try {
      if (!Soak.run(settings, folder.resolve("soak"), o.flag("--json"), System.out)) {
        fail(1, "a job was lost, or a log does not verify");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail(1, "interrupted");
    }
  }

  /** What benchmarks have in common that ask nodes for scores. */
  private static Options.Known scoringNodes(int parties) {
    return new Options.Known()
        .flag("--json")
        .whole("--parties", parties)
        .whole("--people", 20_000)
        .whole("--columns", 10)
        .whole("--connections", 64)
        .whole("--seconds", 15)
        .whole("--warm-up", 40)
        .whole("--heap", 512);
  }

  private static void requireParties(Options o) {
    if (o.whole("--parties") < 2 || o.whole("--parties") > 9) {
      throw new Options.Misuse("--parties must be 2 to 9");
    }
  }

  private static void scoring(Path folder, List<String> arguments) throws IOException {
    Options o =
        scoringNodes(3)
            .text("--rates", "250,500,1000,2000", "[0-9]{1,6}(,[0-9]{1,6})*")
            .whole("--most", 20_000)
            .parse(arguments);
    requireParties(o);
    ScoringBenchmark.Settings settings =
        new ScoringBenchmark.Settings(
            o.whole("--parties"),
            o.whole("--people"),
            o.whole("--columns"),
            numbers(o, "--rates"),
            o.whole("--most"),
            o.whole("--connections"),
            o.whole("--seconds"),
            o.whole("--warm-up"),
            o.whole("--heap"));
    if (!ScoringBenchmark.run(settings, folder.resolve("scoring"), o.flag("--json"), System.out)) {
      fail(1, "the goal at 1,000 requests a second is missed");
    }
  }

  private static void idle(Path folder, List<String> arguments) throws IOException {
    Options o =
        scoringNodes(2)
            .whole("--idle", 2000)
            .whole("--rate", 500)
            .whole("--turns", 5)
            .parse(arguments);
    requireParties(o);
    if (o.whole("--idle") < 1 || o.whole("--turns") < 1) {
      throw new Options.Misuse("--idle and --turns must be 1 or more");
    }
    IdleBenchmark.Settings settings =
        new IdleBenchmark.Settings(
            o.whole("--parties"),
            o.whole("--people"),
            o.whole("--columns"),
            o.whole("--idle"),
            o.whole("--rate"),
            o.whole("--connections"),
            o.whole("--turns"),
            o.whole("--seconds"),
            o.whole("--warm-up"),
            o.whole("--heap"));
    if (!IdleBenchmark.run(settings, folder.resolve("idle"), o.flag("--json"), System.out)) {
      fail(1, "idle connections delay partners by more than a tenth, or a score was not answered");
    }
  }

  private static void audit(Path folder, List<String> arguments) throws IOException {
    Options o =
        new Options.Known()
            .flag("--json")
            .whole("--single", 3000)
            .whole("--events", 80_000)
            .whole("--threads", 64)
            .parse(arguments);
    AuditBenchmark.Settings settings =
        new AuditBenchmark.Settings(o.whole("--single"), o.whole("--events"), o.whole("--threads"));
    if (!AuditBenchmark.run(settings, folder.resolve("audit"), o.flag("--json"), System.out)) {
      fail(1, "appends or the verification of the audit log are slower than they should be");
    }
  }

  private static void plots(List<String> arguments) throws IOException {
    Options o =
        new Options.Known()
            .text("--results", "docs/results", ".+")
            .text("--plots", "docs/plots", ".+")
            .parse(arguments);
    for (Path drawn : Plots.draw(Path.of(o.text("--results")), Path.of(o.text("--plots")))) {
      System.out.println(drawn);
    }
  }

  private static void peers(Path folder, List<String> arguments)
      throws IOException, TimeoutException {
    boolean small = arguments.contains("--small");
    PeersBenchmark.Sgd preset =
        small ? PeersBenchmark.Sgd.SMALL : PeersBenchmark.Sgd.LARGE_FEW_EPOCHS;
    PeersBenchmark.Sgd presetWan =
        small ? PeersBenchmark.Sgd.SMALL : PeersBenchmark.Sgd.LARGE_FEW_BATCHES;
    Options o =
        training(small ? DataFiles.Shape.SMALL : DataFiles.Shape.LARGE)
            .flag("--small")
            .text("--python", "", ".+")
            .text("--scripts", "", ".+")
            .text("--systems", "espalier,semi2k,cheetah,hess", SYSTEM + "(," + SYSTEM + ")*")
            .text("--networks", "loopback,wan", "(loopback|wan|,)+")
            .whole("--epochs", 40)
            .text("--sgd", preset.toString(), PeersBenchmark.Sgd.PATTERN)
            .text("--sgd-wan", presetWan.toString(), PeersBenchmark.Sgd.PATTERN)
            .text(
                "--hess",
                String.valueOf(small ? HessSgd.Settings.SMALL : HessSgd.Settings.LARGE),
                HessSgd.Settings.PATTERN)
            .number("--gap", 1e-2)
            .parse(arguments);
    DataFiles data = data(folder, o);
    PeersBenchmark.Settings settings =
        new PeersBenchmark.Settings(
            settings(o),
            o.list("--systems"),
            o.list("--networks"),
            python(o),
            o.whole("--epochs"),
            PeersBenchmark.Sgd.parse(o.text("--sgd")),
            PeersBenchmark.Sgd.parse(o.text("--sgd-wan")),
            HessSgd.Settings.parse(o.text("--hess")),
            o.number("--gap"));
    PeersBenchmark.run(data, settings, folder, o.flag("--json"), System.out);
  }

  private static Python python(Options o) {
    return new Python(Path.of(o.text("--python")), Path.of(o.text("--scripts")));
  }

  private static void peersKernel(Path folder, List<String> arguments)
      throws IOException, TimeoutException {
    String scheme = AdditiveScheme.PATTERN;
    Options o =
        new Options.Known()
            .flag("--json")
            .text("--python", "", ".+")
            .text("--scripts", "", ".+")
            .whole("--rows", 100_000)
            .whole("--columns", 50)
            .whole("--peer-rows", 200)
            .text(
                "--schemes",
                "OU-2048,ZPaillier-2048,OU-3072,ZPaillier-3072",
                scheme + "(," + scheme + ")*")
            .whole("--turns", 3)
            .flag("--signed")
            .whole("--seed", 7)
            .whole("--limit", 3600)
            .parse(arguments);
    PeersKernel.Settings settings =
        new PeersKernel.Settings(
            o.whole("--rows"),
            o.whole("--columns"),
            o.whole("--peer-rows"),
            o.list("--schemes").stream().map(AdditiveScheme::parse).toList(),
            o.whole("--turns"),
            o.flag("--signed"),
            o.whole("--seed"),
            python(o),
            Duration.ofSeconds(o.whole("--limit")));
    PeersKernel.run(settings, folder, o.flag("--json"), System.out);
  }

  private static void psi(Path folder, String name, int rows, List<String> arguments)
      throws IOException, TimeoutException {
    boolean small = rows < 100_000;
    boolean large = rows > 2_000_000;
    String system = PsiBenchmark.PATTERN;
    Options o =
        new Options.Known()
            .flag("--json")
            .flag("--no-pin")
            .text("--python", "", ".+")
            .text("--scripts", "", ".+")
            .text(
                "--systems",
                "oprf,"
                    + (small ? "ecdh," : "")
                    + "spu-rr22,spu-rr22-low"
                    + (large ? "" : ",spu-kkrt,spu-ecdh"),
                system + "(," + system + ")*")
            .text("--networks", "loopback,wan", "(loopback|wan|,)+")
            .whole("--rows", rows)
            .whole("--turns", large ? 1 : 3)
            .whole("--heap", large ? 1500 : 600)
            .whole("--limit", 3600)
            .parse(arguments);
    if (o.whole("--rows") < 2 || o.whole("--rows") > 60_000_000) {
      throw new Options.Misuse("--rows must be 2 to 60,000,000");
    }
    PsiBenchmark.Settings settings =
        new PsiBenchmark.Settings(
            name,
            o.list("--systems"),
            o.list("--networks"),
            o.whole("--turns"),
            pin(o),
            o.whole("--heap"),
            !small && o.whole("--rows") == rows,
            o.text("--python").isEmpty() ? null : python(o),
            Duration.ofSeconds(o.whole("--limit")));
    PsiData data = PsiData.ensure(folder.resolve("data"), o.whole("--rows"));
    if (!PsiBenchmark.run(data, settings, folder, o.flag("--json"), System.out)) {
      fail(1, "a limit is missed");
    }
  }

  private static void psiUnbalanced(
      Path folder, String name, int client, int server, List<String> arguments)
      throws IOException, TimeoutException {
    boolean large = server > 2_000_000;
    String system = PsiBenchmark.PATTERN;
    Options o =
        new Options.Known()
            .flag("--json")
            .flag("--no-pin")
            .text("--systems", "unbalanced,unbalanced-again,oprf", system + "(," + system + ")*")
            .text("--networks", "loopback,wan", "(loopback|wan|,)+")
            .whole("--client", client)
            .whole("--server", server)
            .whole("--turns", large ? 1 : 3)
            .whole("--heap", large ? 1500 : 600)
            .whole("--limit", 3600)
            .parse(arguments);
    for (String size : List.of("--client", "--server")) {
      if (o.whole(size) < 2 || o.whole(size) > 60_000_000) {
        throw new Options.Misuse(size + " must be 2 to 60,000,000");
      }
    }
    PsiBenchmark.run(
        PsiData.ensure(folder.resolve("data"), o.whole("--client"), o.whole("--server")),
        new PsiBenchmark.Settings(
            name,
            o.list("--systems"),
            o.list("--networks"),
            o.whole("--turns"),
            pin(o),
            o.whole("--heap"),
            false,
            null,
            Duration.ofSeconds(o.whole("--limit"))),
        folder,
        o.flag("--json"),
        System.out);
  }

  private static void planAccuracy(List<String> arguments) throws IOException, TimeoutException {
    Options o =
        new Options.Known()
            .flag("--json")
            .flag("--no-pin")
            .text("--levels", "", "(sealed|gradients|,)*")
            .text("--parties", "2,3", "[2-5](,[2-5])*")
            .text("--rows", "10000,100000", "[0-9]{4,7}(,[0-9]{4,7})*")
            .text("--features", "10,100", "[0-9]{1,4}(,[0-9]{1,4})*")
            .text("--networks", "loopback,wan", "(loopback|wan|,)+")
            .number("--tolerance", 1e-3)
            .whole("--passes", 13)
            .whole("--turns", 3)
            .whole("--limit", 3600)
            .parse(arguments);
    boolean pin = !o.flag("--no-pin") && Workers.canPin();
    PlanAccuracy.Settings settings =
        new PlanAccuracy.Settings(
            o.text("--levels").isEmpty()
                ? PlanAccuracy.grid()
                : PlanAccuracy.cases(
                    o.list("--levels"),
                    numbers(o, "--parties"),
                    numbers(o, "--rows"),
                    numbers(o, "--features"),
                    o.list("--networks")),
            o.number("--tolerance"),
            o.whole("--passes"),
            o.whole("--turns"),
            pin,
            Duration.ofSeconds(o.whole("--limit")));
    if (!PlanAccuracy.run(settings, o.flag("--json"), System.out)) {
      fail(1, "a prediction is off by more than a quarter");
    }
  }

  private static void alignParties(Path folder, List<String> arguments) throws IOException {
    Options o =
        new Options.Known()
            .flag("--json")
            .text("--parties", "3,5,10", "[0-9]{1,2}(,[0-9]{1,2})*")
            .text("--keys", "65536,1048576", "[0-9]{1,8}(,[0-9]{1,8})*")
            .text("--protocols", "oprf,ecdh", "(oprf|ecdh)(,(oprf|ecdh))*")
            .whole("--ecdh-keys", 65_536)
            .whole("--turns", 2)
            .whole("--times", 2)
            .whole("--heap", 2048)
            .whole("--limit", 3600)
            .parse(arguments);
    AlignParties.run(
        new AlignParties.Settings(
            numbers(o, "--parties"),
            numbers(o, "--keys"),
            o.list("--protocols"),
            o.whole("--ecdh-keys"),
            o.whole("--turns"),
            o.whole("--times"),
            o.whole("--heap"),
            Duration.ofSeconds(o.whole("--limit"))),
        folder.resolve("align"),
        o.flag("--json"),
        System.out);
  }

  private static List<Integer> numbers(Options o, String name) {
    return o.list(name).stream().map(Integer::valueOf).toList();
  }

  private static void fail(int status, String message) {
    System.err.println("bench: " + message);
    System.exit(status);
  }
}
