/**
 * Intersection by commutative encryption on Curve25519: every list passes through every party's
 * secret multiplication, and only then are lists compared. See docs/protocols/psi-ecdh.md.
 */
package org.espalier.psi.ecdh;
