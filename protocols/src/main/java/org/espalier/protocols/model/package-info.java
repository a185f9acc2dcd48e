/** What a party keeps of a trained model: its own slice, with all that scoring needs. */
package org.espalier.protocols.model;
