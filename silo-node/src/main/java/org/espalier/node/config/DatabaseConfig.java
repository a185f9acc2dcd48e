package org.espalier.node.config;

import java.nio.file.Path;

/**
 * Where the node keeps its state instead of in {@code silo.db}: a PostgreSQL database that no other
 * node uses.
 *
 * @param url such as {@code jdbc:postgresql://db.bank.example/silo?sslmode=verify-full}
 * @param user of the database; null leaves it to the URL
 * @param passwordFile file with the password that only its owner can read, relative to the node's
 *     folder; null: none is needed
 */
public record DatabaseConfig(String url, String user, Path passwordFile) {
  private static final String PREFIX = "jdbc:postgresql:";

  public DatabaseConfig {
    if (url == null || !url.startsWith(PREFIX)) {
      throw new IllegalArgumentException("database.url begins with " + PREFIX);
    }
    if (url.contains("password=")) {
      throw new IllegalArgumentException("database.url holds no password: database.password_file");
    }
  }
}
