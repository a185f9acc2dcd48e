/**
 * A tamper-evident log of events, usable on its own.
 *
 * <ul>
 *   <li>{@link org.espalier.audit.merkle}: RFC 6962 hashing and proofs;
 *   <li>{@link org.espalier.audit.checkpoint}: signed tree heads (C2SP signed note and checkpoint);
 *   <li>{@link org.espalier.audit.event}: the closed catalogue of events and their JSON;
 *   <li>{@link org.espalier.audit.log}: the writer, the reader and the export;
 *   <li>{@link org.espalier.audit.verify}: the offline verifier, which reads files only and shares
 *       nothing with the writer but the two hash functions of RFC 6962.
 * </ul>
 *
 * <p>The formats are specified in {@code docs/audit.md}.
 */
package org.espalier.audit;
