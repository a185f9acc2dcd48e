/** Exports of one job's events with proofs that they are in the log, for auditors and partners. */
package org.espalier.audit.export;
