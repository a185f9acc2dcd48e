package org.espalier.audit.merkle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.espalier.audit.verify.Proofs;
import org.junit.jupiter.api.Test;

class TreeTest {
  private static final HexFormat HEX = HexFormat.of();

  /** Entries and roots of the reference test data of RFC 6962 implementations. */
  private static final String[] ENTRIES = {
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f"
  };

  private static final String[] ROOTS = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
  };

  @Test
  void rootsAreThoseOfTheReferenceData() {
    Frontier tree = Frontier.EMPTY;
    assertThat(HEX.formatHex(tree.root())).isEqualTo(ROOTS[0]);
    for (int i = 0; i < ENTRIES.length; i++) {
      tree = tree.append(Hashing.leaf(HEX.parseHex(ENTRIES[i])));
      assertThat(HEX.formatHex(tree.root())).isEqualTo(ROOTS[i + 1]);
    }
  }

  @Test
  void proofsOfEveryLeafAndEveryPairOfSizesHold() throws Exception {
    List<byte[]> leaves = leaves(130);
    ProofBuilder builder = new ProofBuilder(nodes(leaves));
    for (int size :
        new int[] {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129}) {
      byte[] root = root(leaves, size);
      for (int i = 0; i < size; i++) {
        List<byte[]> path = builder.inclusion(i, size);
        assertThat(Proofs.included(i, size, leaves.get(i), path, root)).isTrue();
        assertThat(Proofs.included((i + 1) % (size + 1), size, leaves.get(i), path, root))
            .as("another index")
            .isFalse();
        assertThat(Proofs.included(i, size, leaves.get(i + 1), path, root)).isFalse();
      }
      for (int old = 1; old <= size; old++) {
        List<byte[]> path = builder.consistency(old, size);
        byte[] oldRoot = root(leaves, old);
        assertThat(Proofs.consistent(old, oldRoot, size, root, path)).isTrue();
        assertThat(Proofs.consistent(old, leaves.get(0), size, root, path)).isEqualTo(old == 1);
        assertThat(Proofs.consistent(old, oldRoot, size, root(leaves, size + 1), path)).isFalse();
      }
    }
  }

  @Test
  void alteredProofsDoNotHold() throws Exception {
    Random random = new Random(7);
    List<byte[]> leaves = leaves(100);
    ProofBuilder builder = new ProofBuilder(nodes(leaves));
    byte[] root = root(leaves, 100);
    for (int i = 0; i < 100; i++) {
      List<byte[]> path = builder.inclusion(i, 100);
      List<byte[]> longer = new ArrayList<>(path);
      longer.add(root);
      List<byte[]> other = new ArrayList<>(path);
      int at = random.nextInt(path.size());
      other.set(at, path.get(at).clone());
      other.get(at)[random.nextInt(32)] ^= 1;
      for (List<byte[]> bad :
          List.of(longer, other, path.subList(1, path.size()), List.<byte[]>of())) {
        assertThat(Proofs.included(i, 100, leaves.get(i), bad, root)).isFalse();
      }
      if (i > 0) {
        List<byte[]> consistency = new ArrayList<>(builder.consistency(i, 100));
        consistency.add(root);
        assertThat(Proofs.consistent(i, root(leaves, i), 100, root, consistency)).isFalse();
        assertThat(Proofs.consistent(i, root(leaves, i), 100, root, List.of())).isFalse();
      }
    }
  }

  @Test
  void emptyAndOverlongProofsAreNoProofs() {
    byte[] leaf = Hashing.leaf(new byte[] {1});
    byte[] other = Hashing.leaf(new byte[] {2});
    // An empty proof proves that a leaf is the only one, and nothing about a larger tree.
    assertThat(Proofs.included(0, 1, leaf, List.of(), leaf)).isTrue();
    assertThat(Proofs.included(0, 2, leaf, List.of(), leaf)).isFalse();
    assertThat(Proofs.included(0, 1, leaf, List.of(), other)).isFalse();
    assertThat(Proofs.included(0, 0, leaf, List.of(), Hashing.emptyRoot())).isFalse();
    assertThat(Proofs.included(-1, 1, leaf, List.of(), leaf)).isFalse();
    byte[] root = leaf;
    List<byte[]> path = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      path.add(other);
      root = Hashing.node(root, other);
    }
    assertThat(Proofs.included(0, Long.MAX_VALUE, leaf, path, root)).isFalse();
    assertThat(Proofs.included(0, 2, leaf, List.of(new byte[31]), leaf)).isFalse();
    assertThat(Proofs.consistent(0, Hashing.emptyRoot(), 1, leaf, List.of())).isFalse();
    assertThat(Proofs.consistent(1, leaf, 1, other, List.of())).isFalse();
    assertThat(Proofs.consistent(2, leaf, 1, leaf, List.of())).isFalse();
  }

  @Test
  void proofsIntoATreeOfTheLargestSizeAreChecked() {
    byte[] leaf = Hashing.leaf(new byte[] {1});
    byte[] other = Hashing.leaf(new byte[] {2});
    byte[] root = leaf;
    List<byte[]> path = new ArrayList<>();
    for (int i = 0; i < Proofs.MAX_HASHES; i++) {
      path.add(other);
      root = Hashing.node(root, other);
    }
    assertThat(Proofs.included(0, Long.MAX_VALUE, leaf, path, root)).isTrue();
    assertThat(Proofs.included(1, Long.MAX_VALUE, leaf, path, root)).isFalse();
  }

  private static List<byte[]> leaves(int count) {
    List<byte[]> leaves = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      leaves.add(Hashing.leaf(new byte[] {(byte) i, (byte) (i >> 8)}));
    }
    return leaves;
  }

  /** The definition in RFC 6962, section 2.1, word for word. */
  private static byte[] root(List<byte[]> leaves, int size) {
    if (size == 0) {
      return Hashing.emptyRoot();
    }
    if (size == 1) {
      return leaves.get(0);
    }
    int k = Integer.highestOneBit(size - 1);
    return Hashing.node(root(leaves, k), root(leaves.subList(k, size), size - k));
  }

  private static Nodes nodes(List<byte[]> leaves) {
    return (level, index) -> {
      int from = (int) (index << level);
      return root(leaves.subList(from, from + (1 << level)), 1 << level);
    };
  }
}
