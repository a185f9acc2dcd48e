package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HexFormat;
import java.util.Map;
import org.espalier.node.Problem;
import org.espalier.node.config.Json;
import org.espalier.wire.Digests;
import org.espalier.wire.Party;

/** Names a trained model so that parties who hold different parts of it mean the same one. */
final class ServedModel {
  private ServedModel() {}

  /**
   * SHA-256 over the job, its attempt and what every party signed about it, which includes the
   * digests of all conversations: 64 hex digits, the same at all parties.
   *
   * @throws Problem if the job did not end here with everybody's receipt
   */
  static String digest(JobRun.Context context, String model) {
    Job job =
        context
            .jobs()
            .find(model)
            .filter(found -> found.state() == JobState.DONE)
            .orElseThrow(
                () ->
                    Problem.notFound("no finished training job " + model)
                        .at(context.peers().self())
                        .next("silo model list"));
    ObjectNode named = Json.object().put("job", job.id()).put("attempt", job.attempt());
    named.put("spec", HexFormat.of().formatHex(job.digest()));
    Map<Party, Jobs.Receipt> receipts = context.jobs().receipts(job.id(), job.attempt());
    if (!receipts.keySet().equals(job.spec().parties().keySet())) {
      throw Problem.wrongState("not all parties' receipts of " + model + " are here")
          .at(context.peers().self());
    }
    receipts.forEach(
        (party, receipt) ->
            named
                .withObject("receipts")
                .put(
                    party.name(),
                    HexFormat.of()
                        .formatHex(
                            Digests.sha256().digest(Receipts.statement(receipt.content())))));
    return HexFormat.of().formatHex(Json.digest(named));
  }
}
