package org.espalier.he;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;

/**
 * The seeds that a peer has used in a job. Two ciphertexts with one seed would share their uniform
 * half, and the difference of two replies would lose its protection. Thread-safe.
 */
public final class SeedRegistry {
  static final int SEED_BYTES = 64;

  private final Set<ByteBuffer> used = new HashSet<>();

  synchronized void use(byte[] seed) {
    if (!used.add(ByteBuffer.wrap(seed))) {
      throw new MalformedCiphertextException("a seed was used twice in this job");
    }
  }
}
