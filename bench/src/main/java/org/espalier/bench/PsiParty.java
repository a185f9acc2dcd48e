package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.CsvFile;
import org.espalier.node.data.TableSchema;
import org.espalier.psi.Alignment;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.oprf.ListStore;
import org.espalier.psi.oprf.UnbalancedAlignment;
import org.espalier.wire.Channel;
import org.espalier.wire.MessageChannel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * One party of an alignment by two processes: from a file of identifiers to a file with its rows of
 * the cohort, one a line. Started by {@link PsiProcesses} only.
 *
 * <p>Nothing of the alignment is loaded or compiled before the clock starts.
 */
final class PsiParty {
  private static final Duration PATIENCE = Duration.ofMinutes(30);
  private static final String UNBALANCED = "unbalanced";

  /** Before a party's number: the folder of what it keeps for later alignments. */
  private static final String KEPT = "kept-by-";

  private static final int LINE_FEED = '\n';

  /**
   * @param party 0 the receiver, 1 the sender
   * @param ids CSV file with one column
   * @param rows where the rows go
   */
  record Task(int party, String protocol, String ids, String rows) {}

  /**
   * @param seconds from the word to begin until the rows were written
   * @param cpuSeconds processor time of that
   * @param cpuSecondsInAll with the start of the process
   * @param peakBytes largest resident memory of the process
   */
  record Result(
      double seconds,
      double cpuSeconds,
      double cpuSecondsInAll,
      long peakBytes,
      long bytesSent,
      int found,
      String digest) {}

  private PsiParty() {}

  /** {@code TASK-FILE}; ports and the word to begin come from standard input. */
  public static void main(String[] args) {
    try {
      ObjectMapper json = new ObjectMapper();
      Task task = json.readValue(new File(args[0]), Task.class);
      Result result = run(task);
      System.out.println(PsiProcesses.DONE + json.writeValueAsString(result));
    } catch (IOException | TimeoutException | RuntimeException e) {
      e.printStackTrace();
      System.exit(1);
    }
  }

  private static Result run(Task task) throws IOException, TimeoutException {
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<Party> parties = List.of(new Party("receiver"), new Party("sender"));
    Party self = parties.get(task.party());
    Party peer = parties.get(1 - task.party());
    try (Mesh mesh = Mesh.open(task.party(), 2, orders::readLine)) {
      mesh.meet(PATIENCE);
      Channel channel = new MessageChannel(self, peer, mesh.line(1 - task.party()), PATIENCE);
      System.out.println(PsiProcesses.READY);
      orders.readLine();
      double cpuBefore = ProcessUse.cpuSeconds();
      long began = System.nanoTime();
      Alignment alignment = align(task, parties, self, Map.of(peer, channel));
      int[] rows = alignment.rows();
      write(rows, Path.of(task.rows()));
      double seconds = (System.nanoTime() - began) / 1e9;
      double cpu = ProcessUse.cpuSeconds();
      return new Result(
          seconds,
          cpu - cpuBefore,
          cpu,
          ProcessUse.peakBytes(),
          channel.traffic().bytesSent(),
          rows.length,
          HexFormat.of().formatHex(alignment.digest()));
    }
  }

  private static Alignment align(
      Task task, List<Party> parties, Party self, Map<Party, Channel> channels) throws IOException {
    Path lists = Path.of(task.rows()).toAbsolutePath().getParent();
    AlignmentProtocol protocol =
        task.protocol().startsWith(UNBALANCED)
            ? new UnbalancedAlignment(kept(task, lists.resolveSibling(KEPT + task.party())))
            : AlignParty.protocol(task.protocol(), lists);
    return protocol.align(
        AlignParty.job(1, self, parties), channels, new IdFile(Path.of(task.ids())), Progress.NONE);
  }

  /** Lists as a node keeps them, sealed; none where the alignment is the first. */
  private static ListStore kept(Task task, Path folder) throws IOException {
    if (task.protocol().equals(UNBALANCED) && Files.exists(folder)) {
      try (var files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
    return new Cohorts(folder, new byte[32])
        .lists(new Party("partner"), "ids", new byte[32], "00".repeat(32));
  }

  /** Lines but the header. A node knows them since the data set was registered. */
  private static int rows(Path ids) throws IOException {
    byte[] buffer = new byte[1 << 16];
    int lines = 0;
    try (InputStream in = Files.newInputStream(ids)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        lines += lineFeeds(buffer, n);
      }
    }
    return lines - 1;
  }

  private static int lineFeeds(byte[] bytes, int count) {
    int lines = 0;
    for (int i = 0; i < count; i++) {
      lines += bytes[i] == LINE_FEED ? 1 : 0;
    }
    return lines;
  }

  /** The file as a node reads it: checked against its schema and hashed on the way. */
  private record IdFile(Path file) implements KeySource {
    @Override
    public int rows() {
      try {
        return PsiParty.rows(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void scan(List<String> columns, RowVisitor visitor) {
      TableSchema schema =
          new TableSchema(List.of(new TableSchema.Column(AlignParty.COLUMN, ColumnType.ID)), null);
      new CsvFile("ids", file, schema).read(visitor::row);
    }
  }

  private static void write(int[] rows, Path file) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      byte[] digits = new byte[11];
      for (int row : rows) {
        int at = digits.length;
        digits[--at] = LINE_FEED;
        int left = row;
        do {
          digits[--at] = (byte) ('0' + left % 10);
          left /= 10;
        } while (left > 0);
        out.write(digits, at, digits.length - at);
      }
    }
  }
}
