/**
 * Logs witness each other, as C2SP tlog-witness and tlog-cosignature say: whoever runs a log has
 * its heads signed by others, who remember how far it had come and sign nothing that does not
 * continue that. They see sizes and hashes only.
 */
package org.espalier.audit.witness;
