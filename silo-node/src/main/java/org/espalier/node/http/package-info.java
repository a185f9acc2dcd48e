/** What the node's HTTP services have in common: how they listen, and whom they answer. */
package org.espalier.node.http;
