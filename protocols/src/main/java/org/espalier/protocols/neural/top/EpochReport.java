package org.espalier.protocols.neural.top;

/**
 * How far a network is after a sweep over all rows. Losses are means over the sweep, each row's
 * before the step that it is in.
 *
 * @param epoch from 1
 * @param loss of the rows that train, units dropped
 * @param watched of the rows set aside; NaN if there are none
 */
public record EpochReport(int epoch, double loss, double watched) {}
