package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which logs and witnesses a verifier trusts, and which witnesses together are enough.
 *
 * <pre>
 * log bank.example/silo/audit/1+0a1b2c3d+AbCd...=
 * witness hospital hospital.example/silo/witness+1a2b3c4d+BAbC...=
 * witness insurer insurer.example/silo/witness+2a2b3c4d+BBcD...=
 * group partners any hospital insurer
 * quorum partners
 * </pre>
 *
 * <p>Immutable.
 *
 * @see <a href="https://c2sp.org/tlog-policy">C2SP tlog-policy</a>
 */
public final class WitnessPolicy {
  private static final int MAX_BYTES = 256 * 1024;
  private static final int MAX_LINES = 1000;
  private static final String NONE = "none";

  /** What is enough. */
  private sealed interface Quorum {
    boolean met(Collection<TrustedKey> by);

    /** One witness. */
    record One(TrustedKey key) implements Quorum {
      @Override
      public boolean met(Collection<TrustedKey> by) {
        return by.contains(key);
      }
    }

    /** So many of them. */
    record Group(int least, List<Quorum> members) implements Quorum {
      @Override
      public boolean met(Collection<TrustedKey> by) {
        return members.stream().filter(member -> member.met(by)).count() >= least;
      }
    }
  }

  private final List<TrustedKey> logs;
  private final Map<String, TrustedKey> witnesses;
  private final Quorum quorum;

  private WitnessPolicy(List<TrustedKey> logs, Map<String, TrustedKey> witnesses, Quorum quorum) {
    this.logs = List.copyOf(logs);
    this.witnesses = Map.copyOf(witnesses);
    this.quorum = quorum;
  }

  /**
   * Reads a policy file.
   *
   * @throws IllegalArgumentException if it is none; says which line is wrong
   */
  public static WitnessPolicy parse(byte[] file) {
    if (file.length > MAX_BYTES) {
      throw new IllegalArgumentException("the policy is longer than " + MAX_BYTES + " bytes");
    }
    // Bytes are characters: names are compared as the octets that they are.
    String text = new String(file, ISO_8859_1);
    String[] lines = text.split("\n", -1);
    if (lines.length > MAX_LINES) {
      throw new IllegalArgumentException("the policy has more than " + MAX_LINES + " lines");
    }
    Reader reader = new Reader();
    for (int i = 0; i < lines.length; i++) {
      try {
        reader.line(lines[i]);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            "line " + (i + 1) + " of the policy: " + e.getMessage(), e);
      }
    }
    return reader.policy();
  }

  /**
   * The key of the only log.
   *
   * @throws IllegalArgumentException if there is none or more than one
   */
  public TrustedKey onlyLog() {
    if (logs.size() != 1) {
      throw new IllegalArgumentException(
          "the policy names %d logs: say which by --key".formatted(logs.size()));
    }
    return logs.get(0);
  }

  /** Witnesses by their names in the policy. */
  Map<String, TrustedKey> witnesses() {
    return witnesses;
  }

  /** Whether no witness is asked for. */
  boolean asksForNone() {
    return quorum == null;
  }

  /** Whether these witnesses are enough. */
  boolean met(Set<TrustedKey> by) {
    return quorum == null || quorum.met(by);
  }

  /** Reads line by line. */
  private static final class Reader {
    private final List<TrustedKey> logs = new ArrayList<>();
    private final Map<String, TrustedKey> witnesses = new LinkedHashMap<>();
    private final Map<String, Quorum> names = new LinkedHashMap<>();
    private final Set<String> grouped = new HashSet<>();
    private final Set<String> keys = new HashSet<>();
    private Quorum quorum;
    private boolean decided;

    void line(String line) {
      for (int i = 0; i < line.length(); i++) {
        char c = line.charAt(i);
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
          throw new IllegalArgumentException("a control character");
        }
      }
      String[] words =
          Arrays.stream(line.split("[ \t]+", -1))
              .filter(word -> !word.isEmpty())
              .toArray(String[]::new);
      if (words.length == 0 || words[0].startsWith("#")) {
        return;
      }
      switch (words[0]) {
        case "log" -> {
          require(words.length == 2 || words.length == 3, "log VKEY [URL]");
          logs.add(once(TrustedKey.parse(words[1])));
        }
        case "witness" -> {
          require(words.length == 3 || words.length == 4, "witness NAME VKEY [URL]");
          TrustedKey key = once(TrustedKey.parseWitness(words[2]));
          define(words[1], new Quorum.One(key));
          witnesses.put(words[1], key);
        }
        case "group" -> {
          require(words.length >= 4, "group NAME all|any|K NAME...");
          group(words);
        }
        case "quorum" -> {
          require(words.length == 2 && !decided, "quorum NAME|none, once");
          quorum = words[1].equals(NONE) ? null : defined(words[1]);
          decided = true;
        }
        default -> throw new IllegalArgumentException("begins with " + Texts.shown(words[0]));
      }
    }

    private void group(String[] words) {
      List<Quorum> members = new ArrayList<>();
      for (String member : Arrays.asList(words).subList(3, words.length)) {
        members.add(defined(member));
        require(grouped.add(member), "each name is in one group only, and once");
      }
      int least =
          switch (words[2]) {
            case "all" -> members.size();
            case "any" -> 1;
            default -> words[2].matches("[1-9][0-9]{0,3}") ? Integer.parseInt(words[2]) : 0;
          };
      require(least >= 1 && least <= members.size(), "a group of all, any or a number of members");
      define(words[1], new Quorum.Group(least, members));
    }

    private TrustedKey once(TrustedKey key) {
      require(keys.add(key.keyText()), "the same key stands there twice");
      return key;
    }

    private void define(String name, Quorum what) {
      require(
          !name.equals(NONE) && names.put(name, what) == null,
          "the name " + Texts.shown(name) + " is taken");
    }

    private Quorum defined(String name) {
      Quorum what = names.get(name);
      require(what != null, "nothing is called " + Texts.shown(name) + " before this line");
      return what;
    }

    private static void require(boolean right, String what) {
      if (!right) {
        throw new IllegalArgumentException(what);
      }
    }

    WitnessPolicy policy() {
      require(decided, "the policy has no line quorum NAME or quorum none");
      return new WitnessPolicy(logs, witnesses, quorum);
    }
  }
}
