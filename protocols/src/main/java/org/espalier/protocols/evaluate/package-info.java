/** How good predictions are, computed where the labels are. */
package org.espalier.protocols.evaluate;
