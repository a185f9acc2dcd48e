package org.espalier.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.protocols.mask.Prg;
import org.espalier.protocols.mask.ZeroSumMasks;
import org.espalier.wire.Party;
import org.espalier.wire.Session;

/**
 * The seeds that a feature party shares with each other one while it serves: in memory only, and
 * agreed anew whenever one of the two starts to serve, so that one seed is never used with two
 * states of a data set. The party whose name sorts first chooses; the other asks.
 */
final class Pairs {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String ID = "[0-9a-f]{16}";

  private final Session session;
  private final Party self;
  private final SortedSet<Party> others;
  private final Map<Party, Seed> seeds = new TreeMap<>();
  private Masks masks;

  private record Seed(String id, byte[] bytes) {}

  /**
   * What answers are masked with.
   *
   * @param seeds names of the seeds, for comparison
   */
  record Masks(ZeroSumMasks zeroSum, Map<String, String> seeds) {}

  Pairs(Session session, Party self, SortedSet<Party> others) {
    this.session = session;
    this.self = self;
    this.others = others;
    build();
  }

  private void build() {
    Map<Party, byte[]> secrets = new TreeMap<>();
    Map<String, String> ids = new TreeMap<>();
    seeds.forEach(
        (party, seed) -> {
          secrets.put(party, seed.bytes);
          ids.put(party.name(), seed.id);
        });
    masks = new Masks(ZeroSumMasks.of(session, self, secrets), Map.copyOf(ids));
  }

  /**
   * @throws Problem if a seed is not agreed yet
   */
  synchronized Masks masks() {
    for (Party party : others) {
      if (!seeds.containsKey(party)) {
        throw Problem.wrongState(self + " and " + party + " have not agreed on masks yet");
      }
    }
    return masks;
  }

  /** The other feature parties whom this one asks for a seed. */
  SortedSet<Party> choosers() {
    return others.headSet(self);
  }

  synchronized ObjectNode question(Party chooser) {
    Seed seed = seeds.get(chooser);
    return Json.object().put("have", seed == null ? "" : seed.id);
  }

  /** At the chooser: a new seed, unless the asker has the present one. */
  synchronized ObjectNode answer(Party from, JsonNode question) {
    if (!others.contains(from) || self.compareTo(from) > 0) {
      throw Problem.refused(from + " does not ask " + self + " for a seed");
    }
    Seed seed = seeds.get(from);
    if (seed != null && seed.id.equals(question.path("have").asText())) {
      return Json.object().put("id", seed.id);
    }
    byte[] id = new byte[8];
    RANDOM.nextBytes(id);
    seed = new Seed(HexFormat.of().formatHex(id), Prg.freshSeed());
    seeds.put(from, seed);
    build();
    return Json.object().put("id", seed.id).put("seed", seed.bytes);
  }

  /** At the asker. */
  synchronized void answered(Party chooser, JsonNode answer) {
    Seed known = seeds.get(chooser);
    String id = answer.path("id").asText();
    if (known != null && known.id.equals(id)) {
      return;
    }
    byte[] bytes = null;
    try {
      JsonNode seed = answer.path("seed");
      bytes = seed.isBinary() || seed.isTextual() ? seed.binaryValue() : null;
    } catch (IOException notBase64) {
      // Refused below.
    }
    if (!id.matches(ID) || bytes == null || bytes.length != 32) {
      throw Problem.of(Problem.Kind.PARTNER, chooser + " sent no seed").at(chooser);
    }
    seeds.put(chooser, new Seed(id, bytes));
    build();
  }
}
