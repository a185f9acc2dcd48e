/**
 * What is logged: a closed catalogue of event types, a builder with the groups what, when, who,
 * why, with whom and on what, and the one JSON form of an event.
 *
 * <p>An event that is not in the catalogue, lacks what its type requires, or is longer than {@link
 * org.espalier.audit.event.Event#MAX_BYTES} cannot be built.
 */
package org.espalier.audit.event;
