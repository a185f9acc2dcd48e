package org.espalier.node.cohort;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.espalier.protocols.glm.PassStore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptPassesTest {
  private static final byte[] SUBJECT = new byte[32];

  @TempDir Path folder;

  private static PassStore.Kept pass(double value) {
    double[] vector = {value, -value};
    long[] shares = {Long.MAX_VALUE, (long) value};
    return new PassStore.Kept(
        vector, new double[] {1}, new double[] {2}, new double[] {3, 4}, shares);
  }

  @Test
  void passesAreKeptForTheirJobAndSubjectUntilItHasEnded() throws Exception {
    Cohorts cohorts = new Cohorts(folder, new byte[32]);
    PassStore store = cohorts.passes("J-00000001", SUBJECT);
    for (int pass = 1; pass <= 3; pass++) {
      store.keep(pass, pass(pass));
    }
    cohorts.passes("J-00000002", SUBJECT).keep(1, pass(9));
    assertThat(store.kept()).hasSize(3);
    assertThat(store.kept().get(2).vector()).containsExactly(3, -3);
    assertThat(store.kept().get(2).figures()).containsExactly(3, 4);
    assertThat(store.kept().get(2).shares()).containsExactly(Long.MAX_VALUE, 3);

    byte[] other = new byte[32];
    other[0] = 1;
    assertThat(cohorts.passes("J-00000001", other).kept()).as("another cohort").isEmpty();
    store.keep(2, pass(7)); // an attempt that goes on from the first: later ones are of another
    assertThat(store.kept()).hasSize(2);

    Path second = folder.resolve("passes").resolve("J-00000001.pass-0002");
    byte[] sealed = Files.readAllBytes(second);
    sealed[sealed.length / 2] ^= 1;
    Files.write(second, sealed);
    assertThat(store.kept()).as("a changed file").hasSize(1);

    cohorts.forgetOthers(Set.of("J-00000002"));
    assertThat(store.kept()).isEmpty();
    PassStore another = cohorts.passes("J-00000002", SUBJECT);
    assertThat(another.kept()).hasSize(1);
    another.forget();
    assertThat(another.kept()).isEmpty();
    another.keep(1, pass(9));
    cohorts.forget("J-00000002");
    try (var left = Files.list(folder.resolve("passes"))) {
      assertThat(left).isEmpty();
    }
  }

  /** By it people are set aside: another attempt must not fit those of the first. */
  @Test
  void theSecretIsThatOfTheJobAndSubjectOfThisNode() {
    Cohorts cohorts = new Cohorts(folder, new byte[32]);
    byte[] secret = cohorts.passes("J-00000001", SUBJECT).secret();
    assertThat(secret).hasSize(32);
    assertThat(new Cohorts(folder, new byte[32]).passes("J-00000001", SUBJECT).secret())
        .isEqualTo(secret);
    byte[] other = new byte[32];
    other[0] = 1;
    assertThat(cohorts.passes("J-00000002", SUBJECT).secret()).isNotEqualTo(secret);
    assertThat(cohorts.passes("J-00000001", other).secret()).isNotEqualTo(secret);
    assertThat(new Cohorts(folder, other).passes("J-00000001", SUBJECT).secret())
        .isNotEqualTo(secret);
  }
}
