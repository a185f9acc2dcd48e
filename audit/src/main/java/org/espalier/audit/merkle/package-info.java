/** The Merkle tree of RFC 6962, section 2.1, over SHA-256. */
package org.espalier.audit.merkle;
