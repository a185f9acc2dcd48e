package org.espalier.he;

/** One block of encrypted residuals as received: checked, its uniform half expanded here. */
public final class EncryptedBlock extends NativeObject {
  private final HeContext context;

  EncryptedBlock(HeContext context, long handle) {
    super(handle);
    this.context = context;
  }

  HeContext context() {
    return context;
  }
}
