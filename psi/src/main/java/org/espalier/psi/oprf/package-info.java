/**
 * Intersection of two parties' sets by an oblivious pseudorandom function from vector oblivious
 * linear evaluation and an oblivious key-value store. See docs/protocols/psi-oprf.md.
 */
package org.espalier.psi.oprf;
