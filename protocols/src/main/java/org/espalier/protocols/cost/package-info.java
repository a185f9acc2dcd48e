/** What a protocol costs before it runs: its steps in numbers, and how long they would take. */
package org.espalier.protocols.cost;
