package org.espalier.he;

import java.util.Arrays;
import java.util.List;
import org.espalier.he.nativelib.Native;

/**
 * Precomputed tables for one set of parameters; the root of keys, ciphertexts and tiles.
 * Thread-safe: any number of threads may use it and different objects made from it.
 */
public final class HeContext extends NativeObject {
  private final Parameters parameters;
  private final byte[] digest;
  private final int ciphertextPayload;

  private HeContext(long handle, Parameters parameters) {
    super(handle);
    this.parameters = parameters;
    this.digest = parameters.digest();
    this.ciphertextPayload = Native.ciphertextSize(handle);
  }

  public static HeContext of(Parameters parameters) {
    return new HeContext(
        Native.context(parameters.degree(), parameters.primes(), parameters.plain()), parameters);
  }

  public Parameters parameters() {
    return parameters;
  }

  byte[] digest() {
    return digest;
  }

  /** A fresh key; one a job. */
  public KeyPair generateKey() {
    return new KeyPair(this, with(Native::secretKey));
  }

  /**
   * The key that a secret seed stands for, the same one every time; its public keys and ciphertexts
   * are fresh.
   *
   * @param seed {@value KeyPair#SEED_BYTES} bytes from a cryptographic generator
   */
  public KeyPair keyOf(byte[] seed) {
    return new KeyPair(this, with(handle -> Native.secretKeyOf(handle, seed)));
  }

  /** Exact length of an encrypted block or public key on the wire. */
  public int ciphertextBytes() {
    return Header.SIZE + ciphertextPayload;
  }

  /** Exact length of a reply on the wire. */
  public long replyBytes(int columns, int width, int replyLimbs) {
    return Header.SIZE + replyPayload(columns, width, replyLimbs);
  }

  long replyPayload(int columns, int width, int replyLimbs) {
    return with(handle -> Native.replySize(handle, columns, width, replyLimbs));
  }

  /**
   * Reads a peer's public key. The uniform half is expanded here from the seed, so it cannot be
   * zero or sparse.
   *
   * @throws MalformedCiphertextException if the bytes are not a key under these parameters or its
   *     seed was used before
   */
  public PublicKey readPublicKey(byte[] bytes, SeedRegistry seeds) {
    return new PublicKey(this, read(Header.PUBLIC_KEY, bytes, seeds), Hashes.sha256(bytes));
  }

  /**
   * Reads a peer's ciphertext; the same rules as for keys.
   *
   * @throws MalformedCiphertextException if the bytes are not a ciphertext under these parameters
   *     or its seed was used before
   */
  public EncryptedBlock readBlock(byte[] bytes, SeedRegistry seeds) {
    return new EncryptedBlock(this, read(Header.BLOCK, bytes, seeds), Hashes.sha256(bytes));
  }

  /**
   * Reads a peer's encrypted slots; the same rules as for keys.
   *
   * @throws MalformedCiphertextException if the bytes are not such a ciphertext under these
   *     parameters or its seed was used before
   */
  public EncryptedBlock readSlots(byte[] bytes, SeedRegistry seeds) {
    return new EncryptedBlock(this, read(Header.SLOTS, bytes, seeds), Hashes.sha256(bytes));
  }

  /**
   * Products with a matrix of {@code columns} columns.
   *
   * @param vectors how many lanes are used
   * @param columnOperands one a group of columns; empty if only Xᵀ·r is wanted
   */
  public MatrixEvaluator matrix(
      LaneLayout layout, int columns, int vectors, List<EncryptedBlock> columnOperands) {
    return new MatrixEvaluator(this, layout, columns, vectors, columnOperands);
  }

  /** A sum of products in slots. */
  public SlotAccumulator slots() {
    return new SlotAccumulator(this);
  }

  /** The layout, if it is one of this ring. */
  LaneLayout fitting(LaneLayout layout) {
    if (layout.degree() != parameters.degree()) {
      throw new IllegalArgumentException("a layout of another degree");
    }
    return layout;
  }

  /** Exact length of the reply of one block of rows on the wire. */
  public long rowReplyBytes(LaneLayout layout, int vectors, int rows, int replyLimbs) {
    return Header.SIZE
        + with(
            handle ->
                Native.rowReplySize(
                    handle, fitting(layout).lanes(), layout.width(), vectors, rows, replyLimbs));
  }

  /** Exact length of the reply of all columns on the wire. */
  public long columnReplyBytes(LaneLayout layout, int vectors, int columns, int replyLimbs) {
    return Header.SIZE
        + with(
            handle ->
                Native.columnReplySize(
                    handle, fitting(layout).lanes(), layout.width(), vectors, columns, replyLimbs));
  }

  /** Exact length of a reply of slots on the wire. */
  public long slotReplyBytes(int replyLimbs) {
    return Header.SIZE + with(handle -> Native.slotReplySize(handle, replyLimbs));
  }

  private long read(int kind, byte[] bytes, SeedRegistry seeds) {
    Header.check(kind, digest, bytes, ciphertextPayload);
    seeds.use(Arrays.copyOfRange(bytes, Header.SIZE, Header.SIZE + SeedRegistry.SEED_BYTES));
    return with(handle -> Native.ciphertext(handle, bytes, Header.SIZE));
  }
}
