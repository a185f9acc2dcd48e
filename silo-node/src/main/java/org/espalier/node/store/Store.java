package org.espalier.node.store;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The node's state: an SQLite file, or a PostgreSQL database of the node's own. One connection
 * behind a lock, which is plenty for the state of jobs (data and ciphertexts never pass through
 * here).
 */
public final class Store implements AutoCloseable {
  private final Database database;
  private final ReentrantLock lock = new ReentrantLock();
  private Connection connection;

  private Store(Database database) {
    this.database = database;
  }

  /** Opens a file, creating it or bringing its tables up to date. */
  public static Store open(Path file) {
    return open(new Database.Sqlite(file));
  }

  /**
   * Opens a PostgreSQL database, creating its tables or bringing them up to date.
   *
   * @param password null if none is needed
   * @throws StoreException if it cannot be reached, or another node uses it
   */
  public static Store open(String url, String user, String password) {
    return open(new Database.Postgres(url, user, password));
  }

  private static Store open(Database database) {
    Store store = new Store(database);
    try {
      store.connection = database.connect();
      store.migrate();
      return store;
    } catch (SQLException e) {
      store.close();
      throw new StoreException("cannot open " + database.name(), e);
    } catch (RuntimeException e) {
      store.close();
      throw e;
    }
  }

  private void migrate() throws SQLException {
    int version = one(database.versionQuery(), row -> row.getInt(1)).orElse(0);
    List<String> steps = Migrations.STEPS;
    if (version > steps.size()) {
      throw new StoreException(
          "%s has version %d, this program knows %d"
              .formatted(database.name(), version, steps.size()),
          null);
    }
    for (int next = version; next < steps.size(); next++) {
      int step = next;
      transaction(
          () -> {
            for (String sql : database.dialect(steps.get(step)).split(";", -1)) {
              if (!sql.isBlank()) {
                update(sql);
              }
            }
            update(database.versionUpdate(step + 1));
            return null;
          });
    }
  }

  /** The connection; a new one where the database was away. */
  private Connection connection() throws SQLException {
    if (connection.isClosed() && lock.getHoldCount() == 1) {
      connection = database.connect();
    }
    return connection;
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
      return alone(connection(), work);
    } catch (SQLException e) {
      throw new StoreException("transaction", e);
    } finally {
      lock.unlock();
    }
  }

  /** What fails first is what is thrown: how the end of a failed transaction fails comes of it. */
  private static <T> T alone(Connection open, Supplier<T> work) throws SQLException {
    open.setAutoCommit(false);
    T result;
    try {
      result = work.get();
      open.commit();
    } catch (SQLException | RuntimeException | Error e) {
      rollBack(open, e);
      throw e;
    }
    open.setAutoCommit(true);
    return result;
  }

  private static void rollBack(Connection open, Throwable reason) {
    try {
      open.rollback();
    } catch (SQLException lost) {
      reason.addSuppressed(lost); // the database has rolled it back by itself
    }
    try {
      if (!open.isClosed()) {
        open.setAutoCommit(true);
      }
    } catch (SQLException over) {
      reason.addSuppressed(over);
    }
  }

  private PreparedStatement prepare(String sql, Object... parameters) throws SQLException {
    PreparedStatement statement = connection().prepareStatement(sql);
    for (int i = 0; i < parameters.length; i++) {
      statement.setObject(i + 1, parameters[i]);
    }
    return statement;
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (connection != null && !connection.isClosed()) {
        connection.close();
      }
    } catch (SQLException e) {
      throw new StoreException("close", e);
    } finally {
      lock.unlock();
    }
  }

  /** The database cannot be used. */
  public static final class StoreException extends RuntimeException {
    StoreException(String what, Throwable cause) {
      super(what, cause);
    }

    /** What the database says, for the own operator: a full disk, a server that is silent. */
    public String why() {
      Throwable said = getCause() == null ? this : getCause();
      Throwable first = said;
      while (first.getCause() != null) {
        first = first.getCause();
      }
      return first == said ? line(said) : line(said) + " (" + line(first) + ")";
    }

    /** The first line: further ones of PostgreSQL quote values. */
    private static String line(Throwable e) {
      return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
  }
}
