/** How a table's columns become the keys on which people are matched. */
package org.espalier.psi.keys;
