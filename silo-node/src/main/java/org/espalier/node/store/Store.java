package org.espalier.node.store;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The node's SQLite file: one connection behind a lock, which is plenty for the state of jobs (data
 * and ciphertexts never pass through here).
 */
public final class Store implements AutoCloseable {
  private final Connection connection;
  private final ReentrantLock lock = new ReentrantLock();

  private Store(Connection connection) {
    this.connection = connection;
  }

  /** Opens the file, creating it or bringing its tables up to date. */
  public static Store open(Path file) {
    Store store;
    try {
      store = new Store(DriverManager.getConnection("jdbc:sqlite:" + file));
    } catch (SQLException e) {
      throw new StoreException("cannot open " + file, e);
    }
    try {
      store.prepare();
      store.migrate();
      return store;
    } catch (SQLException e) {
      store.close();
      throw new StoreException("cannot open " + file, e);
    } catch (RuntimeException e) {
      store.close();
      throw e;
    }
  }

  private void prepare() throws SQLException {
    try (Statement pragma = connection.createStatement()) {
      pragma.execute("PRAGMA busy_timeout = 5000"); // first: the others may have to wait
      pragma.execute("PRAGMA journal_mode = WAL");
      pragma.execute("PRAGMA synchronous = FULL");
      pragma.execute("PRAGMA foreign_keys = ON");
    }
  }

  private void migrate() {
    int version = one("PRAGMA user_version", row -> row.getInt(1)).orElse(0);
    List<String> steps = Migrations.STEPS;
    if (version > steps.size()) {
      throw new StoreException(
          "silo.db has version " + version + ", this program knows " + steps.size(), null);
    }
    for (int next = version; next < steps.size(); next++) {
      int step = next;
      transaction(
          () -> {
            for (String sql : steps.get(step).split(";", -1)) {
              if (!sql.isBlank()) {
                update(sql);
              }
            }
            update("PRAGMA user_version = " + (step + 1));
            return null;
          });
    }
  }

  /** Reads one row of a result. */
  @FunctionalInterface
  public interface RowReader<T> {
    T read(ResultSet row) throws SQLException;
  }

  /** Runs one statement; parameters are bound in order. Returns the number of rows changed. */
  public int update(String sql, Object... parameters) {
    lock.lock();
    try (PreparedStatement statement = prepare(sql, parameters)) {
      return statement.executeUpdate();
    } catch (SQLException e) {
      throw new StoreException(sql, e);
    } finally {
      lock.unlock();
    }
  }

  public <T> List<T> all(String sql, RowReader<T> reader, Object... parameters) {
    lock.lock();
    try (PreparedStatement statement = prepare(sql, parameters);
        ResultSet rows = statement.executeQuery()) {
      List<T> result = new ArrayList<>();
      while (rows.next()) {
        result.add(reader.read(rows));
      }
      return result;
    } catch (SQLException e) {
      throw new StoreException(sql, e);
    } finally {
      lock.unlock();
    }
  }

  public <T> Optional<T> one(String sql, RowReader<T> reader, Object... parameters) {
    return all(sql, reader, parameters).stream().findFirst();
  }

  /** Runs all or nothing; nested calls join the outer transaction. */
  public <T> T transaction(Supplier<T> work) {
    lock.lock();
    try {
      if (lock.getHoldCount() > 1) {
        return work.get();
      }
      connection.setAutoCommit(false);
      try {
        T result = work.get();
        connection.commit();
        return result;
      } catch (RuntimeException | Error e) {
        connection.rollback();
        throw e;
      } finally {
        connection.setAutoCommit(true);
      }
    } catch (SQLException e) {
      throw new StoreException("transaction", e);
    } finally {
      lock.unlock();
    }
  }

  private PreparedStatement prepare(String sql, Object... parameters) throws SQLException {
    PreparedStatement statement = connection.prepareStatement(sql);
    for (int i = 0; i < parameters.length; i++) {
      statement.setObject(i + 1, parameters[i]);
    }
    return statement;
  }

  @Override
  public void close() {
    lock.lock();
    try {
      connection.close();
    } catch (SQLException e) {
      throw new StoreException("close", e);
    } finally {
      lock.unlock();
    }
  }

  /** The database file cannot be used. */
  public static final class StoreException extends RuntimeException {
    StoreException(String what, Throwable cause) {
      super(what, cause);
    }
  }
}
