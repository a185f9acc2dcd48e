/**
 * From a party's raw table to the dense matrix that its model is trained on: imputation, one-hot
 * encoding, standardisation ({@link org.espalier.protocols.prepare.Preparation}) and secret
 * whitening ({@link org.espalier.protocols.prepare.Whitening}). All of it local and in plaintext.
 */
package org.espalier.protocols.prepare;
