/**
 * The log on disk: one writer, any number of readers, exports.
 *
 * <h2>Files</h2>
 *
 * <pre>
 * lock                        held by the writer
 * reserve                     filled in advance, given up when the disk is full
 * journal                     the entries since the last full bundle
 * kept                        entries that stay although their bundles are pruned
 * checkpoint                  newest signed checkpoint (C2SP tlog-checkpoint)
 * tile/entries/NNN[.p/W]      256 entries (or W), each after its length as uint16 (C2SP tlog-tiles)
 * tile/L/NNN[.p/W]            256 hashes (or W) of level L (C2SP tlog-tiles)
 * </pre>
 *
 * <h2>Journal</h2>
 *
 * <pre>
 * "espalier-audit-journal/1" LF origin LF index-of-first-entry LF LF
 * { 'E' uint16-length entry }  or  { 'C' uint16-length commit-note }
 * </pre>
 *
 * <p>A commit note is a signed note whose text is {@code espalier.org/audit-commit/v1}, origin,
 * size and root, a line each. Its first line keeps it from ever being taken for a checkpoint. The
 * journal begins with the commit of the entries before it, and every group of entries written by
 * one {@code write} and {@code fsync} ends with a commit, so each acknowledged event is covered by
 * a signature. What follows the last commit was never acknowledged.
 *
 * <h2>Kept entries</h2>
 *
 * <pre>
 * "espalier-audit-kept/1" LF index-up-to-which-bundles-go LF LF
 * { uint64-index uint16-length entry }
 * </pre>
 *
 * <p>Written before the event {@code log.pruned}, which states how many entries below its own index
 * there are and a digest of them; bundles are removed after that event is durable.
 *
 * <h2>Bundles</h2>
 *
 * <p>When the journal holds 256 entries they are written as an entry bundle and tiles, and the
 * journal is replaced, by renaming, with one that holds the rest.
 */
package org.espalier.audit.log;
