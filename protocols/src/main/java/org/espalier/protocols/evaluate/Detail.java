package org.espalier.protocols.evaluate;

/**
 * How near figures of an evaluation may come to the score of a single person.
 *
 * <p>Curves, bins and quantiles of predictions are, taken finely enough, the predictions
 * themselves.
 */
public enum Detail {
  /**
   * No figure is of fewer than {@value #FEWEST} people: at most ten bins, each of so many; where a
   * bin ends is told as the mean of the {@value #FEWEST} predictions around that end. No two of
   * those sets of {@value #FEWEST} share people.
   */
  AGGREGATE(10),
  /** Single people's predictions may show: bins' ends, and curves of up to 200 points. */
  EXACT(200);

  /** People whom a figure is of at least, unless single people's predictions may show. */
  public static final int FEWEST = 20;

  private final int points;

  Detail(int points) {
    this.points = points;
  }

  /** Most points of a curve, its beginning and its end not counted where points are bins' ends. */
  int points() {
    return points;
  }

  /** Whether figures of so many people may be told at all. */
  public boolean allows(int people) {
    return this == EXACT || people >= FEWEST;
  }
}
