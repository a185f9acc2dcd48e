package org.espalier.node.store;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** What differs between the databases that hold a node's state. */
sealed interface Database {
  /** For errors. */
  String name();

  /** A connection that is ready for use; auto-commit is on. */
  Connection connect() throws SQLException;

  /** One row with the version of the tables, or none. */
  String versionQuery();

  String versionUpdate(int version);

  /** A step of {@link Migrations}, which are written for SQLite. */
  String dialect(String step);

  /** A file. */
  record Sqlite(Path file) implements Database {
    @Override
    public String name() {
      return String.valueOf(file.getFileName());
    }

    @Override
    public Connection connect() throws SQLException {
      Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
      try (Statement pragma = connection.createStatement()) {
        pragma.execute("PRAGMA busy_timeout = 5000"); // first: the others may have to wait
        pragma.execute("PRAGMA journal_mode = WAL");
        pragma.execute("PRAGMA synchronous = FULL");
        pragma.execute("PRAGMA foreign_keys = ON");
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
      return connection;
    }

    @Override
    public String versionQuery() {
      return "PRAGMA user_version";
    }

    @Override
    public String versionUpdate(int version) {
      return "PRAGMA user_version = " + version;
    }

    @Override
    public String dialect(String step) {
      return step;
    }
  }

  /**
   * A server. A lock that lives as long as the connection keeps a second node out, and commits are
   * durable whatever the server's default.
   */
  record Postgres(String url, String user, String password) implements Database {
    /** Of advisory locks in a database, as text "ESPALIER" cut to a number. */
    private static final long LOCK = 0x455350414C494552L;

    private static final String CONNECT_SECONDS = "20";

    /**
     * How long one answer may take. Statements are small and tables are made empty, so that no
     * answer takes as long as this: a server that is silent is gone, and whoever waits for it holds
     * the lock of the store.
     */
    private static final String ANSWER_SECONDS = "60";

    /** A server notices in about as long that this node is gone, and gives the lock back. */
    private static final String KEEP_ALIVE =
        "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;"
            + " SET tcp_keepalives_count = 3";

    @Override
    public String name() {
      return url.replaceFirst("\\?.*", "");
    }

    /** Without the password, which a generated one would print. */
    @Override
    public String toString() {
      return name();
    }

    /** What a parameter of the same name in the URL overrides. */
    Properties properties() {
      Properties properties = new Properties();
      if (user != null) {
        properties.setProperty("user", user);
      }
      if (password != null) {
        properties.setProperty("password", password);
      }
      properties.setProperty("connectTimeout", CONNECT_SECONDS);
      properties.setProperty("socketTimeout", ANSWER_SECONDS);
      properties.setProperty("tcpKeepAlive", "true");
      properties.setProperty("ApplicationName", "espalier");
      return properties;
    }

    @Override
    public Connection connect() throws SQLException {
      Connection connection = DriverManager.getConnection(url, properties());
      try (Statement statement = connection.createStatement()) {
        statement.execute(KEEP_ALIVE);
        statement.execute("SET synchronous_commit = on");
        try (ResultSet held = statement.executeQuery("SELECT pg_try_advisory_lock(" + LOCK + ")")) {
          held.next();
          if (!held.getBoolean(1)) {
            throw new SQLException("another node uses this database");
          }
        }
        statement.execute("CREATE TABLE IF NOT EXISTS silo_version (version INTEGER NOT NULL)");
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
      return connection;
    }

    @Override
    public String versionQuery() {
      return "SELECT max(version) FROM silo_version";
    }

    @Override
    public String versionUpdate(int version) {
      return "INSERT INTO silo_version VALUES (" + version + ")";
    }

    @Override
    public String dialect(String step) {
      return step.replace(" STRICT", "")
          .replace("seq INTEGER PRIMARY KEY", "seq BIGSERIAL PRIMARY KEY")
          .replace(" BLOB", " BYTEA");
    }
  }
}
