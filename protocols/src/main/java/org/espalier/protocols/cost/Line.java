package org.espalier.protocols.cost;

/**
 * One direction between two parties.
 *
 * @param bytesPerSecond above 0
 * @param oneWaySeconds from one end to the other, 0 or more
 */
public record Line(double bytesPerSecond, double oneWaySeconds) {
  public Line {
    if (!(bytesPerSecond > 0) || !(oneWaySeconds >= 0 && oneWaySeconds < 3600)) {
      throw new IllegalArgumentException(
          "a line of " + bytesPerSecond + " bytes/s and " + oneWaySeconds + " s");
    }
  }
}
