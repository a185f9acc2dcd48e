/**
 * What others ask for, derived from the events of a log: records of processing, and events as
 * hospitals' and banks' systems take them.
 */
package org.espalier.audit.report;
