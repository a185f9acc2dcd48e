package org.espalier.psi.ecdh;

import java.nio.file.Path;
import java.time.Duration;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.Parties;
import org.espalier.psi.keys.KeySource;

/** All parties of an alignment by commutative encryption. */
final class Run extends Parties {
  Duration keepAlive = Duration.ofSeconds(1);

  Run(KeySource... sources) {
    super(sources);
  }

  @Override
  protected AlignmentProtocol protocol(Path folder) {
    return new EcdhAlignment(folder, keepAlive);
  }
}
