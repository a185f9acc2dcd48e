/** The node's figures for monitoring systems, in the text format of Prometheus. */
package org.espalier.node.metrics;
