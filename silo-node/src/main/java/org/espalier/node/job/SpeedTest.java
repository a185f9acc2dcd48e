package org.espalier.node.job;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.espalier.node.Problem;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.CsvFile;
import org.espalier.node.data.TableSchema;
import org.espalier.protocols.cost.Rates;
import org.espalier.protocols.cost.Work;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;

/**
 * What a training's calibration does not measure: keys of an alignment and bytes of a data set, on
 * made-up people, with the code that jobs run. About a second.
 */
final class SpeedTest {
  private static final long BUDGET = 250_000_000;
  private static final int FEWEST = 2;
  private static final int ROWS = 5_000;

  /** Seconds of a turn beside which the start of two parties is nothing. */
  private static final double LONG_ENOUGH = 0.06;

  private static final int OPRF_FEW = 64;
  private static final int OPRF_MANY = 50_000;
  private static final int NUMBERS = 8;

  private SpeedTest() {}

  /**
   * @param training what its calibration measured
   * @param folder for temporary files, which are removed
   */
  static Machine.Speed run(Rates training, Path folder) {
    Map<Work, Double> rates = new EnumMap<>(Work.class);
    rates.putAll(training.seconds());
    Path work = null;
    try {
      work = Files.createTempDirectory(folder, "speed");
      rates.put(Work.POINT, point(work));
      oprf(rates);
      return new Machine.Speed(new Rates(rates), csvByte(work));
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.INTERNAL, "this machine cannot be measured").because(e);
    } finally {
      delete(work);
    }
  }

  private static void delete(Path work) {
    try {
      if (work != null) {
        Files.deleteIfExists(file(work));
        Files.deleteIfExists(work);
      }
    } catch (IOException e) {
      throw Problem.of(Problem.Kind.INTERNAL, "cannot remove " + work).because(e);
    }
  }

  private static Path file(Path work) {
    return work.resolve("people.csv");
  }

  private interface Timed {
    void run() throws IOException;
  }

  /** Of the fastest turn: others are because the machine has other work, or compiles. */
  private static double fastest(Timed timed) throws IOException {
    double best = Double.POSITIVE_INFINITY;
    long first = System.nanoTime();
    for (int turn = 0; turn < FEWEST || System.nanoTime() - first < BUDGET; turn++) {
      long began = System.nanoTime();
      timed.run();
      best = Math.min(best, (System.nanoTime() - began) / 1e9);
    }
    return best;
  }

  // ---- keys -----------------------------------------------------------------------------------

  private record Keys(int rows) implements KeySource {
    @Override
    public void scan(List<String> columns, RowVisitor visitor) {
      String[] values = new String[1];
      for (int row = 0; row < rows; row++) {
        values[0] = "P" + row;
        visitor.row(row, values);
      }
    }
  }

  /**
   * Two parties of one machine, both of which multiply every key: all processors are busy. As many
   * keys as hide what an alignment takes beside them.
   */
  private static double point(Path work) throws IOException {
    EcdhAlignment protocol = new EcdhAlignment(work);
    int keys = 512 * Math.max(2, Runtime.getRuntime().availableProcessors());
    int most = 16 * keys;
    align(protocol, keys);
    while (keys < most && timed(protocol, keys) < LONG_ENOUGH) {
      keys *= 2;
    }
    return timed(protocol, keys) / (4.0 * keys);
  }

  /** Both parties have the processors half of the time. */
  private static void oprf(Map<Work, Double> rates) throws IOException {
    OprfAlignment protocol = new OprfAlignment();
    double few = timed(protocol, OPRF_FEW);
    double many = timed(protocol, OPRF_MANY);
    rates.put(Work.BASE_TRANSFERS, few / 2);
    rates.put(Work.OPRF_KEY, Math.max(0, many - few) / (2.0 * (OPRF_MANY - OPRF_FEW)));
  }

  private static double timed(AlignmentProtocol protocol, int keys) throws IOException {
    return fastest(() -> align(protocol, keys));
  }

  private static void align(AlignmentProtocol protocol, int keys) {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    Party here = new Party("here.example");
    Party there = new Party("there.example");
    try (MemoryNetwork network = new MemoryNetwork()) {
      List<Future<?>> ends = new ArrayList<>();
      for (Party self : List.of(here, there)) {
        Party other = self.equals(here) ? there : here;
        AlignmentJob job =
            new AlignmentJob(
                new Session("J-speed", new byte[32], 1),
                self,
                List.of(here, there),
                new MatchKey(List.of(new MatchKey.Rule(List.of(MatchKey.Part.of("person"))))),
                new AlignmentPolicy(1, Duplicates.REJECT, keys));
        ends.add(
            threads.submit(
                () ->
                    protocol.align(
                        job,
                        Map.of(other, network.channel(self, other)),
                        new Keys(keys),
                        (step, done, total) -> {})));
      }
      for (Future<?> end : ends) {
        end.get();
      }
    } catch (ExecutionException e) {
      throw Problem.of(Problem.Kind.INTERNAL, "this machine cannot be measured")
          .because(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Problem.wrongState("interrupted").because(e);
    } finally {
      threads.shutdownNow();
    }
  }

  // ---- data sets ------------------------------------------------------------------------------

  private static double csvByte(Path work) throws IOException {
    StringBuilder text = new StringBuilder("id");
    List<TableSchema.Column> columns = new ArrayList<>();
    columns.add(new TableSchema.Column("id", ColumnType.ID));
    for (int c = 0; c < NUMBERS; c++) {
      text.append(",n").append(c);
      columns.add(new TableSchema.Column("n" + c, ColumnType.NUMBER));
    }
    text.append('\n');
    for (int row = 0; row < ROWS; row++) {
      text.append('P').append(row);
      for (int c = 0; c < NUMBERS; c++) {
        text.append(',').append((row * 7919 + c * 10_007) % 99_991 / 1e4);
      }
      text.append('\n');
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    Files.write(file(work), bytes);
    CsvFile csv = new CsvFile("speed", file(work), new TableSchema(columns, null));
    return fastest(() -> csv.read((row, values) -> {})) / bytes.length;
  }
}
