package org.espalier.he;

/** Bytes from a peer are not a ciphertext, key or reply under the agreed parameters. */
public final class MalformedCiphertextException extends IllegalArgumentException {
  public MalformedCiphertextException(String message) {
    super(message);
  }
}
