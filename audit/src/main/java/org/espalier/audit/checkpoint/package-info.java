/**
 * Signed tree heads as the C2SP specifications signed-note and tlog-checkpoint write them, with
 * Ed25519.
 */
package org.espalier.audit.checkpoint;
