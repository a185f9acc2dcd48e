package org.espalier.psi.oprf;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;

/**
 * Where a party keeps what {@link UnbalancedAlignment} uses again in later alignments. Bound by
 * whoever implements it to the partner and the match key, and what is {@link Kind#SERVED} to the
 * content of the own data set as well: of another one, nothing is there. Content is secret and must
 * not be changed by others.
 */
public interface ListStore {
  /** What there is to keep. */
  enum Kind {
    /** At the party that sends a list: the key under which it was made, and the order of rows. */
    SERVED,
    /** At the party that receives it: the list. */
    RECEIVED
  }

  /** Writes the content of a file. */
  @FunctionalInterface
  interface Content {
    void write(OutputStream out) throws IOException;
  }

  /**
   * What was kept last; empty if there is nothing, or nothing that can be used.
   *
   * @throws IOException from the stream, too, if it is not what was written
   */
  Optional<DataInputStream> open(Kind kind) throws IOException;

  /**
   * Keeps something in place of what was kept, durably and as a whole; nothing is kept of what
   * fails before its end.
   */
  void keep(Kind kind, Content content) throws IOException;
}
