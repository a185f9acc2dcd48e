package org.espalier.protocols.glm;

/** Hears of every finished pass at the label party. */
@FunctionalInterface
public interface PassListener {
  void pass(PassReport report);
}
