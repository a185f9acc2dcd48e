package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.espalier.protocols.prepare.Matrix;

/**
 * One synthetic cohort on disk, which every system that is compared reads: for each of {@code
 * train} and {@code holdout} the files {@code PART-label.f64} (rows × columns of the label party,
 * row-major, little-endian doubles), {@code PART-feature.f64} and {@code PART-y.f64}.
 *
 * <p>Columns are standard normal plus half of a mixture of 20 common factors, standardised and
 * clipped at ±8; about 30 % of the columns matter, with weights N(0, 0.3²); the intercept is −1.5
 * and about a quarter of the outcomes are 1.
 */
final class DataFiles {
  private static final int FACTORS = 20;
  private static final int SLICE_ROWS = 1024;

  /**
   * @param rows to train on
   * @param holdout further rows to evaluate on
   */
  record Shape(int rows, int holdout, int labelColumns, int featureColumns, long seed) {
    static final Shape SMALL = new Shape(10_000, 10_000, 50, 50, 7);
    static final Shape LARGE = new Shape(100_000, 10_000, 30, 300, 7);

    int columns() {
      return labelColumns + featureColumns;
    }

    @Override
    public String toString() {
      return "%,d x (%d + %d)".formatted(rows, labelColumns, featureColumns);
    }
  }

  /** Rows to train on or to evaluate on. */
  enum Part {
    TRAIN,
    HOLDOUT;

    String file(String what) {
      return name().toLowerCase(java.util.Locale.ROOT) + "-" + what + ".f64";
    }
  }

  private final Path folder;
  private final Shape shape;

  private DataFiles(Path folder, Shape shape) {
    this.folder = folder;
    this.shape = shape;
  }

  /** Files that exist already. */
  static DataFiles open(Path folder) throws IOException {
    return new DataFiles(
        folder, new ObjectMapper().readValue(folder.resolve("shape.json").toFile(), Shape.class));
  }

  /** The files of this shape below {@code base}; written first if they are not there yet. */
  static DataFiles ensure(Path base, Shape s) throws IOException {
    Path folder =
        base.resolve(
            "%d+%d-%d-%d-seed%d"
                .formatted(s.rows, s.holdout, s.labelColumns, s.featureColumns, s.seed));
    DataFiles files = new DataFiles(folder, s);
    Path shape = folder.resolve("shape.json");
    if (!Files.exists(shape)) {
      Files.createDirectories(folder);
      files.generate();
      // Last, and at once: whoever sees it sees all files complete.
      Path draft = folder.resolve("shape.json.draft");
      new ObjectMapper().writeValue(draft.toFile(), s);
      Files.move(draft, shape, StandardCopyOption.ATOMIC_MOVE);
    }
    return files;
  }

  Path folder() {
    return folder;
  }

  Shape shape() {
    return shape;
  }

  int rows(Part part) {
    return part == Part.TRAIN ? shape.rows : shape.holdout;
  }

  Matrix label(Part part) {
    return read(part, "label", shape.labelColumns);
  }

  Matrix feature(Part part) {
    return read(part, "feature", shape.featureColumns);
  }

  /** Feature columns {@code first} to {@code end}, exclusive. */
  Matrix feature(Part part, int first, int end) {
    return read(part, "feature", shape.featureColumns, first, end);
  }

  double[] labels(Part part) {
    return read(part, "y", 1).values();
  }

  /** What all rows share, and the source of each row's randomness: the same for each sweep. */
  private final class Sweep {
    private final int d = shape.columns();
    private final double[] mix = new double[FACTORS * d];
    private final double[] weights = new double[d];
    private final SplittableRandom random = new SplittableRandom(shape.seed);

    Sweep() {
      for (int k = 0; k < mix.length; k++) {
        mix[k] = 0.5 * random.nextGaussian();
      }
      for (int j = 0; j < d; j++) {
        double weight = 0.3 * random.nextGaussian();
        weights[j] = random.nextDouble() < 0.3 ? weight : 0;
      }
    }

    /** The next rows, not standardised, row-major, into {@code x}; each row's source goes on. */
    SplittableRandom[] draw(int rows, double[] x) {
      SplittableRandom[] sources = new SplittableRandom[rows];
      for (int i = 0; i < rows; i++) {
        sources[i] = random.split();
      }
      IntStream.range(0, rows).parallel().forEach(i -> drawRow(sources[i], mix, x, i * d, d));
      return sources;
    }
  }

  /** Two sweeps over the rows, a slice at a time: moments of the columns, then the files. */
  private void generate() throws IOException {
    int n = Math.addExact(shape.rows, shape.holdout);
    int d = shape.columns();
    double[] x = new double[Math.multiplyExact(SLICE_ROWS, d)];
    double[] mean = new double[d];
    double[] square = new double[d];
    Sweep moments = new Sweep();
    for (int from = 0; from < n; from += SLICE_ROWS) {
      int rows = Math.min(SLICE_ROWS, n - from);
      moments.draw(rows, x);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < d; j++) {
          double value = x[i * d + j];
          mean[j] += value / n;
          square[j] += value * value / n;
        }
      }
    }
    double[] scale = new double[d];
    Arrays.setAll(scale, j -> 1 / Math.sqrt(square[j] - mean[j] * mean[j]));
    Sweep sweep = new Sweep();
    // The slices of the two parts begin anew, so that no slice lies in both.
    for (Part part : Part.values()) {
      write(part, sweep, x, mean, scale);
    }
  }

  private static void drawRow(SplittableRandom random, double[] mix, double[] x, int at, int d) {
    for (int j = 0; j < d; j++) {
      x[at + j] = random.nextGaussian();
    }
    for (int k = 0; k < FACTORS; k++) {
      double factor = random.nextGaussian();
      for (int j = 0; j < d; j++) {
        x[at + j] += factor * mix[k * d + j];
      }
    }
  }

  private void write(Part part, Sweep sweep, double[] x, double[] mean, double[] scale)
      throws IOException {
    int d = shape.columns();
    double[] y = new double[SLICE_ROWS];
    try (FileChannel label = create(part, "label");
        FileChannel feature = create(part, "feature");
        FileChannel outcome = create(part, "y")) {
      for (int from = 0; from < rows(part); from += SLICE_ROWS) {
        int rows = Math.min(SLICE_ROWS, rows(part) - from);
        SplittableRandom[] sources = sweep.draw(rows, x);
        for (int i = 0; i < rows; i++) {
          double logit = -1.5;
          for (int j = 0; j < d; j++) {
            int at = i * d + j;
            x[at] = Math.max(-8, Math.min(8, (x[at] - mean[j]) * scale[j]));
            logit += sweep.weights[j] * x[at];
          }
          y[i] = sources[i].nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
        }
        write(label, x, d, rows, 0, shape.labelColumns);
        write(feature, x, d, rows, shape.labelColumns, d);
        write(outcome, y, 1, rows, 0, 1);
      }
    }
  }

  private FileChannel create(Part part, String what) throws IOException {
    return FileChannel.open(
        folder.resolve(part.file(what)),
        StandardOpenOption.CREATE,
        StandardOpenOption.TRUNCATE_EXISTING,
        StandardOpenOption.WRITE);
  }

  private static void write(
      FileChannel file, double[] values, int stride, int rows, int firstColumn, int endColumn)
      throws IOException {
    ByteBuffer slice =
        ByteBuffer.allocate(rows * (endColumn - firstColumn) * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < rows; i++) {
      for (int j = firstColumn; j < endColumn; j++) {
        slice.putDouble(values[i * stride + j]);
      }
    }
    slice.flip();
    while (slice.hasRemaining()) {
      file.write(slice);
    }
  }

  private Matrix read(Part part, String what, int columns) {
    return read(part, what, columns, 0, columns);
  }

  /** Columns {@code first} to {@code end}, exclusive, of a file of {@code columns}. */
  private Matrix read(Part part, String what, int columns, int first, int end) {
    Path path = folder.resolve(part.file(what));
    int rows = rows(part);
    int width = end - first;
    double[] values = new double[Math.multiplyExact(rows, width)];
    ByteBuffer slice = ByteBuffer.allocate(SLICE_ROWS * columns * 8).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
      if (file.size() != (long) rows * columns * 8) {
        throw new IOException(path + " does not hold " + rows + " rows of " + columns);
      }
      for (int row = 0; row < rows; row += SLICE_ROWS) {
        int count = Math.min(SLICE_ROWS, rows - row);
        slice.clear().limit(count * columns * 8);
        while (slice.hasRemaining()) {
          if (file.read(slice) < 0) {
            throw new IOException(path + " has become shorter");
          }
        }
        DoubleBuffer read = slice.flip().asDoubleBuffer();
        for (int i = 0; i < count; i++) {
          read.get(i * columns + first, values, (row + i) * width, width);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Matrix(rows, width, values);
  }
}
