/**
 * Neural networks over all parties' columns, one {@link
 * org.espalier.protocols.neural.SourceProtocol} for each level: the federated source layer ({@code
 * activations}), whose weights are shared between their owner and the label party, and layers that
 * each party has for itself ({@code split}). Specifications: docs/protocols/activations.md,
 * docs/protocols/split.md.
 */
package org.espalier.protocols.neural;
