package org.espalier.protocols.mask;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.espalier.wire.memory.MemoryNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MaskTest {
  private static final Session SESSION = new Session("J-1", new byte[32], 1);

  private static List<ZeroSumMasks> agree(int parties, Session session) throws Exception {
    MemoryNetwork network = new MemoryNetwork();
    TreeSet<Party> all = new TreeSet<>();
    for (int i = 0; i < parties; i++) {
      all.add(new Party("p" + i));
    }
    ExecutorService threads = Executors.newCachedThreadPool();
    List<Future<ZeroSumMasks>> masks = new ArrayList<>();
    for (Party self : all) {
      TreeSet<Party> others = new TreeSet<>(all);
      others.remove(self);
      masks.add(
          threads.submit(() -> ZeroSumMasks.agree(session, self, network.channels(self, others))));
    }
    List<ZeroSumMasks> result = new ArrayList<>();
    for (Future<ZeroSumMasks> mask : masks) {
      result.add(mask.get());
    }
    threads.shutdown();
    return result;
  }

  private static long[] sum(List<ZeroSumMasks> masks, int bits, List<byte[]> bindings) {
    long[] sum = new long[64];
    for (int p = 0; p < masks.size(); p++) {
      long[] values = new long[64];
      masks.get(p).apply(values, bits, "logits", 3, bindings.get(p));
      for (int i = 0; i < sum.length; i++) {
        sum[i] += values[i];
        assertThat(bits == 64 || values[i] >>> bits == 0).isTrue();
      }
    }
    if (bits < 64) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] &= (1L << bits) - 1;
      }
    }
    return sum;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void masksAddUpToZeroOnlyForOneAndTheSameRequest(int parties) throws Exception {
    List<ZeroSumMasks> masks = agree(parties, SESSION);
    for (int bits : new int[] {48, 64}) {
      List<byte[]> same = new ArrayList<>();
      for (int p = 0; p < parties; p++) {
        same.add(new byte[] {7});
      }
      assertThat(sum(masks, bits, same)).containsOnly(0);
      if (parties > 1) {
        same.set(0, new byte[] {8});
        assertThat(sum(masks, bits, same)).doesNotContain(0);
      }
    }
  }

  @Test
  void masksDifferByPurposePassAndSession() throws Exception {
    List<ZeroSumMasks> masks = agree(2, SESSION);
    List<long[]> seen = new ArrayList<>();
    for (String purpose : List.of("logits", "scalars")) {
      for (long pass = 1; pass <= 2; pass++) {
        long[] values = new long[4];
        masks.get(0).apply(values, 64, purpose, pass, new byte[0]);
        assertThat(seen).doesNotContain(values);
        seen.add(values);
      }
    }
  }

  @Test
  void theGeneratorIsAesInCounterMode() {
    // NIST AESAVS, all-zero key of 256 bits and all-zero block.
    assertThat(new Prg(new byte[32]).nextLong())
        .isEqualTo(HexFormat.fromHexDigitsToLong("dc95c078a2408989"));
    assertThatThrownBy(() -> new Prg(new byte[16])).hasMessageContaining("not 32");
  }

  @Test
  void theFunctionSeparatesItsArguments() {
    Prf prf = new Prf(new byte[32]);
    assertThat(prf.seed("a", 1, new byte[] {1}, new byte[] {2}))
        .isEqualTo(prf.seed("a", 1, new byte[] {1}, new byte[] {2}))
        .isNotEqualTo(prf.seed("a", 1, new byte[] {1, 2}, new byte[0]))
        .isNotEqualTo(prf.seed("a", 2, new byte[] {1}, new byte[] {2}))
        .isNotEqualTo(prf.seed("b", 1, new byte[] {1}, new byte[] {2}))
        .isNotEqualTo(new Prf(Prg.freshSeed()).seed("a", 1, new byte[] {1}, new byte[] {2}));
  }

  @Test
  void aSeedNeverShowsInText() {
    assertThat(new ZeroSumMasks.PairSeed(new byte[32]).toString()).doesNotContain("0");
  }
}
