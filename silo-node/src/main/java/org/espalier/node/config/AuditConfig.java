package org.espalier.node.config;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Pattern;
import org.espalier.audit.verify.ProvenClaims;

/**
 * The section {@code audit} of {@code silo.yaml}.
 *
 * @param timestamps an authority that stamps checkpoints of the audit log; null: none does
 * @param retention how long events are kept at least, in days, such as {@code 730d}, 100 and more;
 *     null: 100 days, and {@code silo audit prune} must be told more
 * @param hold why nothing may be pruned or erased now, such as the name of a case; null: it may
 */
public record AuditConfig(Timestamps timestamps, String retention, String hold) {
  /** How long events are kept at least, whatever is configured. */
  public static final Duration LEAST = ProvenClaims.LEAST_PRUNED_AGE;

  public AuditConfig {
    if (retention != null) {
      Duration unused = days("audit.retention", retention);
    }
    if (hold != null && (hold.isBlank() || hold.length() > 200)) {
      throw new IllegalArgumentException("audit.hold says why, in at most 200 characters");
    }
  }

  /** Reads a number of days, at least {@link #LEAST}. */
  public static Duration days(String what, String text) {
    if (text.matches("[1-9][0-9]{2,4}d")) {
      return Duration.ofDays(Long.parseLong(text.substring(0, text.length() - 1)));
    }
    throw new IllegalArgumentException(
        what + " is a number of days, at least 100d, such as 730d, not '" + text + "'");
  }

  /** How long events are kept at least. */
  public Duration kept() {
    return retention == null ? LEAST : days("audit.retention", retention);
  }

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
