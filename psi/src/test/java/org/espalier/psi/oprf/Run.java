package org.espalier.psi.oprf;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.Parties;
import org.espalier.psi.Tampering;
import org.espalier.psi.keys.KeySource;
import org.espalier.wire.Message;
import org.espalier.wire.WireException;

/** Both parties of an alignment by an oblivious pseudorandom function. */
final class Run extends Parties {
  /** Where nothing is spilled. */
  private static final Path NONE = Path.of(".");

  int largestBatch = VoleShape.LARGEST;
  boolean checked;

  Run(KeySource... sources) {
    super(sources);
  }

  @Override
  protected AlignmentProtocol protocol(Path folder) {
    return new OprfAlignment(largestBatch, checked);
  }

  /**
   * One party sends something else in place of messages of one class; the other refuses it, names
   * it and says why.
   *
   * @return how each party failed
   */
  <M extends Message> List<Throwable> refuses(
      int culprit, Class<M> type, Function<M, Message> change, String what) throws Exception {
    channels.put(
        culprit,
        channel ->
            new Tampering(
                channel, m -> List.of(type.isInstance(m) ? change.apply(type.cast(m)) : m)));
    List<Throwable> failures = fail(NONE);
    assertThat(failures.get(1 - culprit))
        .as(failures.toString())
        .isInstanceOf(WireException.ProtocolViolation.class)
        .hasMessageStartingWith(parties.get(culprit) + " broke the protocol: ")
        .hasMessageContaining(what);
    return failures;
  }
}
