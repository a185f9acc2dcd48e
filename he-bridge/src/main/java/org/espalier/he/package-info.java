/**
 * Homomorphic encryption for linear layers, on Microsoft SEAL.
 *
 * <p>The scheme is BFV with exact arithmetic modulo a prime t; vectors are packed into
 * coefficients, so that a product of a plaintext matrix and an encrypted vector needs no rotations
 * (Cheetah, USENIX Security 2022). Parameters are computed from bounds on the data by {@link
 * org.espalier.he.ParameterChooser}; fewer than 128 bits of security cannot be constructed. This
 * module knows nothing of parties or networks.
 */
package org.espalier.he;
