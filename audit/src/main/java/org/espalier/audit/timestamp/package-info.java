/** Has checkpoints stamped by a time-stamping authority (RFC 3161) and keeps the tokens. */
package org.espalier.audit.timestamp;
