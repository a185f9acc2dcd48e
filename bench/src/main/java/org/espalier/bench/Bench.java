package org.espalier.bench;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/** Entry point of {@code bench/run} for the benchmarks that run in Java. */
public final class Bench {
  private Bench() {}

  /** {@code NAME [--json] [--rows N] [--label N] [--features N]}. */
  public static void main(String[] args) {
    List<String> rest = Arrays.asList(args);
    if (rest.isEmpty() || !rest.get(0).equals("lr-100k")) {
      fail("there is no benchmark " + rest.stream().findFirst().orElse("''"));
    }
    boolean json = false;
    LogisticBenchmark.Settings s = LogisticBenchmark.Settings.LR_100K;
    for (int i = 1; i < rest.size(); i++) {
      String option = rest.get(i);
      if (option.equals("--json")) {
        json = true;
        continue;
      }
      LogisticBenchmark.Settings now = s;
      IntFunction<LogisticBenchmark.Settings> change =
          switch (option) {
            case "--rows" -> n -> with(now, n, now.labelColumns(), now.featureColumns());
            case "--label" -> n -> with(now, now.rows(), n, now.featureColumns());
            case "--features" -> n -> with(now, now.rows(), now.labelColumns(), n);
            default -> null;
          };
      if (change == null || ++i == rest.size() || !rest.get(i).matches("[0-9]{1,8}")) {
        fail("usage: bench/run lr-100k [--json] [--rows N] [--label N] [--features N]");
        return;
      }
      s = change.apply(Integer.parseInt(rest.get(i)));
    }
    LogisticBenchmark.Result result = LogisticBenchmark.run(s);
    if (json) {
      System.out.println(LogisticBenchmark.toJson(result));
    } else {
      LogisticBenchmark.print(result, System.out);
    }
  }

  private static LogisticBenchmark.Settings with(
      LogisticBenchmark.Settings s, int rows, int label, int features) {
    return new LogisticBenchmark.Settings(
        rows, label, features, s.l2(), s.tolerance(), s.maxPasses());
  }

  private static void fail(String message) {
    System.err.println("bench: " + message);
    System.exit(2);
  }
}
