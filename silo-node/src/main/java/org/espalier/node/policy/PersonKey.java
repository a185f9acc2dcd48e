package org.espalier.node.policy;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.PKCS8Generator;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8DecryptorProviderBuilder;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8EncryptorBuilder;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.espalier.node.Problem;
import org.espalier.node.config.SiloHome;
import org.espalier.node.identity.Passphrase;

/**
 * The key with which a person signs: Ed25519 in an encrypted PKCS#8 file (PBES2: PBKDF2 with
 * HMAC-SHA-512, AES-256-CBC) that the person keeps; the node knows the public key only, from its
 * policy.
 */
public final class PersonKey {
  private static final String PREFIX = "ed25519:";
  private static final int PUBLIC_BYTES = 32;
  private static final int MAX_FILE = 8192;

  /** OWASP's number for PBKDF2 with SHA-512. */
  private static final int ITERATIONS = 210_000;

  private static final BouncyCastleProvider PROVIDER = new BouncyCastleProvider();

  private final PrivateKey key;

  private PersonKey(PrivateKey key) {
    this.key = key;
  }

  /**
   * Makes a key in a new file that only its owner can read.
   *
   * @return the public key, as a policy has it
   */
  public static String generate(Path file, char[] passphrase) {
    try {
      KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
      JceOpenSSLPKCS8EncryptorBuilder encryptor =
          new JceOpenSSLPKCS8EncryptorBuilder(NISTObjectIdentifiers.id_aes256_CBC)
              .setProvider(PROVIDER)
              .setRandom(new SecureRandom())
              .setPRF(new AlgorithmIdentifier(PKCSObjectIdentifiers.id_hmacWithSHA512))
              .setIterationCount(ITERATIONS)
              .setPassword(passphrase);
      PKCS8Generator encrypted = new JcaPKCS8Generator(pair.getPrivate(), encryptor.build());
      StringWriter text = new StringWriter();
      try (JcaPEMWriter pem = new JcaPEMWriter(text)) {
        pem.writeObject(encrypted.generate());
      }
      SiloHome.createFile(
          file.toAbsolutePath(), text.toString().getBytes(StandardCharsets.US_ASCII));
      return text(pair.getPublic());
    } catch (FileAlreadyExistsException e) {
      throw Problem.refused("there is a file " + file + " already: keys are never written over")
          .because(e);
    } catch (Exception e) {
      throw Problem.refused("the key cannot be written").detail(e.getMessage()).because(e);
    }
  }

  /**
   * @throws Problem if the file is no such key, others can read it, or the passphrase is wrong
   */
  public static PersonKey open(Path file, char[] passphrase) {
    try {
      if (!Files.isRegularFile(file)) {
        throw Problem.notFound("no key file " + file).next("silo person create NAME --key " + file);
      }
      String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
      if (!mode.endsWith("------")) {
        throw Problem.refused("the key is readable by other users of this machine")
            .detail(file + " is " + mode)
            .next("chmod 600 " + file);
      }
      if (Files.size(file) > MAX_FILE) {
        throw Problem.refused(file + " is no key file");
      }
      Object read;
      try (PEMParser pem = new PEMParser(new StringReader(Files.readString(file)))) {
        read = pem.readObject();
      }
      if (!(read instanceof PKCS8EncryptedPrivateKeyInfo encrypted)) {
        throw Problem.refused(file + " is no encrypted key: BEGIN ENCRYPTED PRIVATE KEY");
      }
      PrivateKeyInfo info;
      try {
        info =
            encrypted.decryptPrivateKeyInfo(
                new JceOpenSSLPKCS8DecryptorProviderBuilder()
                    .setProvider(PROVIDER)
                    .build(passphrase));
      } catch (Exception e) {
        throw Problem.refused("the passphrase does not open " + file).because(e);
      }
      return new PersonKey(
          KeyFactory.getInstance("Ed25519")
              .generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded())));
    } catch (IOException | GeneralSecurityException e) {
      throw Problem.refused(file + " cannot be read as a key").detail(e.getMessage()).because(e);
    }
  }

  /** The same with a passphrase from a file that only its owner can read. */
  public static PersonKey open(Path file, Path passphraseFile) {
    try (Passphrase passphrase = Passphrase.read(passphraseFile)) {
      return open(file, passphrase.secret());
    }
  }

  /** As {@link #generate(Path, char[])}, with a passphrase of such a file. */
  public static String generate(Path file, Path passphraseFile) {
    try (Passphrase passphrase = Passphrase.read(passphraseFile)) {
      return generate(file, passphrase.secret());
    }
  }

  byte[] sign(byte[] statement) {
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(key);
      signature.update(statement);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether the owner of a public key signed these bytes. */
  static boolean verify(String key, byte[] statement, byte[] signature) {
    try {
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(publicKey(key));
      verifier.update(statement);
      return verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      return false; // a signature of another length, or a key that is no point
    }
  }

  static void requirePublic(String key) {
    try {
      PublicKey unused = publicKey(key);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("a key is ed25519: and Base64 of 32 bytes", e);
    }
  }

  private static PublicKey publicKey(String key) throws GeneralSecurityException {
    byte[] raw;
    try {
      raw =
          key == null || !key.startsWith(PREFIX)
              ? new byte[0]
              : Base64.getDecoder().decode(key.substring(PREFIX.length()));
    } catch (IllegalArgumentException e) {
      raw = new byte[0];
    }
    // One text for each key: two are compared to tell people apart.
    if (raw.length != PUBLIC_BYTES
        || !key.equals(PREFIX + Base64.getEncoder().encodeToString(raw))) {
      throw new IllegalArgumentException("a key is ed25519: and Base64 of 32 bytes");
    }
    try {
      byte[] encoded =
          new SubjectPublicKeyInfo(new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519), raw)
              .getEncoded();
      return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String text(PublicKey key) {
    byte[] encoded = key.getEncoded();
    return PREFIX
        + Base64.getEncoder()
            .encodeToString(
                Arrays.copyOfRange(encoded, encoded.length - PUBLIC_BYTES, encoded.length));
  }
}
