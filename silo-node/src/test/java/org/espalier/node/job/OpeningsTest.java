package org.espalier.node.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.espalier.node.Problem;
import org.espalier.node.store.Store;
import org.espalier.wire.Session;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpeningsTest {
  private static final Openings.People PEOPLE = new Openings.People("ab", "bank insurer");

  @TempDir Path folder;

  private static Session attempt(String job, int number) {
    return new Session(job, new byte[32], number);
  }

  private Store store() {
    Store store = Store.open(folder.resolve("silo.db"));
    for (String job : new String[] {"J-1", "J-2"}) {
      store.update(
          "INSERT INTO jobs VALUES (?,'{}',x'00','a','RUNNING',1,NULL,'t','t')"
              + " ON CONFLICT DO NOTHING",
          job);
    }
    return store;
  }

  @Test
  void addsUpAttemptsAndJobsOnTheSamePeopleAndKeepsThem() {
    try (Store store = store()) {
      Openings openings = new Openings(store);
      openings.count(PEOPLE, attempt("J-1", 1), 1, true, 0);
      openings.count(PEOPLE, attempt("J-1", 1), 2, true, 0);
      assertThat(openings.passesBefore(PEOPLE, attempt("J-1", 2))).isEqualTo(2);
      openings.count(PEOPLE, attempt("J-1", 2), 1, true, 2);
      assertThat(openings.passesBefore(PEOPLE, attempt("J-1", 2))).isEqualTo(2);
    }
    try (Store store = store()) {
      Openings openings = new Openings(store);
      assertThat(openings.passesBefore(PEOPLE, attempt("J-2", 1))).isEqualTo(3);
      assertThat(openings.passes(PEOPLE)).isEqualTo(3);
      assertThat(openings.passes(new Openings.People("ac", "bank insurer"))).isZero();
      assertThat(openings.passes(new Openings.People("ab", "bank insurer telecom"))).isZero();
    }
  }

  @Test
  void jobsThatRunAtTheSameTimeDoNotEachGetTheWholeLimit() {
    try (Store store = store()) {
      Openings openings = new Openings(store);
      openings.count(PEOPLE, attempt("J-1", 1), 1, true, 0);
      assertThatThrownBy(() -> openings.count(PEOPLE, attempt("J-2", 1), 1, true, 0))
          .isInstanceOf(Problem.class)
          .hasMessageContaining("at the same time");
      openings.count(PEOPLE, attempt("J-1", 1), 2, true, 0);
      assertThat(openings.passes(PEOPLE)).isEqualTo(2);
      openings.count(PEOPLE, attempt("J-2", 1), 1, false, 0);
      assertThat(openings.passes(PEOPLE)).isEqualTo(3);
    }
  }
}
