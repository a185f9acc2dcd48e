package org.espalier.node.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.COLLECTION;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.data.ColumnType;
import org.espalier.node.data.Datasets;
import org.espalier.node.data.TableSchema;
import org.espalier.node.job.Job;
import org.espalier.node.job.JobSpec;
import org.espalier.node.job.JobState;
import org.espalier.node.job.Jobs;
import org.espalier.wire.Party;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real PostgreSQL, and SQLite beside it: the same state goes in and comes out of both. */
class PostgresTest {
  private static final Party BANK = new Party("bank.example");
  private static final Party INSURER = new Party("insurer.example");
  private static EmbeddedPostgres server;

  @TempDir Path folder;

  @BeforeAll
  static void start() throws IOException {
    String machine = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    assumeTrue(machine.equals("Linux amd64"), "there is no PostgreSQL for tests on " + machine);
    server = EmbeddedPostgres.start();
  }

  @AfterAll
  static void stop() throws IOException {
    if (server != null) {
      server.close();
    }
  }

  private static Store open() {
    return Store.open(server.getJdbcUrl("postgres", "postgres"), "postgres", null);
  }

  private void datasets(Store store, Map<String, Object> all) throws IOException {
    Path file = Files.writeString(folder.resolve("people.csv"), "id,income\na,1\n");
    TableSchema schema =
        new TableSchema(
            List.of(
                new TableSchema.Column("id", ColumnType.ID),
                new TableSchema.Column("income", ColumnType.NUMBER)),
            null);
    Datasets datasets = new Datasets(store, new byte[32]);
    String sha256 = datasets.add("people", file, schema).scan().sha256();
    store.update("UPDATE datasets SET commitment_key = ?", new byte[] {7}); // of before
    all.put("known as", new TreeSet<>(datasets.commitments(sha256)));
    for (int again = 0; again < 2; again++) {
      datasets.remove("people");
      all.put("no data set " + again, datasets.list());
      datasets.add("people", file, schema);
    }
    all.put("still known as", new TreeSet<>(datasets.commitments(sha256)));
  }

  private String everything(Store store) throws IOException {
    Jobs jobs = new Jobs(store);
    JobSpec spec =
        JobSpec.yaml(
            "job.yaml",
            """
            name: j
            purpose: research
            label: {party: bank.example, column: bad}
            parties: {bank.example: {dataset: a}, insurer.example: {dataset: b}}
            match: [[{column: id}]]
            """);
    Instant now = Instant.parse("2026-03-01T12:00:00Z");
    jobs.insert(
        new Job(
            "J-00000001",
            spec,
            spec.digest(),
            BANK,
            JobState.PROPOSED,
            0,
            Optional.empty(),
            now,
            now,
            Collections.emptySortedMap()));
    for (Party party : new Party[] {BANK, INSURER}) {
      jobs.decide(
          "J-00000001",
          party,
          new Job.Decision(true, "because", new byte[] {0, -1, 7}, now, Json.object().put("a", 1)));
    }
    jobs.begin("J-00000001", 1);
    jobs.phase("J-00000001", "align");
    jobs.triedAgain("J-00000001", 2);
    jobs.report("J-00000001", 1, Json.object().put("size", 3));
    jobs.report("J-00000001", 1, Json.object().put("size", 4));
    jobs.receipt("J-00000001", 1, BANK, new Jobs.Receipt(Json.object(), new byte[] {9}));
    jobs.model("J-00000001", Json.object().put("w", 1));
    jobs.move("J-00000001", JobState.FAILED, Problem.refused("no").at(INSURER));
    assertThatThrownBy(() -> jobs.move("J-00000001", JobState.APPROVED, null))
        .isInstanceOf(Problem.class);
    Job job = jobs.get("J-00000001");
    Map<String, Object> all = new HashMap<>();
    datasets(store, all);
    assertThat(all.get("known as")).asInstanceOf(COLLECTION).hasSize(2);
    assertThat(all.get("still known as")).isEqualTo(all.get("known as"));
    all.put("state", job.state());
    all.put("digest", java.util.HexFormat.of().formatHex(job.digest()));
    all.put("cause", job.cause().orElseThrow().toJson());
    job.decisions()
        .forEach(
            (party, d) ->
                all.put(
                    "decision " + party,
                    d.reason()
                        + java.util.HexFormat.of().formatHex(d.signature())
                        + d.at()
                        + d.grounds()));
    all.put("phase", jobs.phase("J-00000001"));
    all.put("again", jobs.triedAgain("J-00000001"));
    all.put("report", jobs.report("J-00000001", 1));
    all.put("receipts", jobs.receipts("J-00000001", 1).keySet());
    all.put("model", jobs.model("J-00000001"));
    all.put("lines", jobs.log("J-00000001", 0).stream().map(Jobs.LogLine::line).toList());
    all.put("proposals", jobs.proposalsOf(BANK, now.minusSeconds(1)));
    return new java.util.TreeMap<>(all).toString();
  }

  @Test
  void holdsTheSameAsAFile() throws IOException {
    String file;
    try (Store store = Store.open(folder.resolve("silo.db"))) {
      file = everything(store);
    }
    try (Store store = open()) {
      assertThat(everything(store)).isEqualTo(file);
      assertThatThrownBy(PostgresTest::open)
          .as("a second node")
          .hasRootCauseMessage("another node uses this database");
    }
    try (Store again = open()) {
      assertThat(new Jobs(again).get("J-00000001").state()).isEqualTo(JobState.FAILED);
      assertThatThrownBy(() -> again.update("INSERT INTO models VALUES ('J-404','{}','t')"))
          .as("foreign keys hold")
          .isInstanceOf(Store.StoreException.class);
      turnsAndLosses(again);
    }
  }

  /**
   * A server that says nothing any more, while its connection stands: who asks is not kept for
   * ever, and so those who ask after it are not either. When it is back, so is the state.
   */
  @Test
  @Timeout(60)
  void aSilentServerIsNotWaitedForForEver() throws Exception {
    try (Silence between = new Silence(server.getPort())) {
      String url =
          server.getJdbcUrl("postgres", "postgres").replace(":" + server.getPort(), between.port());
      assertThat(new Database.Postgres(url, "postgres", null).properties())
          .containsEntry("socketTimeout", "60");
      try (Store store = Store.open(url + "&socketTimeout=1", "postgres", null)) {
        int before = StoreTest.count(store);
        assertThat(store.one("SHOW tcp_keepalives_idle", row -> row.getString(1))).contains("30");
        between.silent = true;
        assertThatThrownBy(() -> StoreTest.count(store))
            .isInstanceOfSatisfying(
                Store.StoreException.class, e -> assertThat(e.why()).contains("timed out"));
        between.cut();
        between.silent = false;
        assertThat(StoreTest.count(store)).as("connected anew").isEqualTo(before);
      }
    }
  }

  /** Carries connections to a server, until it is silent. */
  private static final class Silence implements AutoCloseable {
    private final ServerSocket listening;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private volatile boolean silent;

    Silence(int port) throws IOException {
      listening = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
      start(
          () -> {
            while (true) {
              Socket client = listening.accept();
              Socket behind = new Socket(InetAddress.getLoopbackAddress(), port);
              sockets.addAll(List.of(client, behind));
              start(() -> carry(client, behind));
              start(() -> carry(behind, client));
            }
          });
    }

    String port() {
      return ":" + listening.getLocalPort();
    }

    private interface Work {
      void run() throws IOException;
    }

    private static void start(Work work) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  work.run();
                } catch (IOException over) {
                  // cut or closed
                }
              });
      thread.setDaemon(true);
      thread.start();
    }

    private void carry(Socket from, Socket to) throws IOException {
      byte[] some = new byte[8192];
      for (int n = from.getInputStream().read(some); n >= 0; n = from.getInputStream().read(some)) {
        if (!silent) {
          to.getOutputStream().write(some, 0, n);
        }
      }
    }

    /**
     * The server notices that its client is gone, and has given the lock back when this returns.
     */
    void cut() throws Exception {
      for (Socket socket : sockets) {
        socket.close();
      }
      try (Connection other = server.getPostgresDatabase().getConnection();
          Statement question = other.createStatement()) {
        boolean held = true;
        while (held) {
          try (ResultSet left =
              question.executeQuery("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")) {
            held = left.next();
          }
        }
      }
    }

    @Override
    public void close() throws IOException {
      listening.close();
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  /**
   * Transactions are all or nothing, threads take turns, and a connection that is lost is made
   * anew.
   */
  private static void turnsAndLosses(Store store) {
    assertThatThrownBy(
            () ->
                store.transaction(
                    () -> {
                      store.update(StoreTest.ADD, "b");
                      return store.update(StoreTest.ADD, "b");
                    }))
        .isInstanceOf(Store.StoreException.class);
    StoreTest.takeTurns(store);
    assertThat(StoreTest.count(store)).isEqualTo(8);
    try (Connection other = server.getPostgresDatabase().getConnection();
        Statement kill = other.createStatement()) {
      kill.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              + " WHERE application_name = 'espalier'");
    } catch (java.sql.SQLException e) {
      throw new AssertionError(e);
    }
    assertThatThrownBy(() -> StoreTest.count(store)).isInstanceOf(Store.StoreException.class);
    assertThat(StoreTest.count(store)).as("connected anew").isEqualTo(8);
  }
}
