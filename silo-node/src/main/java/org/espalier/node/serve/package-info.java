/**
 * Scores of single people on request: an HTTP endpoint at the label party's node, which asks the
 * feature parties' nodes over the links, and what these answer under which limits.
 */
package org.espalier.node.serve;
