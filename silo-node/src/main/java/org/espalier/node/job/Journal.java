package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The audit log as the job engine sees it: what is about to be done is durable before it is done,
 * and what became of it afterwards.
 *
 * <p>Facts hold no identifiers of people, values or secrets. Keys: {@code job, attempt, spec};
 * {@code by} the partner that asked, absent for the own operator; {@code signer, signature} of a
 * decision; {@code phase_name, protocol, parameters, inputs, outputs, transcripts, bytes} of a
 * phase; {@code partner, receipt, checkpoint} of a receipt.
 */
public interface Journal {
  /**
   * Announces an act.
   *
   * @param type {@code job.propose}, {@code job.approve}, {@code job.deny}, {@code job.abort},
   *     {@code job.run}, {@code job.phase} or {@code job.reveal}
   * @throws org.espalier.node.Problem if the log cannot be written; then nothing may be done
   */
  Act intent(String type, ObjectNode facts);

  /**
   * Notes what a partner did: {@code job.approve}, {@code job.deny} or {@code job.receipt}.
   *
   * @throws org.espalier.node.Problem if the log cannot be written
   */
  void fact(String type, ObjectNode facts);

  /**
   * Signs the log as it is.
   *
   * @return {@code {origin, size, root}}
   * @throws org.espalier.node.Problem if the log cannot be written
   */
  ObjectNode checkpoint();

  /** Something under way. */
  interface Act {
    void ok(ObjectNode facts);

    /**
     * @param reason a short code such as {@code aborted} or {@code failed}
     */
    void failed(String reason, ObjectNode facts);
  }
}
