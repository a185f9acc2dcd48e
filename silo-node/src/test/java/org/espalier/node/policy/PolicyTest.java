package org.espalier.node.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.wire.Party;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PolicyTest {
  private static final Party A = new Party("a.example");
  private static final Party B = new Party("b.example");
  private static final Party C = new Party("c.example");

  @TempDir Path folder;

  private Policy policy(String yaml) throws IOException {
    SiloHome home = new SiloHome(folder);
    Files.writeString(home.policy(), yaml);
    return new Rulebook(home).policy();
  }

  @Test
  void withoutAFileNobodyMayAnything() {
    Policy none = new Rulebook(new SiloHome(folder)).policy();
    assertThat(none.dryRuns(A)).isZero();
    assertThat(none.sharesKeyShapes(A)).isFalse();
    assertThat(none.allowsPhoneticKeys(A)).isFalse();
  }

  @Test
  void eachPartnerHasItsOwnLimits() throws IOException {
    Policy policy =
        policy(
            """
            partners:
              a.example: {match_dry_run: true, phonetic_keys: true}
              b.example: {match_dry_run: true, match_dry_runs_per_90d: 2, share_key_shapes: true}
              c.example: {match_dry_runs_per_90d: 7, share_key_shapes: false}
            """);
    assertThat(policy.dryRuns(A)).isEqualTo(Policy.DRY_RUNS);
    assertThat(policy.dryRuns(B)).isEqualTo(2);
    assertThat(policy.dryRuns(C)).as("a number alone allows none").isZero();
    assertThat(policy.allowsPhoneticKeys(A)).isTrue();
    assertThat(policy.allowsPhoneticKeys(B)).isFalse();
    assertThat(policy.sharesKeyShapes(A)).isFalse();
    assertThat(policy.sharesKeyShapes(B)).isTrue();
    assertThat(policy.sharesKeyShapes(C)).isFalse();
  }

  /** Whoever had two names could fill two roles, and approve what they proposed. */
  @Test
  void twoPeopleHaveTwoKeys() throws IOException {
    String alice = PersonKey.generate(folder.resolve("alice.key"), "correct horse".toCharArray());
    String bob = PersonKey.generate(folder.resolve("bob.key"), "correct horse".toCharArray());
    String people =
        "people: {alice: {roles: [scientist], key: \"%s\"}, bob: {roles: [data_steward], key: \"%s\"}}";
    assertThat(policy(people.formatted(alice, bob)).people()).hasSize(2);
    assertThatThrownBy(() -> policy(people.formatted(alice, alice)))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("alice and bob have the same key");
    // Nor is one key written in two ways.
    String otherwise = alice.replaceFirst("=$", "");
    assertThatThrownBy(() -> policy(people.formatted(alice, otherwise)))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("a key is ed25519:");
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> policy("partners: {a.example: {match_dryrun: true}}"))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("match_dryrun");
    assertThatThrownBy(() -> policy("partners: {a.example: {match_dry_runs_per_90d: -1}}"))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("match_dry_runs_per_90d");
    assertThatThrownBy(() -> policy("partners: {\"no party\": {}}")).isInstanceOf(Problem.class);
  }
}
