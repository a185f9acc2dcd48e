package org.espalier.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import org.espalier.node.cohort.Cohorts;
import org.espalier.psi.AlignmentJob;
import org.espalier.psi.AlignmentPolicy;
import org.espalier.psi.curve.Curve;
import org.espalier.psi.ecdh.EcdhAlignment;
import org.espalier.psi.keys.Duplicates;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.keys.MatchKey;
import org.espalier.psi.store.KeptParts;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.WireException;
import org.espalier.wire.memory.Faults;
import org.espalier.wire.memory.MemoryNetwork;

/**
 * Batches on Curve25519 in all ways of this machine, turn by turn on one thread, and alignments of
 * two parties by {@code ecdh} in the fastest of them, both in this process.
 */
final class CurveBenchmark {
  private static final int NATIVE_BATCH = 16 * Curve.BATCH;
  private static final int JAVA_BATCH = Curve.BATCH;
  private static final int KEY_BYTES = 24;
  private static final int ELEMENT = 32;

  /** What a tag of an alignment has. */
  private static final int TAG = 86;

  /**
   * @param turns of each way
   * @param keys of each party, an alignment each
   */
  record Settings(int turns, List<Integer> keys) {}

  /**
   * Processor time of one element, microseconds: medians.
   *
   * @param multiply X25519
   * @param encode a key of 24 bytes hashed to the curve
   */
  record Way(String way, double multiply, double encode) {}

  /**
   * An alignment in which half of the people are common.
   *
   * @param keys of each party
   * @param seconds of the whole
   * @param processorSeconds of both parties
   * @param bytes both ways
   */
  record Aligned(int keys, double seconds, double processorSeconds, long bytes) {}

  /**
   * The same kept on disk, undisturbed, and one that is cut off when the second party has sent half
   * of its bytes, with the attempt that goes on.
   *
   * @param whole undisturbed
   * @param first as far as it came
   * @param second to the end
   */
  record Cut(Aligned whole, Aligned first, Aligned second) {}

  private CurveBenchmark() {}

  static void run(Settings settings, Path folder, boolean asJson, PrintStream out)
      throws IOException {
    Machine machine = Machine.now();
    List<Way> ways = ways(settings.turns());
    List<Aligned> aligned = new ArrayList<>();
    List<Cut> cut = new ArrayList<>();
    for (int keys : settings.keys()) {
      aligned.add(align(keys, folder));
      cut.add(cut(keys, folder));
    }
    if (asJson) {
      ObjectMapper mapper = new ObjectMapper();
      ObjectNode json = mapper.createObjectNode().put("benchmark", "curve");
      json.set("machine", mapper.valueToTree(machine));
      json.put("turns", settings.turns());
      json.set("microseconds", mapper.valueToTree(ways));
      json.set("alignments", mapper.valueToTree(aligned));
      json.set("cut", mapper.valueToTree(cut));
      out.println(json.toPrettyString());
    } else {
      print(machine, ways, aligned, cut, out);
    }
  }

  // ---- batches --------------------------------------------------------------------------------

  private static List<Way> ways(int turns) {
    Random random = new Random(1);
    byte[] scalar = new byte[ELEMENT];
    byte[] tag = new byte[TAG];
    byte[] elements = new byte[NATIVE_BATCH * ELEMENT];
    byte[] keys = new byte[NATIVE_BATCH * KEY_BYTES];
    for (byte[] bytes : List.of(scalar, tag, elements, keys)) {
      random.nextBytes(bytes);
    }
    int[] ends = new int[NATIVE_BATCH];
    Arrays.setAll(ends, i -> (i + 1) * KEY_BYTES);
    List<Curve> all = Curve.all();
    double[][] multiply = new double[all.size()][turns];
    double[][] encode = new double[all.size()][turns];
    // Before the first turn that counts, the compiler has had its time.
    for (int turn = -Math.min(5, turns); turn < turns; turn++) {
      int at = Math.max(0, turn);
      for (int w = 0; w < multiply.length; w++) {
        Curve curve = all.get(w);
        int batch = curve.toString().equals("java") ? JAVA_BATCH : NATIVE_BATCH;
        multiply[w][at] = microseconds(batch, n -> curve.multiply(scalar, elements, 0, n));
        byte[] images = new byte[batch * ELEMENT];
        encode[w][at] = microseconds(batch, n -> curve.encode(tag, keys, ends, images, 0, n));
      }
    }
    List<Way> ways = new ArrayList<>();
    for (int w = 0; w < multiply.length; w++) {
      ways.add(new Way(all.get(w).toString(), median(multiply[w]), median(encode[w])));
    }
    return ways;
  }

  private static double microseconds(int batch, IntConsumer call) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long began = threads.getCurrentThreadCpuTime();
    call.accept(batch);
    return (threads.getCurrentThreadCpuTime() - began) / 1e3 / batch;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  // ---- alignments -----------------------------------------------------------------------------

  private record People(int rows, int from) implements KeySource {
    @Override
    public void scan(List<String> columns, RowVisitor visitor) {
      String[] value = new String[1];
      for (int row = 0; row < rows; row++) {
        value[0] = "P" + (100_000_000 + from + row);
        visitor.row(row, value);
      }
    }
  }

  private static Aligned align(int keys, Path folder) throws IOException {
    return attempt(keys, folder, 1, List.of(KeptParts.NONE, KeptParts.NONE), Faults.NONE);
  }

  private static Cut cut(int keys, Path folder) throws IOException {
    Aligned whole = attempt(keys, folder, 1, kept(folder, "whole"), Faults.NONE);
    List<KeptParts> kept = kept(folder, "cut");
    // The second party sends two of the three lists that pass.
    Aligned first = attempt(keys, folder, 1, kept, Faults.cutAfter(whole.bytes() / 3));
    Aligned second = attempt(keys, folder, 2, kept, Faults.NONE);
    return new Cut(whole, first, second);
  }

  /** As nodes keep it, sealed. */
  private static List<KeptParts> kept(Path folder, String name) throws IOException {
    List<KeptParts> kept = new ArrayList<>();
    for (String party : List.of("here", "there")) {
      Cohorts cohorts =
          new Cohorts(
              Files.createDirectories(folder).resolve(name + "-" + party), new byte[ELEMENT]);
      cohorts.forgetOthers(Set.of());
      kept.add(cohorts.begun("J-bench", new byte[ELEMENT], said -> {}));
    }
    return kept;
  }

  /**
   * @param faults of what the second party sends; with a cut both attempts fail, which is expected
   */
  private static Aligned attempt(
      int keys, Path folder, int number, List<KeptParts> kept, Faults faults) throws IOException {
    Party here = new Party("here.example");
    Party there = new Party("there.example");
    Path lists = Files.createTempDirectory(Files.createDirectories(folder), "lists");
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (MemoryNetwork network = new MemoryNetwork().with(there, here, faults)) {
      byte[] digest = ByteBuffer.allocate(32).putInt(keys).array();
      List<Future<Integer>> ends = new ArrayList<>();
      long began = System.nanoTime();
      double used = ProcessUse.cpuSeconds();
      for (Party self : List.of(here, there)) {
        Party other = self.equals(here) ? there : here;
        AlignmentJob job =
            new AlignmentJob(
                new Session("J-bench", digest, number),
                self,
                List.of(here, there),
                new MatchKey(List.of(new MatchKey.Rule(List.of(MatchKey.Part.of("person"))))),
                new AlignmentPolicy(1, Duplicates.REJECT, keys));
        People people = new People(keys, self.equals(here) ? 0 : keys / 2);
        EcdhAlignment protocol = new EcdhAlignment(lists, kept.get(self.equals(here) ? 0 : 1));
        ends.add(
            threads.submit(
                () -> {
                  try {
                    return protocol
                        .align(
                            job,
                            Map.of(other, network.channel(self, other)),
                            people,
                            (step, done, total) -> {})
                        .size();
                  } catch (WireException e) {
                    return -1;
                  }
                }));
      }
      int due = faults.equals(Faults.NONE) ? keys - keys / 2 : -1;
      for (Future<Integer> end : ends) {
        if (end.get() != due) {
          throw new Workers.Failed("found " + end.get() + " people, not " + due);
        }
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      return new Aligned(
          keys,
          seconds,
          ProcessUse.cpuSeconds() - used,
          network.channel(here, there).traffic().bytesSent()
              + network.channel(there, here).traffic().bytesSent());
    } catch (ExecutionException e) {
      throw new Workers.Failed("the alignment failed: " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Workers.Failed("interrupted");
    } finally {
      threads.shutdownNow();
      Files.deleteIfExists(lists);
    }
  }

  private static void print(
      Machine machine, List<Way> ways, List<Aligned> aligned, List<Cut> cut, PrintStream out) {
    out.println(machine);
    out.printf("%-18s %14s %14s%n", "us of one core", "multiplication", "key to curve");
    for (Way w : ways) {
      out.printf(Locale.ROOT, "%-18s %14.2f %14.2f%n", w.way(), w.multiply(), w.encode());
    }
    for (Aligned a : aligned) {
      out.printf(
          Locale.ROOT,
          "ecdh, %,d x %,d keys: %.2f s, %.2f s of processors, %.1f us a multiplication, %.1f MB%n",
          a.keys(),
          a.keys(),
          a.seconds(),
          a.processorSeconds(),
          a.processorSeconds() / 4 / a.keys() * 1e6,
          a.bytes() / 1e6);
    }
    for (Cut c : cut) {
      out.printf(
          Locale.ROOT,
          "kept, %,d x %,d keys: undisturbed %.2f s, %.2f s of processors, %.2f MB; cut at half and"
              + " gone on: %.2f and %.2f s, %.2f and %.2f s of processors, %.2f and %.2f MB%n",
          c.whole().keys(),
          c.whole().keys(),
          c.whole().seconds(),
          c.whole().processorSeconds(),
          c.whole().bytes() / 1e6,
          c.first().seconds(),
          c.second().seconds(),
          c.first().processorSeconds(),
          c.second().processorSeconds(),
          c.first().bytes() / 1e6,
          c.second().bytes() / 1e6);
    }
  }
}
