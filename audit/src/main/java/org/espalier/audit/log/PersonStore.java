package org.espalier.audit.log;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What events say of people, apart from the log, so that it can be erased. A log holds of a name,
 * session or address only a commitment: HMAC-SHA-256, under a random key of 256 bits of that
 * person, over the kind of the value and the value. Here are the key and the values.
 *
 * <p>With the key a commitment opens to one value only, as two keys of this length and values with
 * one commitment are a collision of SHA-256. Without it a commitment is a random number: a guess of
 * the name cannot be tried. So destroying the key erases the person from every event, and no byte
 * of the log is changed.
 *
 * <p>One file for each person, mode 0600, whose name says nothing; an erased person leaves a file
 * that says so. What was erased comes back with an old copy of the folder, so {@link #erase} is to
 * be called again for what the log says was erased. Thread-safe.
 */
public final class PersonStore {
  /** What is shown in place of a value whose key was destroyed. */
  public static final String ERASED = "erased";

  /** What is shown in place of a value that was never here. */
  public static final String UNKNOWN = "unknown";

  private static final String SCHEMA = "espalier.audit-person/1";
  private static final String NAME = "pseudonym";
  private static final List<String> FIELDS = List.of(NAME, "session", "address");
  private static final String PREFIX = "hmac-sha256:";

  /** How the name of a file ends that is not in its place yet. */
  private static final String NEW = ".new";

  private static final int KEY_BYTES = 32;
  private static final int MAX_VALUE = 200;
  private static final int MAX_FILE = 4 << 20;
  private static final JsonMapper MAPPER = new JsonMapper();

  /** A value and what it is: a name, a session, an address. */
  private record Value(String field, String text) {}

  private record Person(String name, byte[] key, Map<String, Value> values, Path file) {}

  private final Path folder;
  private final Disk disk = new Disk(Disk.Gate.OPEN);
  private final SecureRandom random = new SecureRandom();
  private final Map<String, Person> byName = new HashMap<>();
  private final Map<String, Person> byCommitment = new HashMap<>();
  private final Set<String> erased = new HashSet<>();

  private PersonStore(Path folder) {
    this.folder = folder;
  }

  /**
   * Reads what there is; a missing folder is an empty store and is made with the first value.
   *
   * @throws IOException if a file cannot be read or is none of a store
   */
  public static PersonStore open(Path folder) throws IOException {
    PersonStore store = new PersonStore(folder);
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
          store.read(file);
        }
      }
    }
    return store;
  }

  /**
   * Removes what a write that a crash cut off has left, which would outlast an erasure. Only while
   * nobody else writes to the store.
   */
  public static void clean(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".json" + NEW)).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /**
   * What stands in the log for a person, always the same until the person is erased.
   *
   * @param person identifier, 1 to 200 characters, such as {@code uid-1000} or {@code
   *     anna@clinic.example}
   * @throws IOException if a new key cannot be made durable; then the log must not refer to it
   */
  public String pseudonym(String person) throws IOException {
    return commit(person, NAME, person);
  }

  /** What stands in the log for a session of a person; as {@link #pseudonym}. */
  public String session(String person, String session) throws IOException {
    return commit(person, "session", session);
  }

  /** What stands in the log for a network address of a person; as {@link #pseudonym}. */
  public String address(String person, String address) throws IOException {
    return commit(person, "address", address);
  }

  private synchronized String commit(String name, String field, String text) throws IOException {
    if (text.isEmpty() || text.length() > MAX_VALUE || name.length() > MAX_VALUE) {
      throw new IllegalArgumentException(
          "a value of a person has 1 to " + MAX_VALUE + " characters");
    }
    Person person = byName.get(name);
    if (person == null) {
      byte[] key = new byte[KEY_BYTES];
      random.nextBytes(key);
      byte[] file = new byte[16];
      random.nextBytes(file);
      Path path = folder.resolve(HexFormat.of().formatHex(file) + ".json");
      person = new Person(name, key, new LinkedHashMap<>(), path);
      person.values.put(commitment(key, NAME, name), new Value(NAME, name));
    }
    String commitment = commitment(person.key, field, text);
    if (byName.get(name) == null || !person.values.containsKey(commitment)) {
      Map<String, Value> values = new LinkedHashMap<>(person.values);
      values.put(commitment, new Value(field, text));
      Person fuller = new Person(name, person.key, values, person.file);
      try {
        disk.replace(fuller.file, json(fuller));
      } catch (IOException e) {
        try {
          Files.deleteIfExists(fuller.file.resolveSibling(fuller.file.getFileName() + NEW));
        } catch (IOException again) {
          e.addSuppressed(again);
        }
        throw e;
      }
      keep(fuller);
    }
    return commitment;
  }

  private void keep(Person person) {
    byName.put(person.name, person);
    person.values.keySet().forEach(commitment -> byCommitment.put(commitment, person));
  }

  /** The value that a commitment stands for, as long as its key is here. */
  public synchronized Optional<String> value(String commitment) {
    Person person = byCommitment.get(commitment);
    return person == null ? Optional.empty() : Optional.of(person.values.get(commitment).text);
  }

  /** All that may stand in the log for a person now; empty if nothing is known of it. */
  public synchronized Set<String> commitments(String person) {
    Person known = byName.get(person);
    return known == null ? Set.of() : Set.copyOf(known.values.keySet());
  }

  /** Whether this stood for somebody who was erased here. */
  public synchronized boolean isErased(String commitment) {
    return erased.contains(commitment);
  }

  /**
   * Destroys the key and all values of the person for whom a commitment stands. Nothing happens if
   * there is none.
   *
   * <p>The old file is written over once it has no name any more. Whether a disk keeps old blocks
   * all the same, and what copies of the folder there are, nothing here can know.
   *
   * @return whether there was one
   * @throws IOException if that cannot be made durable; it can be tried again
   */
  public synchronized boolean erase(String commitment) throws IOException {
    Person person = byCommitment.get(commitment);
    if (person == null) {
      return false;
    }
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("schema", SCHEMA);
    person.values.keySet().forEach(json.putArray(ERASED)::add);
    try (FileChannel old = disk.open(person.file)) {
      disk.replace(person.file, json.toString().getBytes(UTF_8));
      // The blocks of the old file, which has no name any more.
      disk.write(old, person.file, ByteBuffer.allocate((int) old.size()), 0);
      disk.force(old, person.file);
    }
    byName.remove(person.name);
    person.values.keySet().forEach(byCommitment::remove);
    erased.addAll(person.values.keySet());
    return true;
  }

  /**
   * The event with what its commitments stand for: actor and approvals get {@code opened}, in which
   * each has its value, {@value #ERASED} or {@value #UNKNOWN}. The event itself is left as it is.
   */
  public LoggedEvent shown(LoggedEvent event) {
    ObjectNode json = event.json().deepCopy();
    open(json.path("actor"));
    json.path("approvals").forEach(this::open);
    return new LoggedEvent(event.seq(), event.bytes(), json);
  }

  private void open(JsonNode of) {
    for (String field : FIELDS) {
      String commitment = of.path(field).asText();
      if (of instanceof ObjectNode object && commitment.startsWith(PREFIX)) {
        object
            .withObject("/opened")
            .put(field, value(commitment).orElse(isErased(commitment) ? ERASED : UNKNOWN));
      }
    }
  }

  private void read(Path file) throws IOException {
    JsonNode json;
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      json = MAPPER.readTree(in.readNBytes(MAX_FILE));
    }
    if (json.path(ERASED).isArray()) {
      json.path(ERASED).forEach(commitment -> erased.add(commitment.asText()));
      return;
    }
    byte[] key = key(json);
    if (!json.path("schema").asText().equals(SCHEMA) || key == null) {
      throw new IOException(file + " is no file of a store of persons");
    }
    Map<String, Value> values = new LinkedHashMap<>();
    List<Value> all = new ArrayList<>();
    json.path("values")
        .forEach(v -> all.add(new Value(v.path("field").asText(), v.path("value").asText())));
    // Derived anew: what was changed here has another commitment, and no event refers to it.
    all.forEach(value -> values.put(commitment(key, value.field, value.text), value));
    keep(new Person(json.path("person").asText(), key, values, file));
  }

  private static byte[] key(JsonNode json) {
    try {
      byte[] key = Base64.getDecoder().decode(json.path("key").asText());
      return key.length == KEY_BYTES ? key : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static byte[] json(Person person) {
    ObjectNode json =
        JsonNodeFactory.instance
            .objectNode()
            .put("schema", SCHEMA)
            .put("person", person.name)
            .put("key", Base64.getEncoder().encodeToString(person.key));
    ArrayNode values = json.putArray("values");
    person
        .values
        .values()
        .forEach(v -> values.addObject().put("field", v.field).put("value", v.text));
    return json.toString().getBytes(UTF_8);
  }

  /**
   * The kind of the value is of few letters and ends with a zero byte, so no two inputs are one.
   */
  private static String commitment(byte[] key, String field, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      mac.update((SCHEMA + "\0" + field + "\0").getBytes(UTF_8));
      return PREFIX + HexFormat.of().formatHex(mac.doFinal(text.getBytes(UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HMAC-SHA-256", e);
    }
  }
}
