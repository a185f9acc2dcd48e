package org.espalier.node.identity;

import java.io.IOException;
import java.nio.file.Path;
import java.security.AuthProvider;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Provider;
import java.security.ProviderException;
import java.security.SecureRandom;
import java.security.Security;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.security.auth.login.LoginException;
import org.espalier.node.Problem;

/**
 * An AES-256 key that is made in a PKCS#11 token and cannot leave it. It seals small secrets by
 * AES-GCM: what opens a file that was copied is the token.
 *
 * <p>Identity keys themselves cannot be in a token, because the provider of PKCS#11 in the Java
 * platform knows no Ed25519.
 */
public final class TokenKey implements AutoCloseable {
  private static final String CIPHER = "AES/GCM/NoPadding";
  private static final int KEY_BITS = 256;
  private static final int IV_BYTES = 12;
  private static final int TAG_BITS = 128;

  private final Provider token;
  private final SecretKey key;
  private final String label;

  private TokenKey(Provider token, SecretKey key, String label) {
    this.token = token;
    this.key = key;
    this.label = label;
  }

  /**
   * Logs in to a token and finds the key.
   *
   * @param library the module of the token's maker
   * @param slot its number; null for the first one
   * @param create whether to make the key if there is none of that label
   * @throws Problem if the module cannot be loaded, the PIN is wrong, or there is no such key
   */
  public static TokenKey open(
      Path library, Long slot, String label, Passphrase pin, boolean create) {
    Provider token = load(library, slot);
    try {
      KeyStore store = KeyStore.getInstance("PKCS11", token);
      store.load(null, pin.secret());
      if (create && !store.containsAlias(label)) {
        KeyGenerator generator = KeyGenerator.getInstance("AES", token);
        generator.init(KEY_BITS);
        store.setEntry(label, new KeyStore.SecretKeyEntry(generator.generateKey()), null);
      }
      if (!(store.getKey(label, null) instanceof SecretKey key)) {
        throw Problem.notFound("no secret key '" + label + "' in the token")
            .next("check keys.pkcs11 in silo.yaml; silo keys seal makes the key of a new token");
      }
      if (key.getEncoded() != null) {
        throw Problem.refused("the key '" + label + "' can be read out of the token")
            .next("name another one in silo.yaml (keys.pkcs11.key), which silo keys seal makes");
      }
      return new TokenKey(token, key, label);
    } catch (IOException | GeneralSecurityException | ProviderException e) {
      throw Problem.refused("the token does not let the node in").detail(reason(e)).because(e);
    }
  }

  private static Provider load(Path library, Long slot) {
    Provider builtIn = Security.getProvider("SunPKCS11");
    if (builtIn == null) {
      throw Problem.refused("this Java has no provider of PKCS#11 (module jdk.crypto.cryptoki)");
    }
    try {
      return builtIn.configure(
          """
          --name = espalier
          library = "%s"
          %s
          attributes(generate, CKO_SECRET_KEY, *) = {
            CKA_SENSITIVE = true
            CKA_EXTRACTABLE = false
            CKA_ENCRYPT = true
            CKA_DECRYPT = true
          }
          """
              .formatted(library, slot == null ? "slotListIndex = 0" : "slot = " + slot));
    } catch (ProviderException e) {
      throw Problem.refused("the token cannot be reached by " + library)
          .detail(reason(e))
          .because(e);
    }
  }

  private static String reason(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }

  /**
   * Seals a secret.
   *
   * @param purpose must be the same to open it
   */
  byte[] seal(byte[] secret, byte[] purpose) {
    byte[] iv = new byte[IV_BYTES];
    new SecureRandom().nextBytes(iv);
    try {
      byte[] sealed = run(Cipher.ENCRYPT_MODE, iv, purpose, secret);
      byte[] whole = Arrays.copyOf(iv, IV_BYTES + sealed.length);
      System.arraycopy(sealed, 0, whole, IV_BYTES, sealed.length);
      return whole;
    } catch (GeneralSecurityException | ProviderException e) {
      throw Problem.refused("the key '" + label + "' of the token does not seal")
          .detail(reason(e))
          .because(e);
    }
  }

  /**
   * Opens what {@link #seal} made.
   *
   * @throws Problem if another key sealed it, or it was changed
   */
  byte[] open(byte[] whole, byte[] purpose) {
    if (whole.length < IV_BYTES + TAG_BITS / Byte.SIZE) {
      throw Problem.refused("what the token is to open is not complete");
    }
    try {
      return run(
          Cipher.DECRYPT_MODE,
          Arrays.copyOf(whole, IV_BYTES),
          purpose,
          Arrays.copyOfRange(whole, IV_BYTES, whole.length));
    } catch (AEADBadTagException e) {
      throw Problem.refused(
              "the key '" + label + "' of the token did not seal this, or it was changed")
          .because(e);
    } catch (GeneralSecurityException | ProviderException e) {
      throw Problem.refused("the key '" + label + "' of the token does not open")
          .detail(reason(e))
          .because(e);
    }
  }

  private byte[] run(int mode, byte[] iv, byte[] purpose, byte[] text)
      throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance(CIPHER, token);
    cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, iv));
    cipher.updateAAD(purpose);
    return cipher.doFinal(text);
  }

  /** Logs out of the token. */
  @Override
  public void close() {
    try {
      if (token instanceof AuthProvider login) {
        login.logout();
      }
    } catch (LoginException e) {
      throw Problem.refused("cannot log out of the token").detail(reason(e)).because(e);
    }
  }
}
