package org.espalier.node.identity;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.UnrecoverableKeyException;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.List;
import org.espalier.node.Problem;

/** The encrypted PKCS#12 file with the identity key and the current TLS key. */
final class KeyFile {
  private static final String NAME = "silo.p12";
  private static final String IDENTITY = "identity";
  private static final String TLS = "tls";

  private final Path folder;
  private final Path file;
  private final char[] passphrase;

  /** What the file holds. */
  record Keys(PrivateKey identity, X509Certificate identityCertificate, TlsCredential tls) {
    @Override
    public String toString() {
      return "keys of " + identityCertificate.getSubjectX500Principal();
    }
  }

  KeyFile(Path folder, Passphrase passphrase) {
    this.folder = folder;
    this.file = folder.resolve(NAME);
    this.passphrase = passphrase.secret().clone();
  }

  /** Makes the folder for a new file. */
  void create() throws IOException {
    if (Files.exists(file)) {
      throw Problem.wrongState("this node has an identity already").detail(file.toString());
    }
    Files.createDirectories(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    requirePrivate();
  }

  private void requirePrivate() throws IOException {
    Passphrase.requireOwnerOnly(folder, "chmod 700 " + folder);
  }

  Keys load() throws IOException, GeneralSecurityException {
    if (!Files.isRegularFile(file)) {
      throw Problem.notFound("this node has no identity yet").detail(file + " is missing");
    }
    requirePrivate();
    Passphrase.requireOwnerOnly(file, "chmod 600 " + file);
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      store.load(in, passphrase);
    } catch (IOException e) {
      if (e.getCause() instanceof UnrecoverableKeyException) {
        throw Problem.refused("the passphrase does not open the key file, or it was changed")
            .detail(file.toString())
            .because(e);
      }
      throw e;
    }
    if (!(store.getKey(IDENTITY, passphrase) instanceof PrivateKey identity)
        || !(store.getKey(TLS, passphrase) instanceof PrivateKey tls)
        || !(store.getCertificate(IDENTITY) instanceof X509Certificate certificate)
        || !(store.getCertificate(TLS) instanceof X509Certificate leaf)) {
      throw Problem.refused("the key file is not complete").detail(file.toString());
    }
    return new Keys(identity, certificate, new TlsCredential(tls, List.of(leaf, certificate)));
  }

  /** Replaces the file in one step, so that a crash leaves the old one or the new one. */
  void save(Keys keys) throws IOException, GeneralSecurityException {
    requirePrivate();
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        IDENTITY, keys.identity(), passphrase, new Certificate[] {keys.identityCertificate()});
    store.setKeyEntry(
        TLS, keys.tls().key(), passphrase, keys.tls().chain().toArray(new Certificate[0]));
    Path fresh =
        Files.createTempFile(
            folder,
            NAME,
            ".new",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      try (OutputStream out = Files.newOutputStream(fresh)) {
        store.store(out, passphrase);
      }
      replace(file, fresh);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  /** Puts a file in the place of another in its folder; a crash leaves the old one or the new. */
  static void replace(Path file, Path fresh) throws IOException {
    try (FileChannel written = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
      written.force(true);
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (FileChannel entry = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
      entry.force(true);
    }
  }
}
