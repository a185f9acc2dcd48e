package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
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

  double[] labels(Part part) {
    return read(part, "y", 1).values();
  }

  private void generate() throws IOException {
    int d = shape.columns();
    int n = Math.addExact(shape.rows, shape.holdout);
    SplittableRandom random = new SplittableRandom(shape.seed);
    double[] mix = new double[FACTORS * d];
    for (int k = 0; k < mix.length; k++) {
      mix[k] = 0.5 * random.nextGaussian();
    }
    double[] weights = new double[d];
    for (int j = 0; j < d; j++) {
      double weight = 0.3 * random.nextGaussian();
      weights[j] = random.nextDouble() < 0.3 ? weight : 0;
    }
    SplittableRandom[] rowRandoms = new SplittableRandom[n];
    for (int i = 0; i < n; i++) {
      rowRandoms[i] = random.split();
    }
    double[] x = new double[Math.multiplyExact(n, d)];
    IntStream.range(0, n).parallel().forEach(i -> drawRow(rowRandoms[i], mix, x, i * d, d));
    IntStream.range(0, d).parallel().forEach(j -> standardise(x, n, d, j));
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      double logit = -1.5;
      for (int j = 0; j < d; j++) {
        logit += weights[j] * x[i * d + j];
      }
      y[i] = rowRandoms[i].nextDouble() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    }
    for (Part part : Part.values()) {
      int from = part == Part.TRAIN ? 0 : shape.rows;
      write(part, "label", x, d, from, 0, shape.labelColumns);
      write(part, "feature", x, d, from, shape.labelColumns, shape.featureColumns);
      write(part, "y", y, 1, from, 0, 1);
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

  private static void standardise(double[] x, int n, int d, int column) {
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += x[i * d + column] / n;
    }
    double variance = 0;
    for (int i = 0; i < n; i++) {
      double off = x[i * d + column] - mean;
      variance += off * off / n;
    }
    double scale = 1 / Math.sqrt(variance);
    for (int i = 0; i < n; i++) {
      x[i * d + column] = Math.max(-8, Math.min(8, (x[i * d + column] - mean) * scale));
    }
  }

  private void write(
      Part part, String what, double[] values, int stride, int fromRow, int fromColumn, int columns)
      throws IOException {
    ByteBuffer slice = ByteBuffer.allocate(SLICE_ROWS * columns * 8).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel file =
        FileChannel.open(
            folder.resolve(part.file(what)),
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      for (int i = 0; i < rows(part); i += SLICE_ROWS) {
        int end = Math.min(rows(part), i + SLICE_ROWS);
        slice.clear();
        for (int row = i; row < end; row++) {
          for (int j = 0; j < columns; j++) {
            slice.putDouble(values[(fromRow + row) * stride + fromColumn + j]);
          }
        }
        slice.flip();
        while (slice.hasRemaining()) {
          file.write(slice);
        }
      }
    }
  }

  private Matrix read(Part part, String what, int columns) {
    Path path = folder.resolve(part.file(what));
    double[] values = new double[Math.multiplyExact(rows(part), columns)];
    ByteBuffer slice = ByteBuffer.allocate(SLICE_ROWS * columns * 8).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
      if (file.size() != values.length * 8L) {
        throw new IOException(path + " has " + file.size() + " bytes, not " + values.length * 8L);
      }
      for (int at = 0; at < values.length; ) {
        slice.clear();
        int read = 0;
        while (slice.hasRemaining() && read >= 0) {
          read = file.read(slice);
        }
        slice.flip();
        int n = slice.remaining() / 8;
        slice.asDoubleBuffer().get(values, at, n);
        at += n;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Matrix(rows(part), columns, values);
  }
}
