package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.oprf.OprfAlignment;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;
import org.espalier.wire.Session;

/**
 * One party of an alignment by several processes; its keys are made as they are read. Started by
 * {@link AlignParties} only.
 */
final class AlignParty {
  /** What a party prints before each result. */
  static final String DONE = "aligned ";

  static final String COLUMN = "id";

  private static final Duration PATIENCE = Duration.ofMinutes(60);

  /**
   * @param seconds from all being connected to the end
   * @param cpuSeconds processor time of that
   * @param peakBytes largest resident memory of the process so far
   * @param found people
   */
  record Result(
      double seconds,
      double cpuSeconds,
      long peakBytes,
      long bytesSent,
      int found,
      String digest) {}

  /**
   * The people whom a party knows: half of its rows are known to all, a quarter to it and the next
   * party, a quarter to it and the one before. So each two neighbours share people whom not all
   * know.
   */
  record People(int self, int parties, int rows) implements KeySource {
    int common() {
      return rows / 2;
    }

    /** A person's number, different for all people of all parties. */
    long person(int row) {
      int quarter = rows / 4;
      if (row < common()) {
        return row;
      }
      if (row < common() + quarter) {
        return rows + (long) self * quarter + row - common();
      }
      int next = (self + 1) % parties;
      int of = row - common() - quarter;
      return of < quarter
          ? rows + (long) next * quarter + of
          : rows + (long) parties * quarter + (long) self * rows + of;
    }

    @Override
    public void scan(List<String> columns, RowVisitor visitor) {
      String[] value = new String[1];
      for (int row = 0; row < rows; row++) {
        value[0] = "person " + person(row);
        visitor.row(row, value);
      }
    }
  }

  private AlignParty() {}

  /**
   * {@code PARTY PARTIES PROTOCOL ROWS TIMES FOLDER}; ports of the others come from standard input.
   */
  public static void main(String[] args) {
    try {
      run(
          Integer.parseInt(args[0]),
          Integer.parseInt(args[1]),
          args[2],
          Integer.parseInt(args[3]),
          Integer.parseInt(args[4]),
          Path.of(args[5]));
    } catch (IOException | TimeoutException | RuntimeException e) {
      e.printStackTrace();
      System.exit(1);
    }
  }

  private static void run(int self, int parties, String protocol, int rows, int times, Path folder)
      throws IOException, TimeoutException {
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<Party> names = IntStream.range(0, parties).mapToObj(p -> new Party("party" + p)).toList();
    People people = new People(self, parties, rows);
    try (Mesh mesh = Mesh.open(self, parties, orders::readLine)) {
      for (int time = 0; time < times; time++) {
        mesh.meet(PATIENCE);
        Map<Party, Channel> channels = new TreeMap<>();
        for (int p = 0; p < parties; p++) {
          if (p != self) {
            channels.put(
                names.get(p),
                new MessageChannel(names.get(self), names.get(p), mesh.line(p), PATIENCE));
          }
        }
        AlignmentJob job = job(time + 1, names.get(self), names);
        double cpuBefore = ProcessUse.cpuSeconds();
        long began = System.nanoTime();
        Alignment alignment =
            protocol(protocol, folder).align(job, channels, people, Progress.NONE);
        Result result =
            new Result(
                (System.nanoTime() - began) / 1e9,
                ProcessUse.cpuSeconds() - cpuBefore,
                ProcessUse.peakBytes(),
                channels.values().stream().mapToLong(c -> c.traffic().bytesSent()).sum(),
                alignment.size(),
                HexFormat.of().formatHex(alignment.digest()));
        check(people, alignment.rows());
        System.out.println(DONE + new ObjectMapper().writeValueAsString(result));
      }
    }
  }

  /** Of all parties' column {@link #COLUMN}. */
  static AlignmentJob job(int attempt, Party self, List<Party> parties) {
    return new AlignmentJob(
        new Session("J-bench", new byte[32], attempt),
        self,
        parties,
        MatchKey.of(MatchKey.Part.of(COLUMN)),
        new AlignmentPolicy(1, Duplicates.REJECT, AlignmentPolicy.LARGEST));
  }

  /**
   * A protocol by its name.
   *
   * @param folder for lists that lie on disk; made if there is none
   */
  static AlignmentProtocol protocol(String name, Path folder) throws IOException {
    return switch (name) {
      case "oprf" -> new OprfAlignment();
      case "oprf-malicious" -> OprfAlignment.againstDeviation();
      case "ecdh" -> new EcdhAlignment(Files.createDirectories(folder));
      default -> throw new IllegalArgumentException("no protocol " + name);
    };
  }

  /**
   * Exactly those whom all know. The same digest at all parties says that the order is the same.
   */
  private static void check(People people, int[] rows) {
    int[] sorted = rows.clone();
    Arrays.sort(sorted);
    if (!Arrays.equals(sorted, IntStream.range(0, people.common()).toArray())) {
      throw new IllegalStateException("these are not the people whom all know");
    }
  }
}
