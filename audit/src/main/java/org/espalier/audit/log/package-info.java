/**
 * The log on disk: one writer, any number of readers, exports.
 *
 * <h2>Files</h2>
 *
 * <pre>
 * lock                        held by the writer
 * reserve                     filled in advance, given up when the disk is full
 * journal                     the entries since the last full bundle
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
 * <p>When the journal holds 256 entries they are written as an entry bundle and tiles, and the
 * journal is replaced, by renaming, with one that holds the rest.
 */
package org.espalier.audit.log;
