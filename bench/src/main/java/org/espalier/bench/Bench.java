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
      case "lr-100k" -> logistic(arguments);
      case "sealed-100k" -> sealed(name, folder, DataFiles.Shape.LARGE, arguments);
      case "sealed-10k" -> sealed(name, folder, DataFiles.Shape.SMALL, arguments);
      case "peers-lr" -> peers(folder, arguments);
      case "peers-kernel" -> peersKernel(folder, arguments);
      case "plan-accuracy" -> planAccuracy(arguments);
      default -> throw new Options.Misuse("there is no such benchmark");
    }
  }

  private static void logistic(List<String> arguments) {
    LogisticBenchmark.Settings preset = LogisticBenchmark.Settings.LR_100K;
    Options o =
        new Options.Known()
            .flag("--json")
            .whole("--rows", preset.rows())
            .whole("--label", preset.labelColumns())
            .whole("--features", preset.featureColumns())
            .parse(arguments);
    LogisticBenchmark.Result result =
        LogisticBenchmark.run(
            new LogisticBenchmark.Settings(
                o.whole("--rows"),
                o.whole("--label"),
                o.whole("--features"),
                preset.l2(),
                preset.tolerance(),
                preset.maxPasses()));
    if (o.flag("--json")) {
      System.out.println(LogisticBenchmark.toJson(result));
    } else {
      LogisticBenchmark.print(result, System.out);
    }
  }

  private static Options.Known training(DataFiles.Shape shape) {
    return new Options.Known()
        .flag("--json")
        .flag("--no-pin")
        .text("--level", "sealed", "[a-z]+")
        .number("--l2", 1e-4)
        .number("--tolerance", 5e-5)
        .whole("--passes", 200)
        .whole("--heap", 700)
        .whole("--limit", 3600)
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

  private static TwoProcesses.Settings settings(Options o, boolean wan) {
    boolean pin = !o.flag("--no-pin") && Workers.canPin();
    if (!pin && !o.flag("--no-pin")) {
      System.err.println("bench: no taskset, or only one core: the parties are NOT pinned");
    }
    return new TwoProcesses.Settings(
        o.text("--level"),
        o.number("--l2"),
        o.whole("--passes"),
        o.number("--tolerance"),
        wan,
        pin,
        o.whole("--heap"),
        Duration.ofSeconds(o.whole("--limit")));
  }

  private static void sealed(
      String name, Path folder, DataFiles.Shape shape, List<String> arguments)
      throws IOException, TimeoutException {
    Options o = training(shape).flag("--wan").parse(arguments);
    DataFiles data = data(folder, o);
    TwoProcesses.Settings settings = settings(o, o.flag("--wan"));
    TwoProcesses.Outcome outcome = TwoProcesses.run(data, settings, folder.resolve("parties"));
    SealedReport report =
        new SealedReport(name, data.shape(), settings, outcome, new Reference(data, settings.l2()));
    if (o.flag("--json")) {
      System.out.println(report.toJson());
    } else {
      report.print(System.out);
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
            settings(o, false),
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

  private static List<Integer> numbers(Options o, String name) {
    return o.list(name).stream().map(Integer::valueOf).toList();
  }

  private static void fail(int status, String message) {
    System.err.println("bench: " + message);
    System.exit(status);
  }
}
