package org.espalier.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * The figures of one training of one system, comparable between systems.
 *
 * @param system name, with its protocol
 * @param network "loopback", or the shape of the relay
 * @param seconds wall time from "both have their data" to the end of training
 * @param megabytes both ways together; how they were counted depends on the system
 * @param bytesCounted how
 * @param peakBytesLabel largest resident memory of the label party's process
 * @param rounds passes or epochs that ran
 * @param model what was trained
 * @param reached whether the aim was reached before a cap
 * @param extrapolated what was measured where seconds, processor time and bytes are computed from
 *     that; empty where they are measured themselves
 * @param learned by whom, beyond the model
 */
record Run(
    String system,
    String network,
    double seconds,
    double cpuSeconds,
    double megabytes,
    String bytesCounted,
    long peakBytesLabel,
    long peakBytesFeature,
    String rounds,
    Quality model,
    boolean reached,
    String extrapolated,
    String security,
    String trusts,
    List<String> learned,
    List<String> notes) {

  /**
   * @param logLoss on the training rows, nats
   * @param gap distance of that from the log-loss of the centralised optimum
   * @param holdoutLogLoss and {@code auc} on rows that were not trained on
   */
  record Quality(double logLoss, double gap, double holdoutLogLoss, double auc) {}

  Run with(String note) {
    List<String> all = new ArrayList<>(notes);
    all.add(note);
    return new Run(
        system,
        network,
        seconds,
        cpuSeconds,
        megabytes,
        bytesCounted,
        peakBytesLabel,
        peakBytesFeature,
        rounds,
        model,
        reached,
        extrapolated,
        security,
        trusts,
        learned,
        all);
  }

  long peakBytes() {
    return Math.max(peakBytesLabel, peakBytesFeature);
  }
}
