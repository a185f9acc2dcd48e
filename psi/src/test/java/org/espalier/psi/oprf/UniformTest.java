package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.espalier.psi.Table;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What crosses the wire looks like random bytes: the keys of both tables are the same each time.
 */
@Timeout(120)
class UniformTest {
  private static final String[] PEOPLE =
      IntStream.range(0, 30_000).mapToObj(i -> "id" + i).toArray(String[]::new);

  /** Payloads of all messages of one type, behind their fixed fields. */
  private static List<byte[]> payloads(byte[] recorded, int type, int fixed) {
    List<byte[]> payloads = new ArrayList<>();
    ByteBuffer bytes = ByteBuffer.wrap(recorded);
    while (bytes.hasRemaining()) {
      int found = bytes.getShort();
      byte[] payload = new byte[bytes.getInt()];
      bytes.get(payload);
      if (found == type) {
        payloads.add(Arrays.copyOfRange(payload, fixed, payload.length));
      }
    }
    return payloads;
  }

  static void assertUniform(String what, byte[] bytes) {
    long[] counts = new long[256];
    long[] pairs = new long[1 << 12];
    for (int i = 0; i < bytes.length; i++) {
      counts[bytes[i] & 0xff]++;
      if (i > 0) {
        pairs[((bytes[i - 1] & 0x3f) << 6) | (bytes[i] & 0x3f)]++;
      }
    }
    assertThat(chiSquared(counts, bytes.length)).as(what).isLessThan(6.5);
    assertThat(chiSquared(pairs, bytes.length - 1)).as(what + ", neighbours").isLessThan(6.5);
  }

  /** In standard deviations of its distribution, nearly normal for so many cells. */
  private static double chiSquared(long[] counts, long total) {
    double expected = (double) total / counts.length;
    double sum = 0;
    for (long count : counts) {
      sum += (count - expected) * (count - expected) / expected;
    }
    int freedom = counts.length - 1;
    return Math.abs(sum - freedom) / Math.sqrt(2.0 * freedom);
  }

  @Test
  void storesCorrectionsAndTreesAreUniform() throws Exception {
    Run run = new Run(Table.of(PEOPLE), Table.of(PEOPLE));
    run.succeed(Path.of("."));
    byte[] there = run.network.recorded(run.parties.get(0), run.parties.get(1));
    byte[] back = run.network.recorded(run.parties.get(1), run.parties.get(0));
    List<byte[]> tables = payloads(there, Messages.Table.TYPE.code(), 8);
    List<byte[]> corrections = payloads(there, Messages.Batch.CORRECTION.code(), 4);
    List<byte[]> trees = payloads(back, Messages.Batch.TREES.code(), 4);
    assertThat(tables).hasSize(1);
    assertUniform("store", tables.get(0));
    assertUniform("correction", corrections.get(0));
    assertUniform("trees", trees.get(0));

    run.network = new org.espalier.wire.memory.MemoryNetwork(true, java.time.Duration.ofMinutes(1));
    run.succeed(Path.of("."));
    byte[] again = run.network.recorded(run.parties.get(0), run.parties.get(1));
    byte[] difference = payloads(again, Messages.Table.TYPE.code(), 8).get(0);
    for (int i = 0; i < difference.length; i++) {
      difference[i] ^= tables.get(0)[i];
    }
    assertUniform("two runs with the same keys", difference);
  }

  /** With its proofs, and what asks for them. */
  @Test
  void whatPartiesWhoMayDeviateSendIsUniform() throws Exception {
    Run run = new Run(Table.of(PEOPLE), Table.of(PEOPLE));
    run.checked = true;
    run.succeed(Path.of("."));
    byte[] there = run.network.recorded(run.parties.get(0), run.parties.get(1));
    byte[] back = run.network.recorded(run.parties.get(1), run.parties.get(0));
    assertUniform("store", payloads(there, Messages.Table.TYPE.code(), 8).get(0));
    assertUniform("correction", payloads(there, Messages.Batch.CORRECTION.code(), 4).get(0));
    assertUniform("trees", payloads(back, Messages.Batch.TREES.code(), 4).get(0));
    Outputs.Code code = Outputs.Code.of(PEOPLE.length, PEOPLE.length, true);
    byte[] values = payloads(back, Messages.Values.type(code).code(), 0).get(0);
    // The second halves of the values, which are packed last.
    assertUniform(
        "values", Arrays.copyOfRange(values, values.length - 8 * PEOPLE.length, values.length));
  }

  /** Stores of shares are in nobody's mask: the receiver sees them as they are. */
  @Test
  void storesOfSharesAreUniform() throws Exception {
    // The third has few keys for its store's bin: most positions are decided by none.
    Run run = new Run(Table.of(PEOPLE), Table.of(PEOPLE), Table.of(Arrays.copyOf(PEOPLE, 500)));
    run.succeed(Path.of("."));
    List<byte[]> stores = new ArrayList<>();
    for (int sender = 1; sender < 3; sender++) {
      byte[] sent = run.network.recorded(run.parties.get(sender), run.parties.get(0));
      List<byte[]> tables = payloads(sent, Messages.Table.TYPE.code(), 8);
      assertThat(tables).hasSize(1);
      assertUniform("store of sender " + sender, tables.get(0));
      byte[] masked =
          payloads(
                  run.network.recorded(run.parties.get(0), run.parties.get(sender)),
                  Messages.Table.TYPE.code(),
                  8)
              .get(0);
      assertUniform("masked store for sender " + sender, masked);
      stores.add(tables.get(0));
      stores.add(masked);
    }
    // Both senders get the same store, under masks that do not cancel.
    byte[] difference = stores.get(1).clone();
    for (int i = 0; i < difference.length; i++) {
      difference[i] ^= stores.get(3)[i];
    }
    assertUniform("two senders' masks", difference);
  }

  /** The test sees what it should: the unmasked store of few keys is mostly zeros. */
  @Test
  void anUnmaskedStoreWouldNotPass() {
    OkvsShape shape = OkvsShape.of(1000);
    java.util.Random random = new java.util.Random(1);
    Keys keys =
        new Keys(
            new byte[32],
            new byte[16],
            shape,
            random.longs(2000).toArray(),
            IntStream.range(0, 1000).toArray());
    Keys.Hashes hashes = keys.new Hashes(1000);
    hashes.load(0, 1000, 0);
    long[] table = new long[shape.width()];
    assertThat(new Okvs(shape).encode(hashes, 1000, table)).isTrue();
    long[] counts = new long[256];
    byte[] bytes = new byte[8 * table.length];
    Blocks.write(table, 0, table.length, bytes, 0);
    for (byte b : bytes) {
      counts[b & 0xff]++;
    }
    assertThat(chiSquared(counts, bytes.length)).isGreaterThan(100);

    // Hidden it does, although it holds the same values.
    assertThat(new Okvs(shape).encodeHidden(hashes, 1000, table, Blocks.stream(new byte[16], 0)))
        .isTrue();
    Blocks.write(table, 0, table.length, bytes, 0);
    assertUniform("hidden store", bytes);
    long[] sums = hashes.values.clone();
    Okvs.addDecoded(shape, hashes, 1000, table, sums, 0);
    assertThat(sums).containsOnly(0);
  }
}
