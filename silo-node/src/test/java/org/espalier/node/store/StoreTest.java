package org.espalier.node.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  static final String ADD =
      "INSERT INTO partners (name, state, since) VALUES (?, 'pending', 'now')";
  private static final String COUNT = "SELECT count(*) FROM partners";

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("silo.db");
  }

  static int count(Store store) {
    return store.one(COUNT, row -> row.getInt(1)).orElseThrow();
  }

  @Test
  void bringsAnOlderFileUpToDateAndRefusesANewerOne() throws Exception {
    try (Connection old = DriverManager.getConnection("jdbc:sqlite:" + file());
        Statement statement = old.createStatement()) {
      for (String sql : Migrations.STEPS.get(0).split(";", -1)) {
        if (!sql.isBlank()) {
          statement.execute(sql);
        }
      }
      statement.execute("INSERT INTO jobs VALUES ('J-1','{}',x'00','a','DONE',1,NULL,'t','t')");
      statement.execute("PRAGMA user_version = 1");
    }
    try (Store store = Store.open(file())) {
      assertThat(count(store)).isZero();
      assertThat(store.one("SELECT id FROM jobs", row -> row.getString(1))).contains("J-1");
    }
    try (Connection later = DriverManager.getConnection("jdbc:sqlite:" + file());
        Statement statement = later.createStatement()) {
      statement.execute("PRAGMA user_version = 99");
    }
    assertThatThrownBy(() -> Store.open(file()))
        .isInstanceOf(Store.StoreException.class)
        .hasMessageContaining("silo.db has version 99, this program knows");
  }

  @Test
  void transactionsAreAllOrNothing() {
    try (Store store = Store.open(file())) {
      store.update(ADD, "a");
      assertThatThrownBy(
              () ->
                  store.transaction(
                      () -> {
                        store.update(ADD, "b");
                        store.transaction(() -> store.update(ADD, "c"));
                        return store.update(ADD, "a");
                      }))
          .isInstanceOf(Store.StoreException.class);
      assertThat(count(store)).isEqualTo(1);
      assertThat(
              (int)
                  store.transaction(
                      () ->
                          store.update(ADD, "b") + store.transaction(() -> store.update(ADD, "c"))))
          .isEqualTo(2);
      assertThat(count(store)).isEqualTo(3);
    }
    try (Store again = Store.open(file())) {
      assertThat(count(again)).isEqualTo(3);
      assertThatThrownBy(() -> again.update("INSERT INTO models VALUES ('J-404','{}','t')"))
          .as("foreign keys hold")
          .isInstanceOf(Store.StoreException.class);
    }
  }

  /**
   * SQLite rolls such a transaction back by itself, so that nothing is left to end: what the node
   * throws says that the disk is full all the same, and the next transaction works.
   */
  @Test
  void aFullDiskIsSaidToBeOne() {
    try (Store store = Store.open(file())) {
      int pages = store.one("PRAGMA page_count", row -> row.getInt(1)).orElseThrow();
      store.one("PRAGMA max_page_count = " + (pages + 2), row -> row.getInt(1));
      assertThatThrownBy(
              () ->
                  store.transaction(
                      () -> {
                        store.update(ADD, "a");
                        return store.update(ADD, "b".repeat(100_000));
                      }))
          .isInstanceOfSatisfying(
              Store.StoreException.class, e -> assertThat(e.why()).contains("SQLITE_FULL"));
      assertThat(count(store)).isZero();
      assertThat((int) store.transaction(() -> store.update(ADD, "c"))).isEqualTo(1);
    }
  }

  /** Where only the end of a transaction fails, nothing of it is kept either. */
  @Test
  void aCommitThatFailsIsRolledBack() {
    try (Store store = Store.open(file())) {
      assertThatThrownBy(
              () ->
                  store.transaction(
                      () -> {
                        store.update("PRAGMA defer_foreign_keys = ON");
                        return store.update("INSERT INTO models VALUES ('J-404','{}','t')");
                      }))
          .isInstanceOfSatisfying(
              Store.StoreException.class, e -> assertThat(e.why()).contains("FOREIGN KEY"));
      assertThat(store.one("SELECT count(*) FROM models", row -> row.getInt(1))).contains(0);
      assertThat((int) store.transaction(() -> store.update(ADD, "c"))).isEqualTo(1);
    }
    try (Store again = Store.open(file())) {
      assertThat(count(again)).isEqualTo(1);
      assertThat(again.one("SELECT count(*) FROM models", row -> row.getInt(1))).contains(0);
    }
  }

  @Test
  void threadsTakeTurns() {
    try (Store store = Store.open(file())) {
      store.update(ADD, "a");
      takeTurns(store);
      assertThat(count(store)).isEqualTo(9);
    }
  }

  /** Eight threads add a partner each, by a number that each has just read. */
  static void takeTurns(Store store) {
    CompletableFuture<?>[] work =
        IntStream.range(0, 8)
            .mapToObj(
                i ->
                    CompletableFuture.runAsync(
                        () ->
                            store.transaction(
                                () -> {
                                  int n = count(store);
                                  return store.update(ADD, "p" + n);
                                })))
            .toArray(CompletableFuture<?>[]::new);
    CompletableFuture.allOf(work).join();
  }
}
