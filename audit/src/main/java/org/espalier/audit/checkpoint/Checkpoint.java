package org.espalier.audit.checkpoint;

import java.util.Base64;

/**
 * A signed tree head: origin, number of leaves, root hash (32 bytes) and the signed note that
 * states them.
 *
 * @see <a href="https://c2sp.org/tlog-checkpoint">C2SP tlog-checkpoint</a>
 */
public record Checkpoint(String origin, long size, byte[] root, String note) {

  /** Signs a tree head under the signer's name as origin. */
  public static Checkpoint sign(NoteSigner signer, long size, byte[] root) {
    String text = signer.name() + "\n" + size + "\n" + rootBase64(root) + "\n";
    return new Checkpoint(signer.name(), size, root.clone(), signer.note(text));
  }

  /** A hash as notes write it. */
  public static String rootBase64(byte[] hash) {
    return Base64.getEncoder().encodeToString(hash);
  }
}
