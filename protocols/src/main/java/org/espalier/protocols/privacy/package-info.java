/** Differential privacy of what a training tells: mechanisms' budgets and how they add up. */
package org.espalier.protocols.privacy;
