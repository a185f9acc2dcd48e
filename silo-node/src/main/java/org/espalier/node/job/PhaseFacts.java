package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collection;
import java.util.List;
import org.espalier.audit.event.EventBuilder;
import org.espalier.node.config.Json;
import org.espalier.node.data.Dataset;
import org.espalier.wire.Party;

/** What the audit log holds of a phase: protocol, parameters, what goes in and what comes out. */
public final class PhaseFacts {
  private PhaseFacts() {}

  static ObjectNode of(String protocol, String version, ObjectNode parameters) {
    ObjectNode facts = Json.object().put("protocol", protocol).put("version", version);
    facts.set("parameters", parameters);
    return facts;
  }

  /** Adds a data set that is read. */
  static ObjectNode input(
      ObjectNode facts, JobRun run, Dataset dataset, Collection<String> columns) {
    return input(facts, run.context(), dataset, columns);
  }

  static ObjectNode input(
      ObjectNode facts, JobRun.Context context, Dataset dataset, Collection<String> columns) {
    ArrayNode inputs = facts.withArray("inputs");
    ObjectNode input = inputs.addObject().put("dataset", dataset.name());
    input.put("version", dataset.added().toString());
    input.put("rows", bucket(dataset.scan().rows()));
    input.put("commitment", context.datasets().commitment(dataset.name()));
    columns.forEach(input.putArray("columns")::add);
    return facts;
  }

  /**
   * Adds something produced or revealed.
   *
   * @param scalars how many numbers the recipients learn
   */
  static ObjectNode output(
      ObjectNode facts, String kind, long rows, long scalars, List<Party> recipients) {
    ObjectNode output = facts.withArray("outputs").addObject().put("kind", kind);
    output.put("rows", bucket(rows)).put("scalars", scalars);
    recipients.forEach(party -> output.withArray("recipients").add(party.name()));
    return facts;
  }

  /** A count as the log may hold it: between which of 1, 2, 5, 10, 20 and so on it lies. */
  public static String bucket(long count) {
    return EventBuilder.bucket(count);
  }
}
