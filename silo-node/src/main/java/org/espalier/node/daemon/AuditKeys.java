package org.espalier.node.daemon;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.spec.EdECPrivateKeySpec;
import java.security.spec.NamedParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.util.SubjectPublicKeyInfoFactory;
import org.espalier.audit.checkpoint.AuditKey;
import org.espalier.audit.checkpoint.NoteSigner;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.NodeIdentity;
import org.espalier.node.identity.Passphrase;
import org.espalier.wire.Party;

/**
 * The keys that sign a node's audit log, another one than the identity's with the same passphrase,
 * and partners' logs as their witness.
 */
final class AuditKeys {
  private AuditKeys() {}

  static Path file(SiloHome home) {
    return home.keys().resolve("audit.key");
  }

  /** The key of a log that is to take the place of the present one. */
  static Path next(SiloHome home) {
    return home.keys().resolve("audit.key.next");
  }

  /** Makes a new key; the keys folder and the passphrase exist. */
  static NoteSigner create(SiloHome home, Party party) throws IOException {
    return create(home, file(home), Witnesses.logs(party) + 1);
  }

  /** Makes the key of another log in a file of its own. */
  static NoteSigner create(SiloHome home, Path file, String name) throws IOException {
    try (Passphrase passphrase = KeyPassphrase.open(home)) {
      return AuditKey.create(file, name, NoteSigner.Use.LOG, passphrase.secret());
    }
  }

  /**
   * @throws Problem if the file is missing, readable by others or damaged, or the passphrase wrong
   */
  static NoteSigner open(SiloHome home) {
    try (Passphrase passphrase = KeyPassphrase.open(home)) {
      return AuditKey.open(file(home), passphrase.secret());
    } catch (IOException e) {
      throw Problem.refused("cannot open the key of the audit log")
          .detail(e.getMessage())
          .because(e);
    }
  }

  /**
   * That of this node as a witness. It follows from the identity's key, which stands behind what it
   * says to partners anyway.
   */
  static NoteSigner witness(NodeIdentity identity) {
    byte[] seed = identity.secret("witness of partners' logs");
    try {
      Ed25519PrivateKeyParameters key = new Ed25519PrivateKeyParameters(seed);
      KeyFactory keys = KeyFactory.getInstance("Ed25519");
      byte[] spki =
          SubjectPublicKeyInfoFactory.createSubjectPublicKeyInfo(key.generatePublicKey())
              .getEncoded();
      KeyPair pair =
          new KeyPair(
              keys.generatePublic(new X509EncodedKeySpec(spki)),
              keys.generatePrivate(new EdECPrivateKeySpec(NamedParameterSpec.ED25519, seed)));
      return NoteSigner.of(Witnesses.name(identity.party()), NoteSigner.Use.WITNESS, pair);
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("every Java 17 platform has Ed25519", e);
    } finally {
      Arrays.fill(seed, (byte) 0);
    }
  }

  /** The public half as the line that verifiers take. */
  static String verifierKey(SiloHome home) {
    try {
      return AuditKey.vkey(file(home));
    } catch (IOException e) {
      throw Problem.notFound("no key of an audit log in " + home.root())
          .detail(e.getMessage())
          .because(e);
    }
  }
}
