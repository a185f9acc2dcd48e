package org.espalier.he;

/** One block of encrypted residuals as received: checked, its uniform half expanded here. */
public final class EncryptedBlock extends NativeObject {
  private final HeContext context;
  private final byte[] digest;

  EncryptedBlock(HeContext context, long handle, byte[] digest) {
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
