package org.espalier.protocols.glm;

/**
 * Which of the fits between passes the model is, by people who were in none of them.
 *
 * @param people set aside
 * @param pass after which their loss was least, whose weights are the model's; 0: before the first
 * @param loss theirs with these weights, a mean
 */
public record EarlyStop(int people, int pass, double loss) {}
