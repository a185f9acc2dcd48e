package org.espalier.he;

import org.espalier.he.nativelib.Native;

/**
 * A secret key and what its holder does with it. Ternary secret, seeded symmetric encryption
 * (centred binomial errors). Overwritten when closed. Thread-safe.
 */
public final class KeyPair extends NativeObject {
  private final HeContext context;
  private final byte[] publicKey;

  KeyPair(HeContext context, long handle) {
    super(handle);
    this.context = context;
    this.publicKey = Header.with(Header.PUBLIC_KEY, context.digest(), Native.publicKey(handle));
  }

  /** The public key on the wire: an encryption of zero in seeded form. */
  public byte[] publicKey() {
    return publicKey.clone();
  }

  /**
   * Encrypts a run of residuals, packed for the backward kernel with tiles of width {@code width}.
   *
   * @param residuals integers with |r| < t
   * @param from first residual
   * @param count 1 to N/width
   * @return wire bytes
   */
  public byte[] encryptBlock(long[] residuals, int from, int count, int width) {
    return Header.with(
        Header.BLOCK,
        context.digest(),
        with(handle -> Native.encrypt(handle, residuals, from, count, width)));
  }

  /**
   * Decrypts a reply: residues modulo t that, added to the replier's shares, are the true results,
   * off by at most one unit with the probability that {@link ParameterChooser} bounds.
   *
   * @throws MalformedCiphertextException if the bytes are not such a reply
   */
  public long[] open(byte[] reply, int columns, int width, int replyLimbs) {
    Header.check(
        Header.REPLY, context.digest(), reply, context.replyPayload(columns, width, replyLimbs));
    return with(handle -> Native.open(handle, reply, Header.SIZE, columns, width, replyLimbs));
  }
}
