package org.espalier.node.config;

import java.nio.file.Path;

/**
 * What the node's keys are sealed by beside the passphrase.
 *
 * @param pkcs11 the token whose key seals the passphrase; null: the passphrase lies in its file as
 *     it is
 */
public record KeysConfig(Pkcs11 pkcs11) {
  /**
   * A token that is reached by PKCS#11, such as a hardware security module.
   *
   * @param library the module of its maker, a path from the root
   * @param slot number of the token's slot, as its tools print it; null: the first one
   * @param key label of the key in the token
   * @param pinFile file with the user's PIN that only its owner can read, relative to the node's
   *     folder
   */
  public record Pkcs11(Path library, Long slot, String key, Path pinFile) {
    public Pkcs11 {
      if (library == null
          || !library.isAbsolute()
          || !library.toString().matches("[^\"\\p{Cntrl}]+")) {
        throw new IllegalArgumentException(
            "keys.pkcs11.library is the path of a module, from the root");
      }
      if (slot != null && slot < 0) {
        throw new IllegalArgumentException("keys.pkcs11.slot is a number from 0");
      }
      key = key == null ? "silo" : key;
      if (!key.matches("[a-zA-Z0-9._-]{1,32}")) {
        throw new IllegalArgumentException(
            "keys.pkcs11.key is a label of up to 32 letters, digits, dots, dashes and underscores");
      }
      if (pinFile == null) {
        throw new IllegalArgumentException("keys.pkcs11.pin_file is missing");
      }
    }
  }
}
