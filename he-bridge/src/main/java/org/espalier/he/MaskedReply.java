package org.espalier.he;

/**
 * A reply that may be sent, and this party's shares.
 *
 * @param wire what the key holder gets: nothing in it depends on the plaintext operand except
 *     through the sum that needs both sides' shares
 * @param shares residues modulo t: decrypted value + share = true result
 */
public record MaskedReply(byte[] wire, long[] shares) {}
