package org.espalier.he;

/** A peer's public key, for the fresh encryptions of zero that hide a reply. */
public final class PublicKey extends NativeObject {
  private final HeContext context;
  private final byte[] digest;

  PublicKey(HeContext context, long handle, byte[] digest) {
    super(handle);
    this.context = context;
    this.digest = digest;
  }

  /** SHA-256 of the bytes that were received. */
  byte[] digest() {
    return digest;
  }

  HeContext context() {
    return context;
  }
}
