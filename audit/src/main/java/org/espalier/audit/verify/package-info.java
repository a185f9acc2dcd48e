/**
 * The offline verifier. It reads files only, needs no node and no network, and takes the key to
 * trust from its caller, never from what it checks. To be an independent witness of the writer it
 * has parsers, a tree and a catalogue of its own and shares with it only the two hash functions of
 * RFC 6962.
 */
package org.espalier.audit.verify;
