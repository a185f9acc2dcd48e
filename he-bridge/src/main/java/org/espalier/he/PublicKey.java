package org.espalier.he;

/** A peer's public key, for the fresh encryptions of zero that hide a reply. */
public final class PublicKey extends NativeObject {
  private final HeContext context;

  PublicKey(HeContext context, long handle) {
    super(handle);
    this.context = context;
  }

  HeContext context() {
    return context;
  }
}
