package org.espalier.node.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.node.store.Store;
import org.espalier.wire.Digests;

/**
 * Applications that may ask for scores, each with a token of 256 random bits, of which only the
 * SHA-256 is kept.
 */
public final class Clients {
  private static final String NAME = "[a-z0-9][a-z0-9.-]{0,62}";
  private static final String PREFIX = "silo_";
  private static final int MAX_TOKEN = 200;
  private static final int MOST = 100;

  private final Store store;
  private final SecureRandom random = new SecureRandom();
  private volatile List<Client> known;

  private record Client(String name, byte[] hash, String created) {}

  public Clients(Store store) {
    this.store = store;
    this.known = read();
  }

  private List<Client> read() {
    return store.all(
        "SELECT name, token_hash, created FROM scoring_clients ORDER BY name",
        row -> new Client(row.getString(1), row.getBytes(2), row.getString(3)));
  }

  /** {@code client, token}: the only time that the token is shown. */
  public synchronized ObjectNode add(String name) {
    if (!name.matches(NAME)) {
      throw Problem.of(Problem.Kind.USAGE, "a client's name matches " + NAME);
    }
    if (known.stream().anyMatch(client -> client.name.equals(name))) {
      throw Problem.wrongState("there is a client " + name + " already")
          .next("silo serve client remove " + name + ", for a new token");
    }
    if (known.size() >= MOST) {
      throw Problem.refused("there are " + MOST + " clients already")
          .next("silo serve client list");
    }
    byte[] secret = new byte[32];
    random.nextBytes(secret);
    String token = PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
    store.update(
        "INSERT INTO scoring_clients (name, token_hash, created) VALUES (?, ?, ?)",
        name,
        hash(token),
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    known = read();
    return Json.object().put("client", name).put("token", token);
  }

  public synchronized ObjectNode remove(String name) {
    if (store.update("DELETE FROM scoring_clients WHERE name = ?", name) == 0) {
      throw Problem.notFound("no client " + name).next("silo serve client list");
    }
    known = read();
    return Json.object().put("client", name).put("removed", true);
  }

  /** {@code clients[{client, created}]}. */
  public ObjectNode list() {
    ObjectNode json = Json.object();
    ArrayNode clients = json.putArray("clients");
    for (Client client : known) {
      clients.addObject().put("client", client.name).put("created", client.created);
    }
    return json;
  }

  /** Whose token that is. Takes as long whichever it is, and whether it is any. */
  Optional<String> holder(String token) {
    if (token.length() > MAX_TOKEN) {
      return Optional.empty();
    }
    byte[] hash = hash(token);
    String holder = null;
    for (Client client : known) {
      if (MessageDigest.isEqual(client.hash, hash)) {
        holder = client.name;
      }
    }
    return Optional.ofNullable(holder);
  }

  private static byte[] hash(String token) {
    return Digests.sha256().digest(token.getBytes(StandardCharsets.UTF_8));
  }
}
