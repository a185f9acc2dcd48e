package org.espalier.psi;

import java.util.List;
import java.util.Map;
import org.espalier.psi.keys.KeySource;
import org.espalier.wire.Channel;
import org.espalier.wire.Party;
import org.espalier.wire.Progress;

/**
 * A way to find the people whom all parties of a job know. Every party runs {@link #align} at the
 * same time and gets its own rows of the cohort in one common order.
 */
public interface AlignmentProtocol {
  /** The name in job files, for example {@code ecdh}. */
  String name();

  /** What each party learns beyond its own input, in plain words, for plan, review and report. */
  List<LeakStatement> leaks(List<Party> parties, AlignmentPolicy policy);

  /**
   * Runs the protocol to its end.
   *
   * <p>If this party stops for any reason other than {@link AlignmentException.BelowMinimum}, all
   * {@code channels} have been aborted with a reason when the exception arrives here.
   *
   * @param channels to every other party of the job
   * @param source this party's table; scanned several times
   * @throws AlignmentException if this party's input or the agreed minimum forbids to go on
   * @throws org.espalier.wire.WireException if a peer breaks the protocol, stops or is gone
   */
  Alignment align(
      AlignmentJob job, Map<Party, Channel> channels, KeySource source, Progress progress);
}
