package org.espalier.node.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.espalier.node.link.LinkStatus;

/**
 * What the node is asked for at each scrape.
 *
 * @param version this program's
 * @param started when the node was started
 * @param certificateEnds when the TLS certificate ends
 * @param ready by what the node needs for work whether it is all right
 * @param halted whether the operator has stopped everything
 * @param links one per confirmed partner
 * @param jobs how many are in each state, states without jobs included
 * @param waitForApproval proposals on which this node has not decided
 * @param running jobs that run here
 * @param auditEvents durable events of the audit log
 * @param auditBytes of its folder
 * @param witnessed when each partner last signed how far this node's log has come
 * @param datasets registered here
 * @param diskFree bytes that the node may still write in its folder
 * @param diskSize bytes of the file system that holds it
 * @param scoring {@code serving, requests{outcome}, latency_ms{sum, count, buckets}}
 */
public record Readings(
    String version,
    Instant started,
    Instant certificateEnds,
    Map<String, Boolean> ready,
    boolean halted,
    List<LinkStatus> links,
    Map<String, Integer> jobs,
    int waitForApproval,
    List<Running> running,
    long auditEvents,
    long auditBytes,
    Map<String, Instant> witnessed,
    int datasets,
    long diskFree,
    long diskSize,
    JsonNode scoring) {

  /**
   * A job that runs here.
   *
   * @param progress as {@code silo job status} shows it
   */
  public record Running(String job, JsonNode progress) {}
}
