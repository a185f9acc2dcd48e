package org.espalier.audit.log;

/**
 * Where an event stands.
 *
 * @param seq index of the leaf
 * @param id identifier, which a partner's log can refer to
 */
public record Place(long seq, String id) {}
