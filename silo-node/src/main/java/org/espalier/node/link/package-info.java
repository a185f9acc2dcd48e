/**
 * Links between partners: one multiplexed, ordered, resumable conversation per pair of nodes, over
 * a WebSocket inside mutual TLS 1.3 that either side may dial.
 *
 * <p>{@link org.espalier.node.link.Links} is the way in. Below it, one {@code Link} per partner
 * outlives the connections that carry it: frames are numbered, kept until the partner acknowledges
 * them, and sent again after a reconnect. A link's state ends (streams fail) when the partner has
 * been silent for the liveness deadline, was restarted, broke the protocol, or is no partner any
 * more.
 */
package org.espalier.node.link;
