package org.espalier.node.console;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import org.espalier.wire.Digests;

/**
 * Who may look: a code, good once and for a short time, is exchanged for a session. Both are 256
 * random bits, of which only the SHA-256 is kept. Thread-safe.
 */
final class Sessions {
  static final Duration CODE = Duration.ofMinutes(2);
  static final Duration SESSION = Duration.ofHours(8);
  private static final int MAX_CODES = 16;
  private static final int MAX_SESSIONS = 64;
  private static final int BYTES = 32;

  private final Clock clock;
  private final SecureRandom random = new SecureRandom();
  private final Map<String, Instant> codes = new HashMap<>();
  private final Map<String, Instant> sessions = new HashMap<>();

  Sessions(Clock clock) {
    this.clock = clock;
  }

  /** A new code. */
  synchronized String code() {
    return make(codes, MAX_CODES, CODE);
  }

  /** The session for a code, which is used up by that. */
  synchronized Optional<String> redeem(String code) {
    Instant end = codes.remove(digest(code));
    return end != null && clock.instant().isBefore(end)
        ? Optional.of(make(sessions, MAX_SESSIONS, SESSION))
        : Optional.empty();
  }

  synchronized boolean holds(String session) {
    Instant end = sessions.get(digest(session));
    return end != null && clock.instant().isBefore(end);
  }

  synchronized void end(String session) {
    sessions.remove(digest(session));
  }

  private String make(Map<String, Instant> all, int most, Duration life) {
    Instant now = clock.instant();
    all.values().removeIf(end -> !now.isBefore(end));
    if (all.size() >= most) {
      all.remove(
          all.entrySet().stream().min(Comparator.comparing(Map.Entry::getValue)).get().getKey());
    }
    byte[] bytes = new byte[BYTES];
    random.nextBytes(bytes);
    String secret = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    all.put(digest(secret), now.plus(life));
    return secret;
  }

  private static String digest(String secret) {
    return HexFormat.of()
        .formatHex(Digests.sha256().digest(secret.getBytes(StandardCharsets.UTF_8)));
  }
}
