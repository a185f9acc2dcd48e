package org.espalier.node.daemon;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.node.data.TableSchema;
import org.espalier.node.identity.Fingerprint;
import org.espalier.node.identity.Partner;
import org.espalier.node.identity.SpokenWords;
import org.espalier.node.job.Job;
import org.espalier.node.link.LinkStatus;

/** The JSON that the command line gets of the node's things. */
final class Views {
  private Views() {}

  static ObjectNode job(Job job) {
    ObjectNode json = Json.object();
    json.put("id", job.id())
        .put("kind", job.spec().kind())
        .put("name", job.spec().name())
        .put("purpose", job.spec().purpose())
        .put("state", job.state().name())
        .put("attempt", job.attempt())
        .put("proposer", job.proposer().name())
        .put("digest", HexFormat.of().formatHex(job.digest()))
        .put("created", job.created().toString())
        .put("updated", job.updated().toString());
    job.cause().ifPresent(cause -> json.set("cause", cause.toJson()));
    ObjectNode decisions = json.putObject("decisions");
    job.decisions()
        .forEach(
            (party, decision) ->
                decisions
                    .putObject(party.name())
                    .put("approved", decision.approved())
                    .put("reason", decision.reason())
                    .put("at", decision.at().toString()));
    ArrayNode undecided = json.putArray("undecided");
    job.undecided().forEach(party -> undecided.add(party.name()));
    json.set("spec", job.spec().toJson());
    return json;
  }

  static ObjectNode dataset(Dataset dataset) {
    ObjectNode json = Json.object();
    json.put("name", dataset.name())
        .put("file", dataset.file().toString())
        .put("rows", dataset.scan().rows())
        .put("positives", dataset.scan().positives());
    ArrayNode columns = json.putArray("columns");
    for (int i = 0; i < dataset.schema().columns().size(); i++) {
      TableSchema.Column column = dataset.schema().columns().get(i);
      columns
          .addObject()
          .put("name", column.name())
          .put("type", column.type().name().toLowerCase(Locale.ROOT))
          .put("missing", dataset.scan().missing().get(i));
    }
    return json.put("sha256", dataset.scan().sha256()).put("added", dataset.added().toString());
  }

  /**
   * @param link how the link stands, if the partner is confirmed
   */
  static ObjectNode partner(Partner partner, Optional<LinkStatus> link) {
    ObjectNode json = Json.object();
    json.put("name", partner.party().name())
        .put("state", partner.state().name().toLowerCase(Locale.ROOT))
        .put("fingerprint", partner.pin().map(Fingerprint::toString).orElse(null))
        .put("words", partner.words().map(SpokenWords::toString).orElse(null))
        .put("url", partner.url() == null ? null : partner.url().toString())
        .put("connected", link.map(LinkStatus::connected).orElse(false));
    link.flatMap(LinkStatus::lastNews).ifPresent(age -> json.put("news_age_seconds", tenths(age)));
    link.flatMap(LinkStatus::rtt).ifPresent(rtt -> json.put("rtt_ms", millis(rtt)));
    link.flatMap(LinkStatus::clockSkew).ifPresent(skew -> json.put("skew_ms", skew.toMillis()));
    return json.put("detail", detail(partner, link));
  }

  private static String detail(Partner partner, Optional<LinkStatus> link) {
    return switch (partner.state()) {
      case INVITED -> "invitation is good until " + partner.invitation().expires();
      case PENDING ->
          "compare %s, then silo partner confirm %s"
              .formatted(partner.words().isPresent() ? "words" : "fingerprints", partner.party());
      case REVOKED -> "revoked " + partner.since();
      case CONFIRMED ->
          link.map(
                  status ->
                      switch (status.state()) {
                        case CONNECTED ->
                            status.peerVersion().map(v -> "runs version " + v).orElse("")
                                + (status.protocol().isPresent()
                                    ? ", protocol " + status.protocol().getAsInt()
                                    : "");
                        case DIALLING ->
                            status.problem().map(p -> "dialling: " + p).orElse("dialling");
                        case WAITING ->
                            "waits to be dialled: no address of " + partner.party() + " is known";
                      })
              .orElse("");
    };
  }

  static double millis(Duration duration) {
    return Math.round(duration.toNanos() / 1e4) / 100.0;
  }

  private static double tenths(Duration duration) {
    return Math.round(duration.toMillis() / 100.0) / 10.0;
  }
}
