package org.espalier.node.link;

import java.time.Duration;

/**
 * A measurement of a link while it was otherwise as busy as it was.
 *
 * @param rtt shortest of several round trips
 * @param bytes how many were sent each way
 * @param sendBytesPerSecond from this node to the partner
 * @param receiveBytesPerSecond from the partner to this node
 */
public record ProbeResult(
    Duration rtt, int bytes, double sendBytesPerSecond, double receiveBytesPerSecond) {}
