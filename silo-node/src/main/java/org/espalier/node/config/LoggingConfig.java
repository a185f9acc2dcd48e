package org.espalier.node.config;

/**
 * The section {@code logging} of {@code silo.yaml}: how {@code node.log} is written.
 *
 * @param format text for people, or a JSON object a line
 */
public record LoggingConfig(Format format) {
  /** How a line looks. */
  public enum Format {
    TEXT,
    JSON
  }

  public LoggingConfig {
    format = format == null ? Format.TEXT : format;
  }
}
