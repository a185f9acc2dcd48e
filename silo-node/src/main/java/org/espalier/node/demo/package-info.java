/**
 * {@code silo demo}: a whole collaboration on one machine, with real nodes as processes of their
 * own, and the comparison that only somebody who owns all the data can make.
 */
package org.espalier.node.demo;
