/**
 * Conversations between parties: who talks ({@link org.espalier.wire.Party}), in which run ({@link
 * org.espalier.wire.Session}), over what ({@link org.espalier.wire.Channel}), in which bytes
 * ({@link org.espalier.wire.Encoder}, {@link org.espalier.wire.Decoder}). Knows nothing of HTTP,
 * encryption or jobs.
 */
package org.espalier.wire;
