/**
 * Which people all parties know, without showing the others: match keys ({@link
 * org.espalier.psi.keys}), and the protocols that align the parties' rows on them ({@link
 * org.espalier.psi.AlignmentProtocol}). Knows nothing of encryption of features, HTTP or jobs.
 */
package org.espalier.psi;
