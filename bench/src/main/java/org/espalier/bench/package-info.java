/** Benchmarks that print what docs/benchmarks.md records; started by {@code bench/run}. */
package org.espalier.bench;
