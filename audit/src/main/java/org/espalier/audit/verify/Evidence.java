package org.espalier.audit.verify;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Proof that a log's key signed two histories: both notes carry its signature, and the trees they
 * state exclude each other. Anyone with the verifier key can check the signatures; the entries at
 * hand show the contradiction.
 *
 * @param origin the log
 * @param vkey the key that signed both
 * @param first the note that was seen first
 * @param second the note that contradicts it
 * @param text what the contradiction is, in words
 */
public record Evidence(String origin, String vkey, String first, String second, String text) {
  /** As JSON, with schema {@code espalier.audit-fork/1}. */
  public ObjectNode toJson() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("schema", "espalier.audit-fork/1")
        .put("origin", origin)
        .put("vkey", vkey)
        .put("contradiction", text)
        .put("first", first)
        .put("second", second);
  }
}
