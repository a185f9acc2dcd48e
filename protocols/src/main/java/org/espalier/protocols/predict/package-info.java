/** Joint prediction: the label party learns the sum of all parties' logits, row by row. */
package org.espalier.protocols.predict;
