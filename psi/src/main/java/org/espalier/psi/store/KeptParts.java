package org.espalier.psi.store;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;

/**
 * Where a party keeps an alignment that has begun, so that another attempt can go on with it: named
 * parts of each rule of the match key. Bound by whoever implements it to the job and to the content
 * of the own data set: of another job or data set nothing is there. Content is secret and must not
 * be changed by others.
 */
public interface KeptParts {
  /** Keeps nothing: every attempt begins anew. */
  KeptParts NONE =
      new KeptParts() {
        @Override
        public Optional<DataInputStream> open(int rule, String part) {
          return Optional.empty();
        }

        @Override
        public void keep(int rule, String part, Content content) throws IOException {
          content.write(OutputStream.nullOutputStream());
        }

        @Override
        public void forget(int rule) {}
      };

  /** Writes the content of a part. */
  @FunctionalInterface
  interface Content {
    void write(OutputStream out) throws IOException;
  }

  /**
   * What was kept under a name; empty if there is nothing.
   *
   * @param rule of the match key, from 0
   * @param part letters, digits and dashes
   * @throws IOException from the stream, too, if it is not what was written
   */
  Optional<DataInputStream> open(int rule, String part) throws IOException;

  /**
   * Keeps a part in place of what had its name, durably and as a whole; nothing is kept of what
   * fails before its end.
   */
  void keep(int rule, String part, Content content) throws IOException;

  /** Deletes all parts of this rule and later ones. */
  void forget(int rule) throws IOException;

  /** An attempt begins a rule with new secrets, of which nothing has left. */
  default void begins(int rule) {}

  /**
   * An attempt goes on with a rule that an earlier one began, on the same rows and with the same
   * secrets; nothing of it has left in this one.
   *
   * @param attempt that began it
   * @param elements of all lists that need not be received again
   */
  default void goesOn(int rule, int attempt, long elements) {}
}
