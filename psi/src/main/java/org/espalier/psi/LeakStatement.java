package org.espalier.psi;

import org.espalier.wire.Party;

/**
 * One thing that a party learns from an alignment.
 *
 * @param learner null: every party
 */
public record LeakStatement(Party learner, String text) {}
