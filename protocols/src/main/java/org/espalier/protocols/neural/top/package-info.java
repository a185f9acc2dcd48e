/**
 * The plaintext part of a neural model: everything above the first layer's summed pre-activations,
 * and its training at the label party.
 */
package org.espalier.protocols.neural.top;
