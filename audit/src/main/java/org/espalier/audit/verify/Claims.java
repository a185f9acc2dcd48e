package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads from the events of one party's log, in their order, what it says of jobs with one partner.
 * Not thread-safe.
 */
public final class Claims {
  private static final String OK = "ok";

  /** Longest text that is taken over; what an event cannot hold in order is left empty. */
  private static final int MAX_VALUE = 400;

  private record Open(String type, JsonNode event) {}

  private final String partner;
  private final Map<Long, Open> open = new TreeMap<>();
  private final List<Claim> claims = new ArrayList<>();

  /**
   * @param partner name of the other party
   */
  public Claims(String partner) {
    this.partner = partner;
  }

  /** Whether an event's type can matter here. */
  public static boolean concerns(String type) {
    for (Claim.Kind kind : Claim.Kind.values()) {
      if (kind.isSaidBy(type)) {
        return true;
      }
    }
    return false;
  }

  /** Takes the next event; those of other types are passed over. */
  public void add(long seq, JsonNode event) {
    String type = event.path("type").asText();
    if (!concerns(type)) {
      return;
    }
    switch (event.path("phase").asText()) {
      case "intent" -> open.put(seq, new Open(type, event));
      case "outcome" -> {
        Open intent = open.remove(event.path("ref").asLong(-1));
        if (intent != null) {
          claim(seq, intent.type, intent.event, event, event.path("outcome").asText());
        }
      }
      default -> claim(seq, type, event, event, OK);
    }
  }

  /** All claims, by place; acts under way without an outcome. */
  public List<Claim> all() {
    List<Claim> before = new ArrayList<>(claims);
    open.forEach((seq, intent) -> claim(seq, intent.type, intent.event, intent.event, ""));
    List<Claim> all = new ArrayList<>(claims);
    all.sort(Comparator.comparingLong(Claim::seq));
    claims.clear();
    claims.addAll(before);
    return all;
  }

  private void claim(long seq, String type, JsonNode intent, JsonNode outcome, String how) {
    JsonNode job = intent.path("job");
    Claim.Kind kind =
        switch (type) {
          case "job.proposed" -> Claim.Kind.PROPOSED;
          case "job.approved", "job.denied" -> Claim.Kind.DECIDED;
          case "job.started" -> Claim.Kind.STARTED;
          case "phase.started" -> Claim.Kind.PHASE;
          case "receipt" -> Claim.Kind.RECEIPT;
          default -> null;
        };
    if (kind == null || job.path("id").asText().isEmpty()) {
      return;
    }
    if (kind == Claim.Kind.PROPOSED && decision(intent.path("approvals")) != null) {
      // A proposal comes with its proposer's approval.
      claim(seq, "job.approved", intent, outcome, how);
    }
    String subject = "";
    String value = "";
    Claim.Stated stated = null;
    switch (kind) {
      case DECIDED -> {
        JsonNode approval = decision(intent.path("approvals"));
        if (approval == null) {
          return; // a person's word within the party
        }
        subject = approval.path("pseudonym").asText();
        value = approval.path("meaning").asText() + " " + approval.path("signature").asText();
      }
      case PHASE -> {
        subject = intent.path("step").asText();
        value = outcome.path("transcripts").path(partner).asText();
        if (value.isEmpty() && how.equals(OK)) {
          return; // one in which nothing was said to this partner
        }
      }
      case RECEIPT -> {
        subject = intent.path("partner").path("id").asText();
        if (!subject.equals(partner)) {
          return;
        }
        value = intent.path("receipt").asText();
        JsonNode tree = intent.path("peer_checkpoint");
        stated =
            tree.isObject()
                ? new Claim.Stated(
                    tree.path("origin").asText(),
                    tree.path("size").asLong(),
                    tree.path("root").asText())
                : null;
      }
      default -> {}
    }
    if (value.length() > MAX_VALUE) {
      value = "";
    }
    try {
      claims.add(
          new Claim(
              seq,
              job.path("id").asText(),
              kind,
              job.path("attempt").asLong(),
              subject,
              value,
              how,
              job.path("spec").asText(),
              outcome.path("time").asLong(),
              stated));
    } catch (IllegalArgumentException e) {
      // An event that no node writes; the verifier of the log says what it thinks of it.
      return;
    }
  }

  /** The party's own word among what persons may have signed as well; or null. */
  private static JsonNode decision(JsonNode approvals) {
    for (JsonNode approval : approvals) {
      String meaning = approval.path("meaning").asText();
      if (meaning.equals("approve") || meaning.equals("deny")) {
        return approval;
      }
    }
    return null;
  }

  /** By job, in the order of the jobs' first events. */
  static Map<String, List<Claim>> byJob(List<Claim> claims) {
    Map<String, List<Claim>> jobs = new LinkedHashMap<>();
    claims.forEach(claim -> jobs.computeIfAbsent(claim.job(), job -> new ArrayList<>()).add(claim));
    return jobs;
  }

  /** An attempt's outcome at a party: empty while it runs, null if there is none. */
  static Map<Long, String> attempts(List<Claim> claims) {
    Map<Long, String> outcomes = new HashMap<>();
    for (Claim claim : claims) {
      if (claim.kind() == Claim.Kind.STARTED) {
        outcomes.put(claim.attempt(), claim.outcome());
      }
    }
    return outcomes;
  }
}
