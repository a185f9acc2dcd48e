package org.espalier.node.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.espalier.node.config.Json;
import org.espalier.wire.Party;

/**
 * What came out of a demonstration.
 *
 * @param intersection people whom all parties know
 * @param level disclosure level of the training
 * @param converged whether training ended because it was near enough to the optimum
 * @param predictions new people scored; -1 if the scenario has none
 * @param auditVerified whether the logs of all nodes passed the offline check
 */
public record DemoResult(
    SortedMap<Party, Node> nodes,
    Party labelParty,
    int intersection,
    String level,
    int passes,
    boolean converged,
    Comparison comparison,
    Seconds seconds,
    List<Learned> learned,
    int predictions,
    boolean auditVerified) {

  /**
   * One party's node in the training job.
   *
   * @param sent bytes of all messages to partners
   * @param received bytes of all messages from partners
   * @param peakMemory largest resident memory of the process in bytes; -1 where the system does not
   *     tell
   */
  public record Node(long sent, long received, long peakMemory) {}

  /**
   * Wall time.
   *
   * @param align finding the common people, at the label party
   * @param train all passes, at the label party
   * @param total the whole demonstration, from the first node's key to the last log's check
   */
  public record Seconds(double align, double train, double total) {}

  /**
   * Something that a party knows afterwards, beyond its own data.
   *
   * @param learner a party's name, or {@code every party}
   */
  public record Learned(String learner, String text) {}

  public DemoResult {
    nodes = Collections.unmodifiableSortedMap(new TreeMap<>(nodes));
    learned = List.copyOf(learned);
  }

  /** The object that {@code silo demo --json} prints; its keys are documented in docs/demo.md. */
  public ObjectNode toJson() {
    ObjectNode json = Json.object();
    nodes.keySet().forEach(party -> json.withArray("parties").add(party.name()));
    json.put("labelParty", labelParty.name());
    json.put("intersection", intersection);
    json.put("level", level);
    json.put("passes", passes);
    json.put("converged", converged);
    json.putObject("evaluated")
        .put("heldOut", comparison.heldOut())
        .put("rows", comparison.rows())
        .put("positives", comparison.positives());
    ObjectNode metrics = json.putObject("metrics");
    metrics.set("federated", json(comparison.federated()));
    metrics.set("centralised", json(comparison.centralised()));
    metrics.set("labelPartyAlone", json(comparison.labelPartyAlone()));
    json.put("maxWeightDifference", comparison.maxWeightDifference());
    json.put("relativeWeightDifference", comparison.relativeWeightDifference());
    json.putObject("seconds")
        .put("align", seconds.align())
        .put("train", seconds.train())
        .put("total", seconds.total());
    ObjectNode bytes = json.putObject("bytes");
    ObjectNode memory = json.putObject("peakMemoryBytes");
    nodes.forEach(
        (party, node) -> {
          bytes.putObject(party.name()).put("sent", node.sent()).put("received", node.received());
          memory.put(party.name(), node.peakMemory());
        });
    learned.forEach(
        fact ->
            json.withArray("learned")
                .addObject()
                .put("learner", fact.learner())
                .put("text", fact.text()));
    if (predictions >= 0) {
      json.put("predictions", predictions);
    }
    json.put("auditVerified", auditVerified);
    return json;
  }

  private static ObjectNode json(Comparison.Figures figures) {
    return Json.object()
        .put("auc", figures.auc())
        .put("ks", figures.ks())
        .put("logLoss", figures.logLoss());
  }
}
