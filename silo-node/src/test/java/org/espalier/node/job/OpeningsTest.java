package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.store.Store;
import org.espalier.wire.Party;
import org.espalier.wire.Session;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpeningsTest {
  private static final List<Party> TWO =
      List.of(new Party("insurer.example"), new Party("bank.example"));
  private static final List<Party> THREE =
      List.of(TWO.get(0), TWO.get(1), new Party("telecom.example"));

  private static final byte[] SECRET = new byte[32];

  @TempDir Path folder;
  private final List<Journal.Pass> log = new ArrayList<>();
  private boolean full;

  /** Whether reading ends after the first pass. */
  private boolean unreadable;

  private Store store;
  private Datasets datasets;
  private Openings openings;

  @BeforeEach
  void open() {
    store = Store.open(folder.resolve("silo.db"));
    datasets = new Datasets(store, SECRET);
    openings = new Openings(new Kept(), datasets);
  }

  @AfterEach
  void close() {
    store.close();
  }

  /** The log as far as passes go. */
  private final class Kept extends UnaskedJournal {
    @Override
    public void fact(String type, ObjectNode facts) {
      if (full) {
        throw Problem.refused("the audit log cannot be written");
      }
      assertThat(type).isEqualTo("disclosure.pass");
      log.add(
          new Pass(
              facts.path("job").asText(),
              facts.path("attempt").asLong(),
              facts.path("inputs").path(0).path("commitment").asText(),
              facts.path("parameters").path("parties").asText(),
              facts.path("parameters").path("numbers").asInt(1)));
    }

    @Override
    public long passes(long from, Consumer<Pass> reader) {
      for (Pass pass : log.subList((int) from, log.size())) {
        reader.accept(pass);
        if (unreadable) {
          throw Problem.refused("the audit log cannot be read");
        }
      }
      return log.size();
    }
  }

  private Dataset dataset(String name, String content) throws Exception {
    Path file = folder.resolve(name + ".csv");
    Files.writeString(file, "id,income\n" + content);
    return datasets.add(
        name,
        file,
        new TableSchema(
            List.of(
                new TableSchema.Column("id", ColumnType.ID),
                new TableSchema.Column("income", ColumnType.NUMBER)),
            null));
  }

  /** Another database of the same node, such as one from before the data sets were added. */
  private void useDatabase(String file, byte[] secret) {
    store.close();
    store = Store.open(folder.resolve(file));
    datasets = new Datasets(store, secret);
    openings = new Openings(new Kept(), datasets);
  }

  private static Session attempt(String job, int number) {
    return new Session(job, new byte[32], number);
  }

  private void count(Dataset data, Session attempt, int pass, boolean limited, int before) {
    count(data, attempt, pass, limited, before, null);
  }

  private void count(
      Dataset data, Session attempt, int pass, boolean limited, int before, Integer most) {
    ObjectNode facts = Json.object().put("job", attempt.job()).put("attempt", attempt.attempt());
    facts.putArray("inputs").addObject().put("commitment", datasets.commitment(data.name()));
    openings.count(openings.people(data, TWO), attempt, facts, pass, 1, limited, before, most);
  }

  private int passes(Dataset data, List<Party> parties) {
    return openings.passes(openings.people(data, parties));
  }

  @Test
  void addsUpAttemptsAndJobsOnTheSamePeopleFromTheLogAlone() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 1, true, 0);
    count(people, attempt("J-1", 1), 2, true, 0);
    Openings.People same = openings.people(people, TWO);
    assertThat(openings.passesBefore(same, attempt("J-1", 2))).isEqualTo(2);
    count(people, attempt("J-1", 2), 1, true, 2);
    assertThat(openings.passesBefore(same, attempt("J-1", 2))).isEqualTo(2);

    openings = new Openings(new Kept(), datasets); // as after a restart
    assertThat(openings.passesBefore(same, attempt("J-2", 1))).isEqualTo(3);
    assertThat(passes(people, TWO)).isEqualTo(3);
    assertThat(passes(people, THREE)).isZero();
    assertThat(passes(dataset("others", "b,1\n"), TWO)).isZero();
  }

  /** Each asked for four when nothing was counted yet. */
  @Test
  void twoJobsAtOnceDoNotTogetherTakeMorePassesThanThePolicyAllows() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 1, false, 0, 4);
    count(people, attempt("J-2", 1), 1, false, 0, 4);
    count(people, attempt("J-1", 1), 2, false, 0, 4);
    count(people, attempt("J-2", 1), 2, false, 0, 4);
    assertThatThrownBy(() -> count(people, attempt("J-1", 1), 3, false, 0, 4))
        .hasMessage(
            "the policy allows at most 4 passes on the same people, and others have begun meanwhile");
    assertThat(passes(people, TWO)).isEqualTo(4);
    count(people, attempt("J-1", 1), 3, false, 0, 5);
  }

  @Test
  void aReadThatFailsHalfWayCountsNothing() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 1, true, 0);
    count(people, attempt("J-1", 1), 2, true, 0);
    openings = new Openings(new Kept(), datasets); // as after a restart
    unreadable = true;
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> passes(people, TWO)).hasMessageContaining("cannot be read");
    }
    unreadable = false;
    assertThat(passes(people, TWO)).isEqualTo(2);
  }

  @Test
  void anotherNameForTheFileIsNoNewCount() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 1, true, 0);
    Dataset copy = dataset("copy", "a,1\n");
    assertThat(passes(copy, TWO)).isEqualTo(1);
    count(copy, attempt("J-2", 1), 1, true, 1);
    dataset("people", "b,1\n"); // the old name now stands for something else
    assertThat(passes(copy, TWO)).isEqualTo(2);
    assertThat(passes(dataset("people", "a,1\n"), TWO)).isEqualTo(2);
  }

  @Test
  void anOldDatabaseIsNoNewCount() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 1, true, 0);
    useDatabase("other.db", SECRET);
    assertThat(passes(dataset("renamed", "a,1\n"), TWO)).isEqualTo(1);
    byte[] ofAnotherNode = SECRET.clone();
    ofAnotherNode[31] = 1;
    useDatabase("another-node.db", ofAnotherNode);
    assertThat(passes(dataset("people", "a,1\n"), TWO)).isZero();
  }

  @Test
  void whatWasCountedUnderTheKeyOfADataSetOfAnEarlierVersionStillCounts() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    byte[] key = new byte[32];
    key[0] = 7;
    store.update("UPDATE datasets SET commitment_key = ?", key);
    ObjectNode facts = Json.object().put("job", "J-1").put("attempt", 1);
    String byThatKey =
        new Datasets(store, key).commitment("people"); // under any key it is made in the same way
    facts.putArray("inputs").addObject().put("commitment", byThatKey);
    openings.count(openings.people(people, TWO), attempt("J-1", 1), facts, 1, 1, true, 0, null);
    assertThat(passes(dataset("people", "a,1\n"), TWO)).isEqualTo(1);

    datasets.remove("people");
    assertThat(datasets.list()).isEmpty();
    people = dataset("again", "a,1\n");
    assertThat(passes(people, TWO)).isEqualTo(1);
    datasets.remove("again");
    people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 2, true, 0);
    assertThat(passes(people, TWO)).isEqualTo(2);
    useDatabase("other.db", SECRET); // its key is gone, and what was counted since is not
    assertThat(passes(dataset("people", "a,1\n"), TWO)).isEqualTo(1);
  }

  @Test
  void jobsThatRunAtTheSameTimeDoNotEachGetTheWholeLimit() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    count(people, attempt("J-1", 1), 1, true, 0);
    assertThatThrownBy(() -> count(people, attempt("J-2", 1), 1, true, 0))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("at the same time");
    count(people, attempt("J-1", 1), 2, true, 0);
    assertThat(passes(people, TWO)).isEqualTo(2);
    count(people, attempt("J-2", 1), 1, false, 0);
    assertThat(passes(people, TWO)).isEqualTo(3);
  }

  @Test
  void aPassThatCannotBeLoggedDoesNotBegin() throws Exception {
    Dataset people = dataset("people", "a,1\n");
    full = true;
    assertThatThrownBy(() -> count(people, attempt("J-1", 1), 1, true, 0))
        .isInstanceOf(Problem.class)
        .hasMessageContaining("cannot be written");
    full = false;
    assertThat(passes(people, TWO)).isZero();
  }
}
