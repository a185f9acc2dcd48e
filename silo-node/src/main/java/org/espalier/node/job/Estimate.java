package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;

/**
 * What a job may cost, before anything is sent: orders of magnitude from this node's own number of
 * rows.
 */
final class Estimate {
  /** One X25519 multiplication in Java, seconds; a match key takes about two at each side. */
  private static final double SECONDS_PER_POINT = 1e-4;

  private static final int BYTES_PER_POINT = 32;

  /** Slots of a ciphertext. */
  private static final int SLOTS = 8192;

  private static final String NOTE =
      "rough estimate, assuming that everybody in the own data set is in the cohort and a fast"
          + " link; not a measurement";

  private Estimate() {}

  /** Of one training. */
  private record Cost(double seconds, double bytes, int passes) {}

  static ObjectNode of(JobRun.Context context, JobSpec spec) {
    ObjectNode estimate = Json.object();
    long rows;
    try {
      rows = LocalChecks.dataset(context, spec).scan().rows();
    } catch (Problem e) {
      return estimate.put("note", "no estimate without the own data set");
    }
    int cores = Runtime.getRuntime().availableProcessors();
    int partners = spec.parties().size() - 1;
    estimate.put("rows_assumed", rows);
    estimate.put("align_seconds", ceil(rows * partners * 2 * SECONDS_PER_POINT / cores));
    estimate.put("align_bytes", ceil((double) rows * partners * 3 * BYTES_PER_POINT));
    if (spec instanceof TrainSpec train) {
      int features = Math.max(ownColumns(context, spec), 1);
      Cost cost =
          train.training().countsPasses()
              ? Gradients.cost(train, rows, features, cores)
              : Sealed.cost(train, rows, features, cores);
      estimate.put("train_seconds", ceil(cost.seconds()));
      estimate.put("train_bytes", ceil(cost.bytes()));
      estimate.put("passes", cost.passes());
    }
    return estimate.put("note", NOTE);
  }

  private static int ownColumns(JobRun.Context context, JobSpec spec) {
    try {
      return LocalChecks.features(LocalChecks.dataset(context, spec), context.peers().self(), spec)
          .size();
    } catch (Problem unknown) {
      return -1;
    }
  }

  private static long ceil(double x) {
    return (long) Math.ceil(x);
  }

  /** Level {@code gradients}: an encrypted residual out and a noisy logit back for each row. */
  private static final class Gradients {
    private static final double SECONDS_PER_BLOCK = 3e-3;
    private static final double SECONDS_PER_PRODUCT = 2e-4;
    private static final int BYTES_PER_ROW = 15 + 8;
    private static final int BYTES_PER_FEATURE = 160_000;

    static Cost cost(TrainSpec spec, long rows, int features, int cores) {
      int partners = spec.parties().size() - 1;
      int passes = spec.training().maxPasses();
      double blocks = Math.ceil((double) rows / SLOTS);
      double pass =
          blocks * (SECONDS_PER_BLOCK + features * SECONDS_PER_PRODUCT * partners) / cores;
      double bytes =
          partners * ((double) rows * BYTES_PER_ROW + (double) features * BYTES_PER_FEATURE);
      return new Cost(passes * pass, passes * bytes, passes);
    }
  }

  /**
   * Level {@code sealed}: in each pass the sines and cosines of every row's share in ciphertexts
   * between two parties, several of them in one ciphertext where the rows are few; and for each
   * party products with its columns, made in advance.
   */
  private static final class Sealed {
    private static final int CIPHERTEXT_BYTES = 180_000;
    private static final double SECONDS_PER_CIPHERTEXT = 3e-3;

    /** Of a pass over any number of rows: series, messages, waiting. */
    private static final double SECONDS_PER_PASS = 0.1;

    /** Of one vector and party, and of one vector, row and column. */
    private static final int BYTES_PER_PREPARED_ROW = 40;

    private static final double SECONDS_PER_PREPARED_VALUE = 5e-10;

    /**
     * The level's schedule by size of the cohort.
     *
     * @param harmonics of the series
     * @param whole passes, those over a part of the rows counted as parts
     */
    private record Schedule(int harmonics, int passes, double whole) {
      static Schedule of(long rows) {
        if (rows <= 4096) {
          return new Schedule(51, 120, 120);
        }
        return rows <= 50_000 ? new Schedule(26, 75, 75) : new Schedule(11, 27, 15.75);
      }
    }

    static Cost cost(TrainSpec spec, long rows, int features, int cores) {
      Schedule schedule = Schedule.of(rows);
      Integer most = spec.training().maxPasses();
      int passes = most == null ? schedule.passes() : Math.min(most, schedule.passes());
      double whole = schedule.whole() * passes / schedule.passes();
      long together = Long.highestOneBit(Math.max(1, SLOTS / Math.max(1, rows)));
      double blocks = Math.ceil((double) rows * together / SLOTS);
      double ciphertexts = blocks * (Math.ceil(2.0 * schedule.harmonics() / together) + 1);
      int parties = spec.parties().size();
      double bytes =
          ciphertexts * CIPHERTEXT_BYTES + (double) rows * parties * BYTES_PER_PREPARED_ROW;
      double seconds =
          ciphertexts * SECONDS_PER_CIPHERTEXT
              + (double) rows * features * parties * SECONDS_PER_PREPARED_VALUE;
      return new Cost(passes * SECONDS_PER_PASS + whole * seconds / cores, whole * bytes, passes);
    }
  }
}
