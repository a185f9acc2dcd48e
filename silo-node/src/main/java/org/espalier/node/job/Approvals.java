package org.espalier.node.job;

import org.espalier.wire.Encoder;
import org.espalier.wire.Party;

/** What a party signs when it approves or denies. */
final class Approvals {
  private Approvals() {}

  /** Length-prefixed, so that no two decisions have the same bytes. */
  static byte[] statement(String job, byte[] digest, Party party, boolean approved) {
    return new Encoder()
        .putString("espalier/decision/1")
        .putString(job)
        .putBytes(digest)
        .putString(party.name())
        .putByte(approved ? 1 : 0)
        .toByteArray();
  }
}
