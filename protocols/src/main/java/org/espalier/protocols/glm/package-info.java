/**
 * Generalised linear models on vertically split data: what is fitted ({@link
 * org.espalier.protocols.glm.TrainingSpec}), how a disclosure level trains it ({@link
 * org.espalier.protocols.glm.TrainingProtocol}), and the plaintext optimum to compare with ({@link
 * org.espalier.protocols.glm.CentralisedLogistic}).
 */
package org.espalier.protocols.glm;
