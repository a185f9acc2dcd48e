package org.espalier.audit.verify;

/**
 * One thing that is wrong.
 *
 * @param verdict what it amounts to
 * @param seq first event concerned, or -1 if no event is
 * @param text what is wrong, in words, safe to print
 */
public record Finding(Verdict verdict, long seq, String text) {}
