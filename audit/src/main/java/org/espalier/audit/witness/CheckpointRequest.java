package org.espalier.audit.witness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.espalier.audit.merkle.Hashing;
import org.espalier.audit.verify.Proofs;

/**
 * What a log asks of a witness.
 *
 * @param oldSize how far the witness has seen the log, as the log believes
 * @param proof that the tree of {@code checkpoint} continues that of {@code oldSize}; 32 bytes each
 * @param checkpoint signed by the log
 */
record CheckpointRequest(long oldSize, List<byte[]> proof, byte[] checkpoint) {
  static final int MAX_BYTES = 64 * 1024;

  private static final int MAX_DIGITS = 18;

  byte[] encode() {
    StringBuilder text = new StringBuilder("old " + oldSize + "\n");
    proof.forEach(hash -> text.append(Base64.getEncoder().encodeToString(hash)).append('\n'));
    return text.append('\n').append(new String(checkpoint, UTF_8)).toString().getBytes(UTF_8);
  }

  /**
   * @throws IllegalArgumentException if it is no request, or longer than any
   */
  static CheckpointRequest parse(byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException("a request of more than " + MAX_BYTES + " bytes");
    }
    String text = new String(bytes, UTF_8);
    int gap = text.indexOf("\n\n");
    String[] lines = gap < 0 ? new String[] {""} : text.substring(0, gap).split("\n", -1);
    if (!lines[0].matches("old (0|[1-9][0-9]{0," + (MAX_DIGITS - 1) + "})")
        || lines.length - 1 > Proofs.MAX_HASHES) {
      throw new IllegalArgumentException("not a request to a witness");
    }
    List<byte[]> proof = new ArrayList<>();
    for (int i = 1; i < lines.length; i++) {
      byte[] hash = Base64.getDecoder().decode(lines[i]);
      if (hash.length != Hashing.BYTES) {
        throw new IllegalArgumentException("a hash of " + hash.length + " bytes");
      }
      proof.add(hash);
    }
    return new CheckpointRequest(
        Long.parseLong(lines[0].substring("old ".length())),
        proof,
        text.substring(gap + 2).getBytes(UTF_8));
  }
}
