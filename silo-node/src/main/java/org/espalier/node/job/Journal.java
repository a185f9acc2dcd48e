package org.espalier.node.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Set;
import java.util.function.Consumer;
import org.espalier.node.Problem;

/**
 * The audit log as the job engine sees it: what is about to be done is durable before it is done,
 * and what became of it afterwards.
 *
 * <p>Facts hold no identifiers of people, values or secrets. Keys: {@code job, attempt, spec};
 * {@code by} the partner that asked, absent for the own operator; {@code signer, meaning,
 * signature, policy} of a decision; {@code phase_name, protocol, parameters, inputs, outputs,
 * transcripts, bytes} of a phase; {@code partner, receipt, checkpoint} of a receipt.
 */
public interface Journal {
  String PASS = "disclosure.pass";
  String ALIGNMENT = "disclosure.alignment";

  /** Facts about online scoring: {@code protocol, parameters, recipients}. */
  String SCORING_STARTED = "scoring.started";

  String SCORING_RESERVED = "scoring.reserved";
  String SCORING_ANSWERED = "scoring.answered";

  /**
   * An alignment that was counted, as the log holds it.
   *
   * @param at when it began
   * @param began the attempt in which what it tells of was begun: a later one may have gone on
   * @param round how many alignments of the job on this file had ended with a cohort when it began
   * @param dataset this node's, by name
   * @param commitment keyed digest of its file
   * @param parties names of all parties, sorted
   * @param keys names the set of keys that this node brought; empty if it was not kept
   */
  record Alignment(
      Instant at,
      String job,
      long began,
      long round,
      String dataset,
      String commitment,
      String parties,
      String keys) {}

  /**
   * A pass that was counted, as the log holds it.
   *
   * @param commitment keyed digest of this node's file
   * @param parties names of all parties, sorted
   * @param numbers that it opens of each person, 1 or more
   */
  record Pass(String job, long attempt, String commitment, String parties, int numbers) {}

  /**
   * Announces an act.
   *
   * @param type {@code job.propose}, {@code job.approve}, {@code job.deny}, {@code job.abort},
   *     {@code job.run}, {@code job.phase} or {@code job.reveal}
   * @throws org.espalier.node.Problem if the log cannot be written; then nothing may be done
   */
  Act intent(String type, ObjectNode facts);

  /** Does what is announced, and logs the outcome whatever it is. */
  default void during(String type, ObjectNode facts, Runnable act) {
    Act announced = intent(type, facts);
    try {
      act.run();
    } catch (RuntimeException | Error e) {
      try {
        announced.failed(e instanceof Problem problem ? problem.kind().code() : "internal", facts);
      } catch (RuntimeException notLogged) {
        e.addSuppressed(notLogged);
      }
      throw e;
    }
    announced.ok(facts);
  }

  /**
   * Notes what a partner did: {@code job.approve}, {@code job.deny} or {@code job.receipt}; or that
   * a pass begins which counts: {@link #PASS}, with {@code pass}, {@code parties} (all names,
   * sorted) and, if they are several, {@code numbers} among its parameters and one input; or that
   * an alignment begins which counts: {@link #ALIGNMENT}, with {@code parties}, {@code round},
   * {@code began} if it goes on with what an earlier attempt began, and {@code own_keys} if they
   * were kept among its parameters and one input.
   *
   * @throws org.espalier.node.Problem if the log cannot be written
   */
  void fact(String type, ObjectNode facts);

  /**
   * Reads the passes that the log holds, oldest first.
   *
   * @param from number of events that were read before
   * @return number of events read by now, for the next call
   * @throws org.espalier.node.Problem if the log cannot be read; then nothing that depends on the
   *     count may be done
   */
  long passes(long from, Consumer<Pass> reader);

  /** Reads the alignments that the log holds, as {@link #passes} reads passes. */
  long alignments(long from, Consumer<Alignment> reader);

  /**
   * How many people predictions have scored since then, by the log.
   *
   * @throws org.espalier.node.Problem if the log cannot be read
   */
  long predictions(Instant since);

  /**
   * How much ε of label privacy trainings on a file have spent, by the log: each attempt that began
   * to train, by basic composition.
   *
   * @param commitments keyed digests by which the log may know the file
   * @throws org.espalier.node.Problem if the log cannot be read
   */
  BigDecimal labelEpsilon(Set<String> commitments);

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
