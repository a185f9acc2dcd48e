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
import org.espalier.node.control.Caller;
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
  private final Map<String, Entry> codes = new HashMap<>();
  private final Map<String, Entry> sessions = new HashMap<>();

  /**
   * @param user for whom pages are made; empty: the owner of the node's folder
   */
  record Entry(Instant end, Optional<Caller> user) {}

  Sessions(Clock clock) {
    this.clock = clock;
  }

  /** A new code for a user, empty: for the owner of the node's folder. */
  synchronized String code(Optional<Caller> user) {
    return make(codes, MAX_CODES, CODE, user);
  }

  /** The session for a code, which is used up by that. */
  synchronized Optional<String> redeem(String code) {
    return Optional.ofNullable(codes.remove(digest(code)))
        .filter(this::isOpen)
        .map(entry -> make(sessions, MAX_SESSIONS, SESSION, entry.user()));
  }

  /** The session, if it is one and not over. */
  synchronized Optional<Entry> find(String session) {
    return Optional.ofNullable(sessions.get(digest(session))).filter(this::isOpen);
  }

  private boolean isOpen(Entry entry) {
    return clock.instant().isBefore(entry.end());
  }

  synchronized void end(String session) {
    sessions.remove(digest(session));
  }

  private String make(Map<String, Entry> all, int most, Duration life, Optional<Caller> user) {
    all.values().removeIf(entry -> !isOpen(entry));
    if (all.size() >= most) {
      all.remove(
          all.entrySet().stream()
              .min(Comparator.comparing(entry -> entry.getValue().end()))
              .get()
              .getKey());
    }
    byte[] bytes = new byte[BYTES];
    random.nextBytes(bytes);
    String secret = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    all.put(digest(secret), new Entry(clock.instant().plus(life), user));
    return secret;
  }

  private static String digest(String secret) {
    return HexFormat.of()
        .formatHex(Digests.sha256().digest(secret.getBytes(StandardCharsets.UTF_8)));
  }
}
