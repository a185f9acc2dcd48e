package org.espalier.protocols.cost;

/**
 * A kind of computing, in the units in which protocols count it. Work in a ring of degree N counts
 * N/8192 for each ciphertext.
 */
public enum Work {
  /** What a training begins with, parameters and contexts among it. */
  SET_UP,
  /** A byte of memory that the system has not given before, written for the first time. */
  FRESH_BYTE,
  /** A key pair, or the reading of a public key. */
  KEY,
  /** Sine or cosine of one value, rounded stochastically. */
  WAVE,
  /** A ciphertext of slots, encrypted. */
  SLOT_ENCRYPTION,
  /** A ciphertext of slots, its seed expanded. */
  SLOT_READ,
  /** A ciphertext times a plaintext, slot by slot, added up. */
  SLOT_PRODUCT,
  /** A masked reply of slots. */
  SLOT_REPLY,
  /** One of them opened. */
  SLOT_OPENING,
  /** A ciphertext of a matrix's operand, encrypted. */
  OPERAND_ENCRYPTION,
  /** One of them, its seed expanded. */
  OPERAND_READ,
  /** A block of rows times one operand, what it costs beside its tiles. */
  BLOCK,
  /** A tile of a matrix times one operand: all of its coefficients. */
  TILE,
  /** A tile of a matrix transformed, divided by the lanes. */
  TILE_TRANSFORM,
  /** A masked reply of rows or columns. */
  OPERAND_REPLY,
  /** One of them opened. */
  OPERAND_OPENING,
  /** A tile kept transformed, times one operand. */
  KEPT_TILE,
  /** A tile made of integers, times one operand. */
  MADE_TILE,
  /** An entry of a matrix, times one residue. */
  INTEGER_PRODUCT,
  /** A row of such a product. */
  INTEGER_ROW,
  /** A residue drawn. */
  UNIFORM,
  /** A residue added or subtracted. */
  ADDITION,
  /** A residue times another, added. */
  FIELD_PRODUCT,
  /** A residue packed and written, or read and unpacked and checked. */
  PACKED,
  /** An entry of a matrix, rounded stochastically. */
  ROUNDING,
  /** Second moments and the change of basis: rows × columns². */
  WHITENING,
  /** The same, rows × columns. */
  WHITENING_ENTRY,
  /** A rotation and a Cholesky factor: columns³. */
  ROTATION,
  /** Rows × columns² of the label party's plaintext fit. */
  FIT,
  /** An entry of a matrix of real numbers, times one of a vector. */
  REAL_PRODUCT,
  /** A message sent or received. */
  MESSAGE,
  /** A byte of one. */
  MESSAGE_BYTE,
  /** A point multiplied on Curve25519, a key hashed to a point included. */
  POINT,
  /** What an alignment by an oblivious pseudorandom function begins with. */
  BASE_TRANSFERS,
  /** A key of such an alignment, encoded or evaluated. */
  OPRF_KEY
}
