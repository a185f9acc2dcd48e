package org.espalier.node.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * The section {@code audit} of {@code silo.yaml}.
 *
 * @param timestamps an authority that stamps checkpoints of the audit log; null: none does
 */
public record AuditConfig(Timestamps timestamps) {

  /**
   * A time-stamping authority (RFC 3161).
   *
   * @param url where it answers, {@code https://} or {@code http://}: its answers are signed
   * @param certificates PEM file with the certificates under which they are
   * @param policy object identifier that its time stamps must be issued under; null: any
   */
  public record Timestamps(URI url, Path certificates, String policy) {
    private static final Pattern OBJECT_IDENTIFIER =
        Pattern.compile("[0-2](\\.(0|[1-9][0-9]{0,15})){1,30}");

    public Timestamps {
      if (url == null
          || url.getHost() == null
          || url.getRawUserInfo() != null
          || !("https".equals(url.getScheme()) || "http".equals(url.getScheme()))) {
        throw new IllegalArgumentException(
            "audit.timestamps.url must be https://host/path, not '" + url + "'");
      }
      if (certificates == null) {
        throw new IllegalArgumentException(
            "audit.timestamps.certificates is missing: a PEM file with whom to trust");
      }
      if (policy != null && !OBJECT_IDENTIFIER.matcher(policy).matches()) {
        throw new IllegalArgumentException(
            "audit.timestamps.policy must be numbers with dots, such as 1.3.6.1.4.1.99999.1");
      }
    }
  }
}
