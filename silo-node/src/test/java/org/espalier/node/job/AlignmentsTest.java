package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.espalier.node.Problem;
import org.espalier.node.cohort.Cohorts;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.policy.Policy;
import org.espalier.node.store.Store;
import org.espalier.psi.keys.MatchKey;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AlignmentsTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static final Party TELECOM = new Party("telecom.example");
  private static final List<Party> TWO = List.of(INSURER, BANK);
  private static final List<Party> THREE = List.of(INSURER, TELECOM, BANK);
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");

  private static final String POLICY =
      """
      alignment: {new_alignments_per_90d: 2, min_set_difference: 5}
      partners:
        telecom.example: {alignment: {new_alignments_per_90d: 1, min_set_difference: 50}}
      """;

  @TempDir Path folder;
  private final List<Journal.Alignment> log = new ArrayList<>();
  private Instant now = START;
  private int round;
  private Store store;
  private Datasets datasets;
  private Alignments alignments;

  @BeforeEach
  void open() {
    store = Store.open(folder.resolve("silo.db"));
    datasets = new Datasets(store, new byte[32]);
    alignments = under(POLICY);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private Alignments under(String policy) {
    Clock clock =
        new Clock() {
          @Override
          public Instant instant() {
            return now;
          }

          @Override
          public ZoneId getZone() {
            return ZoneOffset.UTC;
          }

          @Override
          public Clock withZone(ZoneId zone) {
            throw new UnsupportedOperationException();
          }
        };
    Policy parsed = Json.yaml("policy.yaml", policy, Policy.class);
    return new Alignments(new Kept(), datasets, () -> parsed, clock);
  }

  /** The log as far as alignments go. */
  private final class Kept extends UnaskedJournal {
    @Override
    public void fact(String type, ObjectNode facts) {
      assertThat(type).isEqualTo("disclosure.alignment");
      assertThat(facts.path("recipients")).isNotEmpty();
      log.add(
          new Alignment(
              now,
              facts.path("job").asText(),
              facts.at("/parameters/began").asLong(facts.path("attempt").asLong()),
              facts.at("/parameters/round").asLong(),
              facts.at("/inputs/0/dataset").asText(),
              facts.at("/inputs/0/commitment").asText(),
              facts.at("/parameters/parties").asText(),
              facts.at("/parameters/own_keys").asText()));
    }

    @Override
    public long alignments(long from, Consumer<Alignment> reader) {
      log.subList((int) from, log.size()).forEach(reader);
      return log.size();
    }
  }

  private Dataset dataset(String name, String content) throws Exception {
    Path file = folder.resolve(name + ".csv");
    Files.writeString(file, "id\n" + content);
    return datasets.add(
        name, file, new TableSchema(List.of(new TableSchema.Column("id", ColumnType.ID)), null));
  }

  private Alignments.Wanted wanted(String job, Dataset data, List<Party> parties) {
    return alignments.wanted(job, round, BANK, data, parties);
  }

  private void run(String job, Dataset data, List<Party> parties) {
    run(job, data, parties, OwnKeys.NOT_COMPARED);
  }

  private void run(String job, Dataset data, List<Party> parties, OwnKeys.Compared keys) {
    attempt(job, 1, 1, data, parties, keys);
    now = now.plus(Duration.ofDays(1));
  }

  /**
   * @param began the attempt that it goes on with, or its own number
   */
  private void attempt(String job, int number, int began, Dataset data) {
    attempt(job, number, began, data, TWO, OwnKeys.NOT_COMPARED);
  }

  private void attempt(
      String job, int number, int began, Dataset data, List<Party> parties, OwnKeys.Compared keys) {
    ObjectNode facts = Json.object().put("job", job).put("attempt", number);
    facts
        .putArray("inputs")
        .addObject()
        .put("dataset", data.name())
        .put("commitment", datasets.commitment(data.name()));
    alignments.count(wanted(job, data, parties), began, facts, keys);
  }

  @Test
  void namesTheLimitAndWhenTheNextIsPossible() throws Exception {
    Dataset people = dataset("people", "a\n");
    assertThat(alignments.require(wanted("", people, TWO)))
        .isEqualTo("new alignment 1 of 2 in 90 days with insurer.example");
    run("J-1", people, TWO);
    run("J-2", people, TWO);
    assertThatThrownBy(() -> alignments.require(wanted("", people, TWO)))
        .isInstanceOf(Problem.class)
        .hasMessage(
            "the policy of bank.example allows 2 new alignments of a data set with insurer.example in"
                + " 90 days; the next is possible from 2026-05-30T12:00:01Z");
    assertThatThrownBy(() -> run("J-3", people, TWO)).isInstanceOf(Problem.class);
    assertThat(log).hasSize(2);

    alignments = under(POLICY); // as after a restart
    now = Instant.parse("2026-05-30T12:00:00Z");
    assertThatThrownBy(() -> alignments.require(wanted("", people, TWO)))
        .isInstanceOf(Problem.class);
    now = now.plusSeconds(1);
    assertThat(alignments.require(wanted("", people, TWO))).contains("2 of 2");
  }

  @Test
  void attemptsOfAJobAreOneAlignmentUnlessItsFileChanged() throws Exception {
    Dataset people = dataset("people", "a\n");
    run("J-1", people, TWO);
    run("J-1", people, TWO);
    run("J-2", people, TWO);
    run("J-1", people, TWO);
    assertThat(alignments.require(wanted("J-1", people, TWO))).contains("1 of 2");
    assertThat(alignments.require(wanted("J-2", people, TWO))).contains("2 of 2");
    round = 1;
    assertThatThrownBy(() -> run("J-1", people, TWO))
        .as("an attempt after one that ended with a cohort")
        .isInstanceOf(Problem.class);
    round = 0;
    Dataset changed = dataset("people", "a\nb\n");
    assertThatThrownBy(() -> run("J-1", changed, TWO)).isInstanceOf(Problem.class);
  }

  /** The partner was killed before it kept the cohort that this node has. */
  @Test
  void anAttemptThatGoesOnIsTheAlignmentThatItGoesOnWith() throws Exception {
    Dataset people = dataset("people", "a\n");
    run("J-0", people, TWO);
    attempt("J-1", 1, 1, people);
    round = 1;
    attempt("J-1", 2, 1, people);
    attempt("J-1", 3, 1, people);
    assertThat(log).hasSize(4);
    assertThat(log.subList(1, 4))
        .allSatisfy(
            counted -> {
              assertThat(counted.round()).isZero();
              assertThat(counted.began()).isEqualTo(1);
            });
    alignments = under(POLICY); // as after a restart
    attempt("J-1", 4, 1, people);
    // The attack: an attempt begins anew, is refused, and the next one goes on with it; or one
    // goes on with an early rule, and with it for a cover begins a later rule anew.
    for (int began : new int[] {5, 2, 3, 4}) {
      int number = Math.max(began, 5);
      assertThatThrownBy(() -> attempt("J-1", number, number, people))
          .as("begun anew")
          .isInstanceOf(Problem.class);
      assertThatThrownBy(() -> attempt("J-1", 6, began, people))
          .as("going on with what was refused in attempt " + began)
          .isInstanceOf(Problem.class);
    }
    assertThat(log).hasSize(5);
    assertThatThrownBy(() -> attempt("J-2", 2, 1, people))
        .as("another job")
        .isInstanceOf(Problem.class);
    Dataset changed = dataset("people", "a\nb\n");
    assertThatThrownBy(() -> attempt("J-1", 6, 1, changed))
        .as("another file")
        .isInstanceOf(Problem.class);
  }

  @Test
  void whatWasBegunBeforeTheWindowCountsWhenItGoesOn() throws Exception {
    Dataset people = dataset("people", "a\n");
    attempt("J-1", 1, 1, people);
    now = now.plus(Alignments.WINDOW).plusSeconds(1);
    attempt("J-2", 1, 1, people);
    attempt("J-3", 1, 1, people);
    round = 1;
    assertThatThrownBy(() -> attempt("J-1", 2, 1, people)).isInstanceOf(Problem.class);
  }

  /** Nothing of the earlier alignment is in it: new secrets, perhaps another set of the partner. */
  @Test
  void anAttemptThatBeginsAnewAfterACohortCounts() throws Exception {
    Dataset people = dataset("people", "a\n");
    attempt("J-1", 1, 1, people);
    round = 1;
    attempt("J-1", 2, 2, people);
    // It is counted now, and so is what goes on with it; the first one can be gone on with, too.
    attempt("J-1", 3, 2, people);
    attempt("J-1", 4, 1, people);
    assertThat(log.stream().map(Journal.Alignment::round)).containsExactly(0L, 1L, 1L, 0L);
    assertThatThrownBy(() -> attempt("J-2", 1, 1, people)).isInstanceOf(Problem.class);
    round = 2;
    assertThatThrownBy(() -> attempt("J-1", 5, 5, people)).isInstanceOf(Problem.class);
  }

  @Test
  void neitherAnotherNameNorAnotherFileUnderTheNameIsAnotherDataSet() throws Exception {
    run("J-1", dataset("people", "a\n"), TWO);
    run("J-2", dataset("people", "a\nb\n"), TWO);
    Dataset copy = dataset("copy", "a\n");
    assertThat(alignments.require(wanted("", copy, TWO))).contains("2 of 2");
    Dataset again = dataset("people", "c\n");
    assertThatThrownBy(() -> alignments.require(wanted("", again, TWO)))
        .isInstanceOf(Problem.class);
    assertThat(alignments.require(wanted("", dataset("others", "x\n"), TWO))).contains("1 of 2");
  }

  @Test
  void eachPartnerHasItsOwnLimit() throws Exception {
    Dataset people = dataset("people", "a\n");
    run("J-1", people, THREE);
    assertThat(alignments.require(wanted("", people, TWO)))
        .isEqualTo("new alignment 2 of 2 in 90 days with insurer.example");
    assertThatThrownBy(() -> alignments.require(wanted("", people, THREE)))
        .hasMessageContaining("allows 1 new alignments of a data set with telecom.example");
    alignments = under("partners: {telecom.example: {alignment: {new_alignments_per_90d: 0}}}");
    assertThat(alignments.require(wanted("", people, TWO))).contains("2 in 90 days", "not limited");
    assertThatThrownBy(() -> alignments.require(wanted("", people, List.of(BANK, TELECOM))))
        .hasMessage(
            "the policy of bank.example allows 0 new alignments of a data set with telecom.example in"
                + " 90 days");
  }

  @Test
  void knowsWhichKeysWereBroughtBefore() throws Exception {
    Dataset people = dataset("people", "a\n");
    run("J-1", people, TWO, new OwnKeys.Compared("k1", Set.of()));
    run("J-2", people, TWO);
    assertThat(alignments.keySets(wanted("J-3", people, TWO))).containsExactly("k1");
    assertThat(alignments.keySets(wanted("J-3", people, THREE))).isEmpty();
    assertThat(alignments.setDifference(wanted("J-3", people, TWO).others())).isEqualTo(5);
    assertThat(alignments.setDifference(wanted("J-3", people, THREE).others())).isEqualTo(50);
  }

  @Test
  void aPolicyThatIsMistypedIsRefused() {
    for (String wrong :
        List.of(
            "alignment: {new_alignments_per_90d: -1}",
            "alignment: {min_set_diference: 5}",
            "partners: {insurer.example: {min_set_difference: 5}}")) {
      assertThatThrownBy(() -> under(wrong)).isInstanceOf(Problem.class);
    }
  }

  // ---- own keys -------------------------------------------------------------------------------

  private static final MatchKey KEY = MatchKey.of(MatchKey.Part.of("id", "trim"));
  private static final byte[] MATCH = new byte[32];

  private static String people(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "C" + i + "\n").collect(Collectors.joining());
  }

  /** As the phase does it: the keys are compared, then the alignment counts. */
  private void compareAndRun(String job, Cohorts cohorts, Dataset data) {
    Alignments.Wanted wanted = wanted(job, data, TWO);
    run(job, data, TWO, OwnKeys.compared(cohorts, alignments, wanted, data, KEY, MATCH));
  }

  @Test
  void aSetIsComparedWithEachEarlierOneAndNotOnlyWithTheLast() throws Exception {
    alignments = under("alignment: {min_set_difference: 5}");
    Cohorts cohorts = new Cohorts(folder.resolve("cohorts"), new byte[32]);
    compareAndRun("J-1", cohorts, dataset("people", people(0, 40)));
    for (String near : List.of(people(0, 39), people(1, 41), people(0, 44), people(4, 40))) {
      Dataset data = dataset("people", near);
      assertThatThrownBy(() -> compareAndRun("J-2", cohorts, data))
          .isInstanceOf(Problem.class)
          .hasMessageContaining("by fewer than 5")
          .hasMessageContaining("would tell who was added or left out");
    }
    assertThat(log).hasSize(1);
    // The same people in another order and with blanks, then others.
    compareAndRun("J-2", cohorts, dataset("people", " C39\n" + people(0, 39)));
    compareAndRun("J-3", cohorts, dataset("people", people(0, 45)));
    compareAndRun("J-4", cohorts, dataset("people", people(0, 40)));
    Dataset nearTheFirst = dataset("people", people(0, 38));
    assertThatThrownBy(() -> compareAndRun("J-5", cohorts, nearTheFirst))
        .hasMessageContaining("by fewer than 5");
  }

  @Test
  void jobsThatAlignAtTheSameTimeDoNotMissEachOther() throws Exception {
    alignments = under("alignment: {min_set_difference: 5}");
    Cohorts cohorts = new Cohorts(folder.resolve("cohorts"), new byte[32]);
    Dataset first = dataset("people", people(0, 40));
    Dataset second = dataset("less", people(0, 39));
    OwnKeys.Compared of1 =
        OwnKeys.compared(cohorts, alignments, wanted("J-1", first, TWO), first, KEY, MATCH);
    OwnKeys.Compared of2 =
        OwnKeys.compared(cohorts, alignments, wanted("J-2", second, TWO), second, KEY, MATCH);
    run("J-1", first, TWO, of1);
    assertThatThrownBy(() -> run("J-2", second, TWO, of2)).hasMessageContaining("at the same time");
    run("J-1", first, TWO, of1);
    assertThat(log).hasSize(2);
  }

  @Test
  void whatCannotBeComparedIsRefused() throws Exception {
    alignments = under("alignment: {min_set_difference: 5}");
    Path files = folder.resolve("cohorts");
    Cohorts cohorts = new Cohorts(files, new byte[32]);
    compareAndRun("J-1", cohorts, dataset("people", people(0, 40)));
    Path kept;
    try (var all = Files.list(files)) {
      kept = all.filter(file -> file.toString().endsWith(".keys")).findFirst().orElseThrow();
    }
    Dataset other = dataset("people", people(100, 140));
    byte[] whole = Files.readAllBytes(kept);
    byte[] changed = whole.clone();
    changed[whole.length - 1] ^= 1;
    Files.write(kept, changed);
    assertThatThrownBy(() -> compareAndRun("J-2", cohorts, other))
        .hasMessageContaining("was changed or is damaged");
    Files.delete(kept);
    assertThatThrownBy(() -> compareAndRun("J-2", cohorts, other))
        .hasMessageContaining("are missing, so they cannot be compared");
    Files.write(kept, whole);
    compareAndRun("J-2", cohorts, other);
    assertThat(log).hasSize(2);
    alignments = under("alignment: {min_set_difference: 0}");
    compareAndRun("J-3", cohorts, dataset("people", people(100, 139)));
    assertThat(log.get(2).keys()).isEmpty();
  }
}
