/** What all alignment protocols share: their links to peers, and how a run begins and ends. */
package org.espalier.psi.run;
