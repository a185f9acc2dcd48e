/**
 * The read-only console: pages for a browser on what the command line can show, rendered here, with
 * one style sheet and one small script, and nothing from elsewhere.
 */
package org.espalier.node.console;
