package org.espalier.node.daemon;

import java.io.IOException;
import org.espalier.node.Problem;
import org.espalier.node.config.KeysConfig;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.Passphrase;
import org.espalier.node.identity.TokenKey;

/** The passphrase of a node's key files, sealed by a token where {@code silo.yaml} names one. */
final class KeyPassphrase {
  private KeyPassphrase() {}

  /**
   * @throws Problem if it cannot be read, or the token does not open it
   */
  static Passphrase open(SiloHome home) {
    KeysConfig.Pkcs11 token = token(home);
    if (token == null) {
      return Passphrase.read(home.passphrase());
    }
    try (TokenKey key = key(home, token, false)) {
      return Passphrase.open(home.passphrase(), key);
    }
  }

  /**
   * Seals the passphrase by the token's key, which is made if it is not there; the node does not
   * run.
   *
   * @return the token that {@code silo.yaml} names
   * @throws Problem if it names none, the passphrase is sealed already, or the token refuses
   */
  @SuppressWarnings("try") // the lock is held, and nothing is asked of it
  static KeysConfig.Pkcs11 seal(SiloHome home) {
    KeysConfig.Pkcs11 token = token(home);
    if (token == null) {
      throw Problem.refused("silo.yaml names no token")
          .next("set keys: {pkcs11: {library: ..., pin_file: ...}} in " + home.config());
    }
    try (HomeLock unused = HomeLock.take(home);
        TokenKey key = key(home, token, true)) {
      Passphrase.seal(home.passphrase(), key);
      return token;
    } catch (IOException e) {
      throw Problem.refused("the passphrase cannot be sealed").detail(e.getMessage()).because(e);
    }
  }

  private static KeysConfig.Pkcs11 token(SiloHome home) {
    KeysConfig keys = home.exists() ? home.load().keys() : null;
    return keys == null ? null : keys.pkcs11();
  }

  private static TokenKey key(SiloHome home, KeysConfig.Pkcs11 token, boolean create) {
    try (Passphrase pin = Passphrase.pin(home.root().resolve(token.pinFile()))) {
      return TokenKey.open(token.library(), token.slot(), token.key(), pin, create);
    }
  }
}
