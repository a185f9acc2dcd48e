package org.espalier.protocols.disclosure;

import java.util.Locale;

/** How much training reveals: a setting of the job that every party approves. */
public enum Level {
  /**
   * The default: nothing is opened but a few noised sums over all people and the agreed outputs; a
   * party that deviates reads nothing more.
   */
  SEALED,
  /**
   * Fast, against semi-honest parties: logits are opened to the label party, gradients to owners.
   */
  GRADIENTS,
  /**
   * For networks, against semi-honest parties: the first layer's pre-activations are opened to the
   * label party; its weights are shared.
   */
  ACTIVATIONS,
  /**
   * For networks, against semi-honest parties, and the most talkative: each party's own layers are
   * its own; what they make of each person and the slopes of each person's loss travel in clear.
   */
  SPLIT;

  /** The name in job files. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Reads a name of a job file.
   *
   * @throws IllegalArgumentException if there is no such level
   */
  public static Level parse(String name) {
    for (Level level : values()) {
      if (level.wireName().equals(name)) {
        return level;
      }
    }
    throw new IllegalArgumentException("there is no disclosure level '" + name + "'");
  }
}
