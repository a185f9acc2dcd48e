/**
 * Layers in plaintext: everything above the first layer's summed pre-activations and its training
 * at the label party, and a party's own layers below. Knows nothing of the protocols.
 */
package org.espalier.protocols.neural.top;
