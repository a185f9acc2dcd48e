/**
 * Who this node is and whom it trusts: the identity key, the short-lived TLS certificates that it
 * signs, the partners whose identity keys are pinned, and how two institutions become partners.
 * There is no certificate authority.
 */
package org.espalier.node.identity;
