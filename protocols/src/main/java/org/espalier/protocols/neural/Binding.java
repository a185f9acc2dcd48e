package org.espalier.protocols.neural;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import org.espalier.wire.Digests;

/** A hash of everything that the label party has sent to all feature parties alike. */
final class Binding {
  private byte[] hash = new byte[32];

  /** Not a copy. */
  byte[] value() {
    return hash;
  }

  void add(long[] values) {
    byte[] bytes = new byte[Long.BYTES * values.length];
    ByteBuffer.wrap(bytes).asLongBuffer().put(values);
    add(bytes);
  }

  void add(byte[] bytes) {
    MessageDigest digest = Digests.sha256();
    digest.update(hash);
    digest.update(bytes);
    hash = digest.digest();
  }
}
