package org.espalier.node.cohort;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;

/**
 * A frozen alignment as one node keeps it, without the rows. What all parties know of it is in
 * {@link #digest}; the data set is this node's own.
 *
 * @param digest 64 hex digits, the same at all parties: SHA-256 of the canonical JSON of {@code
 *     {cohort: 1, parties, match, size, alignment}}. The alignment's own digest is bound to job,
 *     approved content and attempt, so that no two runs have the same
 * @param job that aligned
 * @param parties all, this one included
 * @param size people
 * @param alignment the digest that all parties confirmed at its end, hex
 * @param match digest of the match section: rules with the parties' columns, and duplicates
 * @param protocol by which it was aligned
 * @param dataset this node's, as it was called
 * @param sha256 of the data set's file
 * @param matchedByRule how many people each rule found
 */
public record Cohort(
    String digest,
    String job,
    int attempt,
    Instant created,
    SortedSet<Party> parties,
    int size,
    String alignment,
    String match,
    String protocol,
    String dataset,
    String sha256,
    List<Integer> matchedByRule) {
  /** A digest as jobs name it. */
  public static final String DIGEST = "[0-9a-f]{64}";

  public Cohort {
    parties = Collections.unmodifiableSortedSet(new TreeSet<>(parties));
    matchedByRule = List.copyOf(matchedByRule);
  }

  /** A new one; its digest follows from the rest. */
  public static Cohort of(
      String job,
      int attempt,
      SortedSet<Party> parties,
      int size,
      byte[] alignment,
      byte[] match,
      String protocol,
      String dataset,
      String sha256,
      List<Integer> matchedByRule) {
    String confirmed = HexFormat.of().formatHex(alignment);
    String rules = HexFormat.of().formatHex(match);
    return new Cohort(
        digest(parties, rules, size, confirmed),
        job,
        attempt,
        Instant.now(),
        parties,
        size,
        confirmed,
        rules,
        protocol,
        dataset,
        sha256,
        matchedByRule);
  }

  private static String digest(SortedSet<Party> parties, String match, int size, String alignment) {
    ObjectNode agreed = Json.object().put("cohort", 1).put("match", match).put("size", size);
    agreed.put("alignment", alignment);
    ArrayNode names = agreed.putArray("parties");
    parties.forEach(party -> names.add(party.name()));
    return HexFormat.of().formatHex(Json.digest(agreed));
  }

  /** Whether the digest is that of the content. */
  boolean isWhole() {
    return digest.equals(digest(parties, match, size, alignment));
  }

  /** The beginning of the digest, for people. */
  public String shortDigest() {
    return digest.substring(0, 16);
  }
}
