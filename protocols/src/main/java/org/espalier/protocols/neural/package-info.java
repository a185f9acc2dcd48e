/**
 * Neural networks: the federated source layer (level {@code activations}), whose weights are shared
 * between their owner and the label party. Specification: docs/protocols/activations.md.
 */
package org.espalier.protocols.neural;
