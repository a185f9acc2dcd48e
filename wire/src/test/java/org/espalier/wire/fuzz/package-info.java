/** Readers and protocols under inputs that were changed at random; other modules' tests use it. */
package org.espalier.wire.fuzz;
