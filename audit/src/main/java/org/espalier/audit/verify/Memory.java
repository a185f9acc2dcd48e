package org.espalier.audit.verify;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import org.espalier.audit.merkle.Hashing;

/**
 * What a verifier remembers between visits: for each log, by its name, the largest tree that it
 * found in order. Belongs on storage that the log's owner cannot write to.
 */
final class Memory {
  private static final String SCHEMA = "espalier.audit-state/1";
  private static final int MAX_FILE = 128 * 1024;
  private static final JsonMapper MAPPER = new JsonMapper();

  /**
   * The state of a log at a visit.
   *
   * @param vkey key that was trusted
   * @param size number of events
   * @param root 32 bytes
   * @param checkpointSize size of the checkpoint, or -1 if there was none
   * @param note the signed note that states size and root
   */
  record Visit(String vkey, long size, byte[] root, long checkpointSize, String note) {}

  private final Path directory;

  Memory(Path directory) {
    this.directory = directory;
  }

  /**
   * The last visit to a log, or null.
   *
   * @throws IOException if what is remembered cannot be read: that may not pass for a first visit
   */
  Visit recall(String origin) throws IOException {
    Path file = file(origin);
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return null;
    }
    byte[] bytes;
    try (var in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      bytes = in.readNBytes(MAX_FILE);
    }
    try {
      JsonNode json = MAPPER.readTree(bytes);
      byte[] root = Texts.base64(json.path("root").asText());
      if (json.path("schema").asText().equals(SCHEMA)
          && json.path("origin").asText().equals(origin)
          && json.path("size").isIntegralNumber()
          && json.path("size").asLong() >= 0
          && json.path("checkpoint_size").isIntegralNumber()
          && json.path("note").isTextual()
          && root != null
          && root.length == Hashing.BYTES) {
        return new Visit(
            json.path("vkey").asText(),
            json.path("size").asLong(),
            root,
            json.path("checkpoint_size").asLong(),
            json.path("note").asText());
      }
    } catch (IOException e) {
      throw new IOException("what is remembered in " + file + " is not readable", e);
    }
    throw new IOException("what is remembered in " + file + " is damaged");
  }

  /** Remembers a visit, unless another verifier saw a larger tree meanwhile. */
  void remember(String origin, Visit visit, Instant now) throws IOException {
    Files.createDirectories(directory);
    try (FileChannel lock =
            FileChannel.open(
                directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        var held = lock.lock()) {
      Visit earlier = held.isValid() ? recall(origin) : null;
      if (earlier != null && earlier.size() > visit.size()) {
        return;
      }
      replace(
          file(origin),
          JsonNodeFactory.instance
              .objectNode()
              .put("schema", SCHEMA)
              .put("origin", origin)
              .put("vkey", visit.vkey())
              .put("size", visit.size())
              .put("root", Base64.getEncoder().encodeToString(visit.root()))
              .put("checkpoint_size", visit.checkpointSize())
              .put("verified", now.toString())
              .put("note", visit.note())
              .toPrettyString());
    }
  }

  /** Keeps evidence of a fork in a file of its own and says where. */
  Path keep(Evidence evidence) throws IOException {
    Files.createDirectories(directory);
    String json = evidence.toJson().toPrettyString();
    String id = HexFormat.of().formatHex(Hashing.sha256(json.getBytes(UTF_8))).substring(0, 16);
    Path file = directory.resolve("fork-" + id + ".json");
    replace(file, json);
    return file;
  }

  private Path file(String origin) {
    String name = HexFormat.of().formatHex(Hashing.sha256(origin.getBytes(UTF_8)));
    return directory.resolve(name + ".json");
  }

  private static void replace(Path file, String text) throws IOException {
    DurableFile.replace(file, (text + "\n").getBytes(UTF_8));
  }
}
