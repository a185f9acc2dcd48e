package org.espalier.psi.oprf;

import java.nio.file.Path;
import org.espalier.psi.AlignmentProtocol;
import org.espalier.psi.Parties;
import org.espalier.psi.keys.KeySource;

/** Both parties of an alignment by an oblivious pseudorandom function. */
final class Run extends Parties {
  int largestBatch = VoleShape.LARGEST;
  boolean checked;

  Run(KeySource... sources) {
    super(sources);
  }

  @Override
  protected AlignmentProtocol protocol(Path folder) {
    return new OprfAlignment(largestBatch, checked);
  }
}
