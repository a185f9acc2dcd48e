/** Disclosure levels, what each party learns at them, and the limits that follow. */
package org.espalier.protocols.disclosure;
