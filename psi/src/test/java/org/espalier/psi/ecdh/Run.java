package org.espalier.psi.ecdh;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.Parties;
import org.espalier.psi.keys.KeySource;
import org.espalier.psi.store.KeptParts;

/** All parties of an alignment by commutative encryption. */
final class Run extends Parties {
  Duration keepAlive = Duration.ofSeconds(1);
  int chunk = Messages.CHUNK;

  /** What each party keeps; empty if nothing. */
  final List<KeptParts> kept = new ArrayList<>();

  Run(KeySource... sources) {
    super(sources);
  }

  @Override
  protected AlignmentProtocol protocol(Path folder) {
    return new EcdhAlignment(folder, KeptParts.NONE, keepAlive, chunk);
  }

  @Override
  protected AlignmentProtocol protocol(int self, Path folder) {
    return kept.isEmpty()
        ? protocol(folder)
        : new EcdhAlignment(folder, kept.get(self), keepAlive, chunk);
  }
}
