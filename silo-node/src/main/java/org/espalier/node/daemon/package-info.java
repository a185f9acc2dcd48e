/**
 * The process of a silo node: its home folder, the order in which everything is opened and closed,
 * the audit log behind every act, and what the command line and partners may ask.
 */
package org.espalier.node.daemon;
