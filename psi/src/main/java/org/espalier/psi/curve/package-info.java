/** What protocols need of Curve25519 beyond X25519 itself. */
package org.espalier.psi.curve;
